"""Finds the class of a stage: in `curate/stages`, or in a file of the user's own. Imports that one file."""

from __future__ import annotations

import hashlib
import importlib
import os
import re
import sys
import traceback
from collections.abc import Iterable
from difflib import get_close_matches
from importlib import metadata
from pathlib import Path
from types import ModuleType

from curate.errors import RecipeError
from curate.stage import Annotate, Edit, Filter, Global, Match, PerBatch, Rewrite, Stage

FOLDER = Path(__file__).parents[1] / "stages"

_FORMS: dict[type[Stage], tuple[str, ...]] = {
    Annotate: ("annotate_one", "annotate"),
    Filter: ("judge_one", "judge"),
    Rewrite: ("rewrite_one", "rewrite"),
    Edit: ("edit_one", "edit"),
    Match: ("keys",),
    Global: ("observe",),
    PerBatch: ("process",),
}
"""Kind → the methods of which a stage of that kind must write one. The first kind that fits counts."""

_own: dict[tuple[Path, bytes], type[Stage]] = {}


def names() -> list[str]:
    """Names of all stages that come with curate, in alphabetical order."""
    return sorted(path.stem for path in FOLDER.glob("*.py") if not path.stem.startswith("_"))


def class_name(stem: str) -> str:
    """The class that a file must hold: exact_dedup → ExactDedup."""
    return "".join(word[:1].upper() + word[1:] for word in re.split("[-_]", stem))


def is_path(name: str) -> bool:
    """Whether a stage is named by its file, as in ./my_stage.py."""
    return "/" in name or "\\" in name or name.endswith(".py")


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """What to add to a message: `; did you mean 'x'?` if a known word is like this one, else nothing."""
    by_lower = {one.lower(): one for one in known}
    close = get_close_matches(word.lower(), by_lower, 1)
    return f"; did you mean '{by_lower[close[0]]}'?" if close else ""


def stage_class(name: str) -> type[Stage]:
    """The class of a stage that comes with curate. Raises RecipeError if there is none, or a package is missing."""
    if name not in names():
        raise RecipeError(f"no stage is named '{name}'{did_you_mean(name, names())}  see: curate stages")
    try:
        module = importlib.import_module(f"curate.stages.{name}")
    except ModuleNotFoundError as error:
        if error.name is None or error.name.split(".")[0] == "curate":
            raise
        raise RecipeError(_missing_package(name, error.name)) from error
    found: type[Stage] = getattr(module, class_name(name))
    return found


def load_path(path: Path | str, *, shown: str | None = None) -> type[Stage]:
    """The class in a file of the user's own, whose name it bears in CamelCase. Raises RecipeError.

    `shown`: the path as messages have it, if they are to have another form of it.
    """
    file = Path(os.path.expanduser(path)).absolute()
    shown = shown or str(path)
    if not os.path.isfile(file):
        raise RecipeError(_no_file(file, shown))
    if not re.fullmatch("[A-Za-z_][A-Za-z0-9_-]*", file.stem):
        raise RecipeError(
            f"{shown}: the file name is the stage's name, so it must consist of letters, digits and _ and begin with a"
            f" letter, as in my_stage.py"
        )
    source = file.read_bytes()
    if (file, source) not in _own:
        _own[file, source] = _checked(_executed(file, source), file.stem, shown)
    return _own[file, source]


def _executed(file: Path, source: bytes) -> ModuleType:
    """The file as a module of its own. Its folder is not searched for others, and no byte code is left there."""
    digest = hashlib.blake2b(str(file).encode() + source, digest_size=8).hexdigest()
    module = ModuleType(f"curate_own_{digest}")
    module.__file__ = str(file)
    sys.modules[module.__name__] = module
    try:
        exec(compile(source, str(file), "exec", dont_inherit=True), module.__dict__)
    except SyntaxError as error:
        raise RecipeError(f"{file}:{error.lineno}: this is not Python: {error.msg}") from error
    except ModuleNotFoundError as error:
        raise RecipeError(f"{file}:{_line(error, file)}: it needs '{error.name}', which is not installed") from error
    except Exception as error:
        what = str(error).partition("\n")[0]
        raise RecipeError(f"{file}:{_line(error, file)}: loading it failed: {type(error).__name__}: {what}") from error
    return module


