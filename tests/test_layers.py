# ruff: noqa: E501
"""Who may import whom. Arrows go down: a room imports rooms of lower floors, and only those named here."""

import ast
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "curate"

FLOORS = {  # room: (floor, rooms that it may import; `errors` always)
    "errors": (1, set()),
    "kernels": (1, set()),
    "urls": (1, set()),
    "executors": (1, set()),
    "formula": (1, set()),
    "documents": (2, set()),
    "stage": (3, {"documents", "kernels"}),
    "store": (3, {"documents", "kernels", "urls"}),
    "models": (3, {"documents", "kernels"}),
    "banding": (2, {"kernels"}),
    "control_tokens": (2, set()),
    "shingling": (4, {"stage", "documents", "kernels"}),
    "scoping": (4, {"stage", "documents", "kernels"}),
    "domains": (4, {"stage", "kernels"}),
    "weighing": (3, {"documents", "kernels"}),
    "budgets": (4, {"stage", "weighing"}),
    "targets": (4, {"stage"}),
    "mixtures": (5, {"budgets"}),
    "remembering": (4, {"stage"}),
    "keeping": (5, {"scoping", "remembering", "stage", "documents", "kernels"}),
    "passages": (5, {"scoping", "remembering", "stage", "documents", "kernels"}),
    "stages": (6, {"banding", "keeping", "remembering", "passages", "shingling", "stage", "documents", "kernels", "models", "formula", "weighing", "budgets", "targets", "mixtures", "control_tokens", "domains"}),
    "catalog": (4, {"stage"}),
    "report": (4, {"store", "models", "kernels", "documents"}),
    "mixing": (6, {"store", "models", "kernels", "documents", "mixtures", "executors"}),
    "fit": (4, {"store", "models", "kernels", "documents"}),
    "annotation": (4, {"store", "models", "kernels", "documents"}),
    "recipe": (5, {"catalog", "stage", "urls"}),
    "plan": (6, {"recipe", "stage", "documents"}),
    "engine": (7, {"remembering", "urls", "plan", "recipe", "stage", "store", "kernels", "documents", "executors"}),
    "cli": (8, {"__init__", "urls", "engine", "executors", "plan", "recipe", "catalog", "report", "store", "models", "stage", "documents", "fit", "annotation", "mixing"}),
    "__main__": (9, {"cli"}),
    "__init__": (9, {"stage", "documents"}),
}  # fmt: skip
"""The face of the package, `__init__`, is for stages of a user's own; within the package only its version is asked."""

ONLY_IN = {
    "ray": ("executors/ray.py",),
    "numba": ("kernels/",),
    "typer": ("cli/",),
    "rich": ("cli/",),
    "httpx": ("annotation/",),
    "yaml": ("recipe/", "mixtures.py"),
    "multiprocessing": ("executors/",),
    "pyarrow.parquet": ("store/",),
}
"""Library → the only places that may import it."""

MODULES = sorted(PACKAGE.rglob("*.py"))


def place(module: Path) -> str:
    return module.relative_to(PACKAGE).as_posix()


def room_of(module: Path) -> str:
    return place(module).split("/")[0].removesuffix(".py")


def imports(module: Path) -> set[str]:
    """Full names of all modules that a file imports, at its top or inside of functions."""
    found = set()
    for node in ast.walk(ast.parse(module.read_bytes())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{place(module)}: imports are absolute"
            found |= {str(node.module)} | {f"{node.module}.{alias.name}" for alias in node.names}
    return found


def rooms(module: Path) -> set[str]:
    """Other rooms of the package that a file imports from."""
    parts = [name.split(".") for name in imports(module)]
    found = {part[1] if part[1] in FLOORS else "__init__" for part in parts if part[0] == "curate" and len(part) > 1}
    found |= {"__init__"} if ["curate"] in parts and not found else set()
    return found - {room_of(module)}


@pytest.mark.parametrize("module", MODULES, ids=place)
def test_who_imports_whom(module):
    _, allowed = FLOORS[room_of(module)]
    assert rooms(module) <= allowed | {"errors"}


def test_the_table_goes_down():
    for room, (floor, allowed) in FLOORS.items():
        assert all(FLOORS[other][0] < floor for other in allowed - {"__init__"}), room


def test_stages_do_not_know_each_other():
    for module in MODULES:
        if room_of(module) == "stages":
            others = {name for name in imports(module) if name.startswith("curate.stages.")}
            assert not others, place(module)


def test_rooms_that_are_given_an_executor_know_none():
    for module in MODULES:
        if room_of(module) in ("engine", "mixing"):
            known = {name for name in imports(module) if name.startswith("curate.executors.")}
            assert known <= {"curate.executors.Executor", "curate.executors.Failure"}, place(module)


@pytest.mark.parametrize("library", ONLY_IN)
def test_libraries_stay_in_their_rooms(library):
    users = {
        place(module)
        for module in MODULES
        if any(name == library or name.startswith(f"{library}.") for name in imports(module))
    }
    assert {user for user in users if not user.startswith(ONLY_IN[library])} == set()


def test_there_is_no_room_for_odds_and_ends():
    names = {part.removesuffix(".py") for module in MODULES for part in place(module).split("/")}
    assert not names & {"utils", "util", "helpers", "helper", "common", "misc"}


def test_files_stay_short_enough_to_be_read():
    long = {place(module): len(module.read_text().splitlines()) for module in MODULES}
    assert {name: lines for name, lines in long.items() if lines > 450} == {}
