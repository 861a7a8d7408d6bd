"""Which files may be run as stages: those in the recipe's own folder, and those that a person has named.

A recipe is data that people pass on; a stage by path is a program. So a recipe alone can never have a program run that
lies elsewhere, nor can the copy of a recipe in a run folder that was received from somebody.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from curate.errors import RecipeError

VARIABLE = "CURATE_ALLOW_CODE"
"""Of the environment: files and folders, separated as in PATH, that count as named."""

_named: set[Path] = set()


def allow_code(paths: Iterable[Path | str]) -> None:
    """From now on, in this process, these files may be run, and all that lie in these folders."""
    _named.update(_resolved(path) for path in paths)


def check_code(file: Path, folder: Path | None, shown: str) -> None:
    """Raise RecipeError unless a file may be run by a recipe in `folder`; links are followed first, on both sides.

    folder: None for the copy of a recipe in a run folder, which has no say, wherever the file lies.
    """
    target = _resolved(file)
    by_environment = (_resolved(path) for path in os.environ.get(VARIABLE, "").split(os.pathsep) if path)
    for allowed in (*([] if folder is None else [_resolved(folder)]), *_named, *by_environment):
        if allowed == target or allowed in target.parents:
            return
    whence = "" if str(target) == os.path.normpath(file) else f" (it is {target})"
    why = "a run folder asks for it" if folder is None else "it lies outside of the recipe's folder"
    raise RecipeError(
        f"{shown}: {why}{whence}, and a stage is a program;"
        f" read it, and if it is to be run: --allow-code {target}, or {VARIABLE} in the environment"
    )


@dataclass(frozen=True)
class Permission:
    """The permission to run some files, in a form that goes along to the processes that do the work."""

    files: tuple[str, ...]

    def __call__(self) -> None:
        """Give it, in this process."""
        allow_code(self.files)


def _resolved(path: Path | str) -> Path:
    """Absolute and without links, as far as it exists."""
    return Path(os.path.realpath(os.path.expanduser(path)))
