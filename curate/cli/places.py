"""The output folder of a run as commands that read take it: on this machine, or in a store."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def located(given: str) -> Path:
    """The folder on this machine; of an address in a store, the folder to which its files are brought."""
    from curate.urls import is_remote

    if not is_remote(given):
        return Path(given)
    from curate.store.looking_afar import brought

    return brought(given)


def out(text: str, metavar: str = "OUT") -> typer.models.ArgumentInfo:
    """An argument that names the output of a run."""
    found: typer.models.ArgumentInfo = typer.Argument(metavar=metavar, help=text, parser=located)
    return found


def brought_recipe(given: str) -> Path:
    """The file of a recipe; of one in a store, the file to which it is brought."""
    from curate.urls import is_in_store

    if not is_in_store(given):
        return Path(given)
    from curate.store.fetched import fetched

    return Path(fetched(given))


Out = Annotated[Path, out("The output folder of a run.")]
