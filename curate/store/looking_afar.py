"""A run in a store, brought to this machine to be looked at; nothing there is changed."""

from __future__ import annotations

from pathlib import Path

from curate.errors import RecipeError, StoreError
from curate.store.folder import GENERATIONS
from curate.store.mirror import Mirror
from curate.urls import joined, looks_folder, problem, work_folder


def brought(url: str) -> Path:
    """The folder with the files of a run, or of a generation of one, as the store has them now.

    The folder in which the run works, if it worked on this machine and is as the store is; else one of its own. What
    was brought before is not brought again. Raises RecipeError or StoreError.
    """
    why_not = problem(url)
    if why_not is not None:
        raise RecipeError(why_not)
    root, mark, below = url.rstrip("/").partition(f"/{GENERATIONS}/")
    own = Mirror(work_folder(root), root)
    if not own.is_as_stored():
        own = Mirror(looks_folder(root), root)
        own.bring_to_look()
    if not (own.folder / "manifest.json").exists() and not mark:
        raise StoreError(
            f"{root}: there is no finished run here"
            + ("; one is at work, or was stopped: start it again" if own.state.files else "")
        )
    return own.folder / joined(GENERATIONS, below) if mark else own.folder
