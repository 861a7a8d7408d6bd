"""YAML → Recipe. Every error has file, line, option, what was expected, what came, and what to try."""

from curate.recipe.card import Card
from curate.recipe.loading import dump, load, load_kept, load_options, loads, prepend
from curate.recipe.model import BadInputLimits, Expect, Input, Output, Recipe, Step
from curate.recipe.permission import Permission, allow_code
from curate.recipe.quantities import parse_share, parse_size, size_text
from curate.recipe.schema import json_schema
from curate.recipe.syntax import inline

__all__ = [
    "BadInputLimits",
    "Card",
    "Expect",
    "Input",
    "Output",
    "Permission",
    "Recipe",
    "Step",
    "allow_code",
    "dump",
    "inline",
    "json_schema",
    "load",
    "load_kept",
    "load_options",
    "loads",
    "parse_share",
    "parse_size",
    "prepend",
    "size_text",
]
