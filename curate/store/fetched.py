"""Models, lists and other files that options name, brought from a store to this machine: once for each content."""

from __future__ import annotations

import hashlib
from pathlib import Path

from curate.errors import RecipeError
from curate.store import objects
from curate.urls import cache_folder, name_of, problem


def fetched(url: str) -> str:
    """The path of a file or folder of a store, as it is there now, in the user's cache.

    Raises RecipeError if it is not there or not permitted, StoreError if the store fails.
    """
    why_not = problem(url)
    if why_not is not None:
        raise RecipeError(why_not)
    try:
        kind = objects.kind_of(url)
        found = [objects.look(url)] if kind == "file" else objects.below(url)
    except objects.Forbidden as error:
        raise RecipeError(str(error)) from None
    if not found:
        raise RecipeError(f"there is no '{url}'")
    depth = 0 if kind == "file" else len(_parts(url))
    state = hashlib.blake2b(repr([(one.url, one.size, one.version) for one in found]).encode(), digest_size=10)
    place = cache_folder() / "files" / state.hexdigest() / name_of(url)
    for one in found:
        path = place.joinpath(*_parts(one.url)[depth:]) if depth else place
        if not path.exists():
            objects.fetch(one.url, path)
    return str(place)


def _parts(url: str) -> list[str]:
    found = [part for part in Path(url.partition("://")[2]).parts if part != "/"]
    if ".." in found:
        raise RecipeError(f"{url}: a name with .. in it can be no file here")
    return found
