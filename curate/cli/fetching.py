"""Models over the network, which a run never uses: fetch."""

from __future__ import annotations

from typing import Annotated

import typer


def fetch(
    models: Annotated[
        list[str], typer.Argument(metavar="MODEL...", help="hf://ORG/REPO/FILE[@REVISION]", show_default=False)
    ],
    again: Annotated[bool, typer.Option("--again", help="Fetch it even if it is on this machine.")] = False,
) -> None:
    """Fetch models of the Hugging Face Hub, for recipes that name them; a run itself never uses a network."""
    from curate.models.addressing import HubFile
    from curate.store.hub import download

    for file in [HubFile.parse(address) for address in models]:
        if again or not file.path.exists():
            download(file.url, file.path, file.wrong)
        typer.echo(f"{file.address} is at {file.path}")