def _checked(module: ModuleType, stem: str, shown: str) -> type[Stage]:
    """The class that the file name promises, if it is a stage and does what its kind must."""
    wanted = class_name(stem)
    found = getattr(module, wanted, None)
    kinds = "Filter, Annotate, Rewrite, Edit, Match or Global"
    if not isinstance(found, type):
        own = [n for n, v in vars(module).items() if isinstance(v, type) and v.__module__ == module.__name__]
        there = f"it has {' and '.join(own)}" if own else "it has no class"
        raise RecipeError(f"{shown}: it must hold a class {wanted}, its file name in CamelCase; {there}")
    if not issubclass(found, Stage):
        raise RecipeError(f"{shown}: class {wanted} is not a stage; derive it from {kinds}: from curate import Filter")
    kind = next((kind for kind in _FORMS if issubclass(found, kind)), None)
    if kind is None or found is kind:
        raise RecipeError(f"{shown}: class {wanted} is a stage of no kind; derive it from {kinds}")
    _check_forms(found, kind, shown)
    return found


def _check_forms(found: type[Stage], kind: type[Stage], shown: str) -> None:
    """Refuse a stage that lacks what its kind must define."""
    article = "an" if kind.__name__[0] in "AE" else "a"
    who = f"{shown}: class {found.__name__} is {article} {kind.__name__}"
    general = "process" if issubclass(kind, PerBatch) else "observe"
    if not any(getattr(found, form) is not getattr(kind, form) for form in {*_FORMS[kind], general}):
        raise RecipeError(f"{who}, but it defines no {' or '.join(_FORMS[kind])}")
    further = ("resolve", "artifact_type", "apply") if kind is Global else ("resolve_range", "apply")
    lacking = [form for form in further if issubclass(kind, Global) and getattr(found, form) is getattr(kind, form)]
    if lacking:
        raise RecipeError(f"{who}, but it defines no {' and no '.join(lacking)}")
    if kind is Annotate and not found.writes and found.columns_written is Stage.columns_written:
        raise RecipeError(f'{who}, but it names no columns; add: writes = {{"my_column": pa.float64()}}')


def _no_file(file: Path, shown: str) -> str:
    """What to say when the file of a stage is not there."""
    beside = [one.name for one in file.parent.glob("*.py")] if file.parent.is_dir() else []
    if f"{file.name}.py" in beside:
        return f"{shown}: there is no such file; did you mean '{shown}.py'?"
    close = get_close_matches(file.name, beside, 1)
    return f"{shown}: there is no such file" + (
        f"; did you mean '{shown[: -len(file.name)]}{close[0]}'?" if close else ""
    )


def _line(error: BaseException, file: Path) -> int | str:
    """The last line of a file that an error came through."""
    lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == str(file)]
    return (lines[-1] or "?") if lines else "?"


def _missing_package(name: str, package: str) -> str:
    """Names the extra that brings a package, as the metadata of curate have it."""
    top = package.split(".")[0].lower().replace("_", "-")
    try:
        requirements = metadata.requires("curate") or []
    except metadata.PackageNotFoundError:
        requirements = []
    for requirement in requirements:
        found = re.match(r"([A-Za-z0-9_.-]+).*extra == ['\"]([^'\"]+)['\"]", requirement)
        if found and found[2] != "dev" and found[1].lower().replace("_", "-").startswith(top):
            top = f"'curate[{found[2]}]'"
    return f"stage '{name}' needs '{package}', which is not installed; install it: pip install {top}"
