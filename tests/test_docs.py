"""What is written about the program is what it does: the README, and the plans of the recipes in `configs/`."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from curate import catalog, plan, recipe
from curate.engine import intake

sys.path.append(str(Path(__file__).resolve().parents[1] / "scripts"))

import readme

ROOT = Path(__file__).resolve().parents[1]
GENERATED = "made by scripts/reference.py"  # these show commands, and are tested by what makes them
PAGES = [
    path.relative_to(ROOT).as_posix()
    for path in sorted([ROOT / "README.md", *(ROOT / "docs").glob("*.md")])
    if not path.read_text(encoding="utf-8").startswith(f"<!-- {GENERATED}")
]
RECIPES = sorted(
    path.name for path in (ROOT / "configs").glob("*.yaml") if "\nstages:" in path.read_text(encoding="utf-8")
)


@pytest.fixture(scope="module")
def where_commands_run(tmp_path_factory):
    """One folder for all pages, so that a later page finds the runs of the earlier ones done."""
    return tmp_path_factory.mktemp("pages")


NEEDS = {"docs/own-scorer.md": "fasttext"}  # of which there are no wheels for some systems


@pytest.mark.skipif(sys.platform == "win32", reason="the pages are for a POSIX shell")
@pytest.mark.parametrize("page", readme.pages())
def test_commands_of_a_page_work_and_print_what_it_says(page, where_commands_run):
    if page in NEEDS:
        pytest.importorskip(NEEDS[page])
    command = [sys.executable, "scripts/readme.py", "--check", page, "--folder", str(where_commands_run)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=900)
    assert done.returncode == 0, done.stderr


COMMAND = re.compile(r"^(\$ )?(curate|make|pip|python) [a-z.<\"'-]", re.MULTILINE)


@pytest.mark.parametrize("page", PAGES)
def test_commands_stand_in_blocks_that_are_run(page):
    """Or in one that says why it is not; so do those that nobody meant to be run here."""
    if page in readme.ELSEWHERE:
        return
    for language, text in re.findall(
        r"^```(\w*)\n(.*?)^```$", (ROOT / page).read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL
    ):
        assert language in ("console", "sh") or not COMMAND.search(text), f"```{language} {text}"


@pytest.mark.parametrize("page", [page for page in PAGES if page.startswith("docs/")])
def test_links_lead_somewhere(page):
    here = ROOT / page
    text = re.sub(r"^```.*?^```$", "", here.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        path, _, heading = target.partition("#")
        to = here.parent / path if path else here
        if re.match("[a-z]+:", target):
            continue
        assert to.exists(), target
        if heading:
            titles = re.findall(r"^#+ (.*)$", to.read_text(encoding="utf-8"), re.MULTILINE)
            assert heading in {re.sub(r"[^\w\- ]", "", one.lower()).replace(" ", "-") for one in titles}, target


@pytest.mark.parametrize("page", PAGES)
def test_recipes_in_the_pages_are_recipes(page, monkeypatch):
    """Blocks of YAML with stages: each has a stage of that name, which takes these options."""
    monkeypatch.chdir(ROOT)
    for text in re.findall(
        r"^```yaml\n(.*?)^```$", (ROOT / page).read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL
    ):
        given = yaml.safe_load(text)
        for entry in given.get("stages", []) if isinstance(given, dict) else given:
            name, options = next(iter(entry.items())) if isinstance(entry, dict) else (entry, None)
            if name.endswith(".py"):
                continue
            assert set(options or ()) <= {option.name for option in catalog.describe(name).options} | {
                "as",
                "expect",
            }, text


def test_the_reference_pages_are_what_the_code_says():
    done = subprocess.run([sys.executable, "scripts/reference.py", "--check"], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("name", RECIPES)
def test_plans_of_the_recipes(name, monkeypatch):
    """To accept a changed plan, remove the file in `tests/golden/` and run the tests twice."""
    monkeypatch.chdir(ROOT)
    asked = recipe.load(Path("configs") / name, env={})
    survey = intake.survey(asked, intake.listing(asked).files)
    shown = plan.describe(plan.make(asked, survey.schema), asked) + "\n"
    golden = ROOT / "tests/golden" / f"plan-{name.removesuffix('.yaml')}.txt"
    if not golden.exists():
        golden.write_text(shown, encoding="utf-8")
        pytest.fail(f"{golden.name} was not there; it is now: read it, and keep it")
    assert shown == golden.read_text(encoding="utf-8")


def test_the_benchmark_has_every_stage_that_reads_text():
    command = [sys.executable, "scripts/bench.py", "configs/sample", "--list"]
    works = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout.split()
    reading = {name for name in catalog.names() if "text" in catalog.stage_class(name).reads}
    assert reading <= set(works)
    assert {"recipe", "select_recipe", "mixture_recipe", "domains_recipe", "fasttext", "domains"} <= set(works)


def test_the_benchmark_runs():
    command = [sys.executable, "scripts/bench.py", "configs/sample", "--only", "sample,recipe", "--repeat", "1"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("MB/CPU-s") == 2
