import importlib
import subprocess
import sys
from importlib import metadata

import pytest

from curate import catalog
from curate.errors import RecipeError
from curate.stage import Filter, Stage
from tests.own_stages import SHOUTING, write_stages


def test_the_file_name_is_the_stage_name():
    assert "drop" in catalog.names()
    assert catalog.names() == sorted(catalog.names())
    for name in catalog.names():
        assert issubclass(catalog.stage_class(name), Stage)
        assert catalog.stage_class(name).__module__ == f"curate.stages.{name}"


@pytest.mark.parametrize(
    ("stem", "name"),
    [("exact_dedup", "ExactDedup"), ("c4", "C4"), ("my-own", "MyOwn"), ("a__b", "AB"), ("lowerUpper", "LowerUpper")],
)
def test_class_names(stem, name):
    assert catalog.class_name(stem) == name


@pytest.mark.parametrize("name", ["./x.py", "x.py", "a/b.py", "../x", "C:\\x.py"])
def test_paths_are_told_from_names(name):
    assert catalog.is_path(name)
    assert not catalog.is_path("exact_dedup")


def test_an_unknown_stage():
    with pytest.raises(RecipeError) as error:
        catalog.stage_class("exactdedup")
    assert str(error.value) == "no stage is named 'exactdedup'; did you mean 'exact_dedup'?  see: curate stages"
    with pytest.raises(RecipeError) as error:
        catalog.stage_class("xyz")
    assert str(error.value) == "no stage is named 'xyz'  see: curate stages"


def test_finding_one_stage_imports_no_other():
    code = "import sys; from curate import catalog; catalog.names(); catalog.summary('language');" + (
        "print([m for m in sys.modules if m.startswith('curate.stages.') or m == 'numba'])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_a_missing_package_is_named_with_the_extra_that_brings_it(monkeypatch):
    def import_module(name):
        raise ModuleNotFoundError("No module named 'ray.data'", name="ray.data")

    monkeypatch.setattr(importlib, "import_module", import_module)
    monkeypatch.setattr(metadata, "requires", lambda _: ["numba>=1", "ray[data]>=2.9; extra == 'cluster'"])
    with pytest.raises(RecipeError) as error:
        catalog.stage_class("drop")
    assert str(error.value) == (
        "stage 'drop' needs 'ray.data', which is not installed; install it: pip install 'curate[cluster]'"
    )
    monkeypatch.setattr(metadata, "requires", lambda _: None)
    with pytest.raises(RecipeError, match=r"install it: pip install ray$"):
        catalog.stage_class("drop")


def test_a_defect_of_curate_itself_is_not_taken_for_a_missing_package(monkeypatch):
    def import_module(name):
        raise ModuleNotFoundError("No module named 'curate.kernels.gone'", name="curate.kernels.gone")

    monkeypatch.setattr(importlib, "import_module", import_module)
    with pytest.raises(ModuleNotFoundError):
        catalog.stage_class("drop")


def test_a_stage_of_ones_own(tmp_path):
    found = catalog.load_path(write_stages(tmp_path) / "shouting.py")
    assert issubclass(found, Filter)
    assert found(max_upper=0.1).judge_one("Aaaa") == "shouting"
    assert catalog.load_path(str(tmp_path / "shouting.py")) is found, "the same file is the same class"
    assert not (tmp_path / "__pycache__").exists()


def test_an_edited_stage_is_loaded_anew(tmp_path):
    path = tmp_path / "shouting.py"
    path.write_text(SHOUTING)
    first = catalog.load_path(path)
    path.write_text(SHOUTING.replace("0.5", "0.7"))
    assert (first().max_upper, catalog.load_path(path)().max_upper) == (0.5, 0.7)


FILTER = "from curate import Filter\n"
WRONG = {
    "a b.py": ("", "{path}: the file name is the stage's name, so it must consist of letters, digits and _ and begin"),
    "empty.py": ("", "{path}: it must hold a class Empty, its file name in CamelCase; it has no class"),
    "other.py": (
        FILTER + "class Thing(Filter): pass\nclass That: pass\n",
        "{path}: it must hold a class Other, its file name in CamelCase; it has Thing and That",
    ),
    "plain.py": (
        "class Plain: pass\n",
        "{path}: class Plain is not a stage; derive it from Filter, Annotate, Rewrite,",
    ),
    "bare.py": (
        "from curate.stage import Stage\nclass Bare(Stage): pass\n",
        "{path}: class Bare is a stage of no kind;",
    ),
    "alias.py": ("from curate import Filter as Alias\n", "{path}: class Alias is a stage of no kind; derive it from"),
    "syntax.py": ("x = 1\ny = (\n", "{path}:2: this is not Python: '(' was never closed"),
    "boom.py": ("\n\n1/0\n", "{path}:3: loading it failed: ZeroDivisionError: division by zero"),
    "lib.py": ("\nimport nosuchlib\n", "{path}:2: it needs 'nosuchlib', which is not installed"),
    "half.py": (
        FILTER + "class Half(Filter): pass\n",
        "{path}: class Half is a Filter, but it defines no judge_one or",
    ),
    "silent.py": (
        "from curate import Annotate\nclass Silent(Annotate):\n  def annotate_one(self, text): return {}\n",
        '{path}: class Silent is an Annotate, but it names no columns; add: writes = {{"my_column": pa.float64()}}',
    ),
    "whole.py": (
        "from curate import Global\nclass Whole(Global):\n  def observe(self, batch): ...\n",
        "{path}: class Whole is a Global, but it defines no resolve and no artifact_type and no apply",
    ),
    "field.py": (
        FILTER + "class Field(Filter):\n  limit = 3\n  def judge_one(self, text): return None\n",
        "{path}:2: loading it failed: PydanticUserError: A non-annotated attribute was detected: `limit = 3`.",
    ),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_is_wrong_with_a_stage_of_ones_own(tmp_path, name):
    source, message = WRONG[name]
    (tmp_path / name).write_text(source)
    with pytest.raises(RecipeError) as error:
        catalog.load_path(tmp_path / name)
    assert str(error.value).startswith(message.format(path=tmp_path / name))


@pytest.mark.parametrize(("name", "guess"), [("shoutin.py", "./shouting.py"), ("shouting", "./shouting.py")])
def test_a_file_that_is_not_there(tmp_path, monkeypatch, name, guess):
    monkeypatch.chdir(write_stages(tmp_path))
    with pytest.raises(RecipeError) as error:
        catalog.load_path(f"./{name}")
    assert str(error.value) == f"./{name}: there is no such file; did you mean '{guess}'?"
    with pytest.raises(RecipeError, match=r"^nowhere/x\.py: there is no such file$"):
        catalog.load_path("nowhere/x.py")
