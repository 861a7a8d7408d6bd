"""Stages by name. The file name is the stage name, and its class bears it in CamelCase: there is no registry."""

from __future__ import annotations

import ast
import difflib
import importlib
import importlib.util
import sys
from functools import cache
from pathlib import Path
from types import ModuleType

from curate.errors import RecipeError
from curate.stage import Annotate, Edit, Filter, Global, Match, Rewrite, Stage

FOLDER = Path(__file__).parent / "stages"
KINDS: tuple[type[Stage], ...] = (Match, Global, Annotate, Filter, Rewrite, Edit)


@cache
def names() -> tuple[str, ...]:
    """All stages that come with curate, sorted; nothing is imported."""
    return tuple(sorted(path.stem for path in FOLDER.glob("*.py") if not path.stem.startswith("_")))


def stage_class(name: str) -> type[Stage]:
    """The class of a stage. Raises RecipeError if there is none, or if something that it needs is not installed."""
    if name not in names():
        close = difflib.get_close_matches(name, names(), 1)
        raise RecipeError(
            f"no stage is named '{name}'{f'; did you mean {close[0]!r}?' if close else ''}  see: curate stages"
        )
    try:
        module = importlib.import_module(f"curate.stages.{name}")
    except ModuleNotFoundError as error:
        raise RecipeError(
            f"stage '{name}' needs the package '{error.name}', which is not installed; see the extras in the README"
        ) from error
    return _class_in(module, name, FOLDER / f"{name}.py")


def stage_at(path: Path) -> type[Stage]:
    """The class of a user's own stage: in `./my_stage.py`, `class MyStage`. Raises RecipeError if it is not there."""
    path = path.resolve()
    if not path.is_file():
        near = [other.name for other in path.parent.glob("*.py")] if path.parent.is_dir() else []
        close = difflib.get_close_matches(path.name, near, 1)
        raise RecipeError(f"there is no file {path}{f'; did you mean {close[0]!r}?' if close else ''}")
    return _class_in(_load(path, path.stat().st_mtime_ns), path.stem, path)


@cache
def _load(path: Path, changed: int) -> ModuleType:
    spec = importlib.util.spec_from_file_location(f"curate_user_stages.{path.stem}", path)
    if spec is None or spec.loader is None:
        raise RecipeError(f"{path}: Python cannot import this file")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # pydantic and pickle look classes up by the name of their module
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        raise RecipeError(f"{path}: it cannot be imported: {type(error).__name__}: {error}") from error
    return module


def _class_in(module: ModuleType, name: str, path: Path) -> type[Stage]:
    wanted = class_name(name)
    found = getattr(module, wanted, None)
    if not isinstance(found, type):
        classes = [node.name for node in ast.parse(path.read_text()).body if isinstance(node, ast.ClassDef)]
        raise RecipeError(f"{path}: it has no class '{wanted}', after the name of the file; it has: {classes or 'none'}")
    if not issubclass(found, KINDS):
        kinds = ", ".join(kind.__name__ for kind in KINDS)
        raise RecipeError(f"{path}: class '{wanted}' is no stage; derive it from one of {kinds} (from curate import …)")
    return found


def class_name(name: str) -> str:
    """`exact_dedup` → `ExactDedup`."""
    return "".join(part[:1].upper() + part[1:] for part in name.split("_"))


def kind_of(stage: type[Stage]) -> str:
    """`filter`, `annotate`, …: what sort of stage it is."""
    return next(kind.__name__.lower() for kind in KINDS if issubclass(stage, kind))


def summary(stage: type[Stage]) -> str:
    """The first line of a stage's docstring."""
    return (stage.__doc__ or "").strip().split("\n")[0]
