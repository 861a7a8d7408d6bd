"""A recipe's text → Recipe, and back."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from curate.recipe.model import Recipe


def load(path: Path | str, overrides: Sequence[str] = (), env: Mapping[str, str] = os.environ) -> Recipe:
    """The recipe in a file. `overrides`: as in `--set path.to.option=value`. Raises RecipeError."""
    raise NotImplementedError


def loads(
    text: str, *, source: Path | None = None, overrides: Sequence[str] = (), env: Mapping[str, str] = os.environ
) -> Recipe:
    """The recipe in a text; stages of the user's own are found relative to `source`. Raises RecipeError."""
    raise NotImplementedError


def dump(recipe: Recipe) -> str:
    """YAML that loads back to the same recipe anywhere: variables, overrides and paths of stages resolved."""
    raise NotImplementedError


def prepend(recipe: Recipe, name: str, options: Mapping[str, Any], *, label: str) -> Recipe:
    """The recipe with one more step before all others."""
    raise NotImplementedError
