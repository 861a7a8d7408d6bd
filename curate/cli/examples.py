"""The recipes that come with curate, and the sample shards that they run on: listed, printed, copied."""

from __future__ import annotations

import itertools
import re
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated

import typer

FOLDER = "configs"
"""As recipes address it: they run in the folder in which it lies."""
NOT_FOR_USERS = ("smoke.yaml", "__pycache__")
"""The smoke recipe reads word lists of the tests."""


def recipes(
    name: Annotated[str | None, typer.Argument(metavar="[NAME]", help="Print this one.")] = None,
    to: Annotated[
        Path | None,
        typer.Option(metavar="FOLDER", help=f"Copy all to FOLDER/{FOLDER}, with the documents that they run on."),
    ] = None,
) -> None:
    """List the recipes that come with curate, print one, or copy them all to where they can be run."""
    from curate.errors import RecipeError

    known = {path.stem: path for path in sorted(_folder().glob("*.yaml")) if path.name not in NOT_FOR_USERS}
    if to is not None:
        if name is not None:
            raise RecipeError(f"curate recipes: --to copies all; leave out {name}. To read one: curate recipes {name}")
        _copy(to / FOLDER)
    elif name is None:
        width = max(map(len, known))
        for one, path in known.items():
            typer.echo(f"{one:{width}}  {_summary(path)}")
        typer.echo(f"\nto run them: curate recipes --to . && curate run {FOLDER}/quickstart.yaml")
    elif name.removesuffix(".yaml") in known:
        typer.echo(known[name.removesuffix(".yaml")].read_text(encoding="utf-8"), nl=False)
    else:
        near = get_close_matches(name, known, 1)
        hint = f"did you mean {near[0]}?" if near else f"there are: {', '.join(known)}"
        raise RecipeError(f"curate recipes: there is no recipe '{name}'; {hint}")


def _folder() -> Path:
    """Where they are: in the package, or beside it in a checkout."""
    from curate.errors import CurateError

    package = Path(__file__).parents[1]
    for found in (package / FOLDER, package.parent / FOLDER):
        if (found / "quickstart.yaml").is_file():
            return found
    raise CurateError(f"{package}: the recipes are not there; install curate again from its wheel")


def _summary(path: Path) -> str:
    """The first sentence of the comment at the top."""
    lines = itertools.takewhile(lambda line: line.startswith("# "), path.read_text(encoding="utf-8").splitlines())
    return re.split(r"(?<!et al)\. |:  +", " ".join(line[2:] for line in lines))[0].rstrip(".:")


def _copy(target: Path) -> None:
    import shutil

    from curate.errors import RecipeError

    if target.exists():
        raise RecipeError(f"{target}: it is already there; name another folder: --to FOLDER, or remove it first")
    shutil.copytree(_folder(), target, ignore=shutil.ignore_patterns(*NOT_FOR_USERS))
    run = f"curate run {FOLDER}/quickstart.yaml"
    where = "" if target.parent.resolve() == Path.cwd() else f"cd {target.parent} && "
    typer.echo(f"wrote {target}; now: {where}{run}")
