"""What must hold for the whole program: data are never run, and never say where files lie."""

from __future__ import annotations

import ast
import json
import re
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from curate import recipe as recipes
from curate.errors import RecipeError
from curate.models import raters, toxicity
from tests.engine.corpus import output, run

ROOT = Path(__file__).parents[1]
SOURCES = sorted(path for folder in ("curate", "scripts") for path in (ROOT / folder).rglob("*.py"))


def names_of(path: Path) -> set[str]:
    """Modules imported and dotted names called in a file, as far as they can be told from its text."""
    found = set()
    for node in ast.walk(ast.parse(path.read_bytes())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            found |= {f"{node.module}.{alias.name}" for alias in node.names} | {str(node.module)}
        elif isinstance(node, ast.Call):
            found.add(ast.unparse(node.func))
    return found


USERS = {
    r"(pickle|cPickle|dill|cloudpickle|joblib|marshal|shelve)(\..*)?": {
        "curate/executors/pool.py",  # between the processes of one run, through pipes that nobody else can reach
        "curate/executors/worker.py",
        "curate/executors/ray.py",  # and those of a Ray cluster
    },
    r"exec|eval|compile|builtins\..*|__import__|runpy\..*": {"curate/catalog/finding.py"},  # stages by path
    r"(os\.system|os\.popen|pty\..*|subprocess(\..*)?)": {
        "curate/mixing/command.py",  # the evaluator of mixtures that is a command of the user's own
    },
    r"yaml\.(load|load_all|full_load|unsafe_load|Loader|FullLoader|UnsafeLoader|CLoader).*": set(),
    r"(torch|sklearn\.externals)\.load": set(),
}
"""What data could be run by → the only files that may use it."""


@pytest.mark.parametrize("pattern", USERS)
def test_what_could_run_data_is_used_only_where_it_is_known(pattern):
    used = {
        path.relative_to(ROOT).as_posix()
        for path in SOURCES
        if any(re.fullmatch(pattern, name) for name in names_of(path))
    }
    assert {name for name in used if name.startswith("curate/")} == USERS[pattern]


def test_the_reader_of_recipes_is_the_safe_one():
    import yaml

    from curate.recipe import syntax

    assert issubclass(syntax._Reader, yaml.SafeLoader)
    assert not issubclass(syntax._Reader, yaml.Loader)


def test_numpy_files_are_never_unpickled():
    calls = [
        (path, node)
        for path in SOURCES
        for node in ast.walk(ast.parse(path.read_bytes()))
        if isinstance(node, ast.Call)
        and ast.unparse(node.func) in ("np.load", "numpy.load", "np.lib.format.read_array")
    ]
    assert calls
    for path, call in calls:
        given = {word.arg: ast.unparse(word.value) for word in call.keywords}
        assert given.get("allow_pickle") == "False", f"{path}:{call.lineno}"


class Boom:
    """An object whose unpickling leaves a mark."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self):
        return Path.touch, (self.mark,)


@pytest.mark.parametrize("read", [raters.read, toxicity.load])
def test_a_model_file_with_an_object_in_it_is_refused(tmp_path, read):
    mark, path = tmp_path / "mark", tmp_path / "model.npz"
    names = ("pieces", "weights", "bias", "step", "vectors", "mean")
    with path.open("wb") as file:
        np.savez(file, **{name: np.array([Boom(mark)], object) for name in names})
    with pytest.raises(Exception, match=r"damaged|no raters"):
        read(path)
    assert not mark.exists()


@pytest.mark.parametrize(
    "text",
    [
        "input: !!python/object/apply:os.system ['touch MARK']\noutput: out\nstages: [normalize]",
        "input: in\noutput: out\nstages:\n  - !!python/name:os.system normalize",
        "!!python/object/new:os.system ['touch MARK']",
    ],
)
def test_a_recipe_makes_no_objects(tmp_path, text):
    with pytest.raises(RecipeError):
        recipes.loads(text.replace("MARK", str(tmp_path / "mark")))
    assert not (tmp_path / "mark").exists()


HOSTILE = [
    "../../../x", "..", ".", "", "/etc/passwd", "~/x", "a/b\\c", "a\0b", "x" * 100_000, "\n", "-rf", "con", "nul.txt",
    "a:b", "${HOME}", "$(touch x)", "\u202e", "😀" * 300, "%2e%2e%2f", "file:///etc/passwd", "data/00000.parquet",
]  # fmt: skip
STAGES = """
  - normalize
  - exact_dedup: {scope: source}
  - url_dedup
  - mixture:
      domain: source
      budget: 20
      by: documents
      shortfall: accept
      schedule: [{name: main, share: 80%}, {name: end, share: 20%}]
"""


def tree(root: Path) -> set[str]:
    return {path.relative_to(root).as_posix() for path in root.rglob("*")}


def test_ids_sources_and_urls_never_become_paths(tmp_path):
    """A run over hostile values writes files with the same names as one over mild values."""
    shapes = []
    for name, values in (("mild", [f"v{i}" for i in range(len(HOSTILE))]), ("hostile", HOSTILE)):
        (tmp_path / name / "in").mkdir(parents=True)
        texts = [f"The text of document {i}, and it is not like any other: {i * i}." for i in range(len(values))]
        table = pa.table({"id": values, "text": texts, "source": values, "url": values, "file": values})
        pq.write_table(table, tmp_path / name / "in/a.parquet")
        lines = [json.dumps({"id": f"j{value}", "text": value + " words", "source": value}) for value in values]
        (tmp_path / name / "in/b.jsonl").write_text("\n".join([*lines, "{broken"]))
        run(recipe(tmp_path / name), source=tmp_path / name / "r.yaml")
        shapes.append(tree(tmp_path / name))
    assert shapes[0] == shapes[1]
    assert tree(tmp_path) == {
        f"{name}{'/' * bool(path)}{path}" for name in ("mild", "hostile") for path in shapes[0] | {""}
    }


def recipe(place: Path) -> str:
    return f"input: {place / 'in'}\noutput: {place / 'out'}\non_bad_input: {{max_documents: 100}}\nstages:{STAGES}"


def test_hostile_ids_come_through_as_they_are(tmp_path):
    (tmp_path / "in").mkdir()
    texts = [f"text {i}" for i in range(len(HOSTILE))]
    pq.write_table(pa.table({"id": HOSTILE, "text": texts}), tmp_path / "in/a.parquet")
    run(f"input: {tmp_path / 'in'}\noutput: {tmp_path / 'out'}\nstages: [normalize]")
    assert output(tmp_path / "out").column("id").to_pylist() == HOSTILE


@given(st.text(min_size=1, max_size=30))
@settings(deadline=None, max_examples=200)
def test_names_in_a_recipe_that_become_paths_are_plain(name):
    """Labels and phases are the only words of a recipe that name files and folders."""
    quoted = json.dumps(name)
    phases = f"[{{name: {quoted}, share: 50%}}, {{name: other, share: 50%}}]"
    for stage in (
        f"normalize: {{as: {quoted}}}",
        f"mixture: {{domain: s, by: documents, budget: 5, schedule: {phases}}}",
    ):
        try:
            found = recipes.loads(f"input: in\noutput: out\nstages:\n  - {stage}", env={})
        except RecipeError:
            continue
        step = found.stages[0]
        for word in (step.label, *(part.folder for part in step.parts())):
            assert re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9_-]*", word, re.ASCII), word
