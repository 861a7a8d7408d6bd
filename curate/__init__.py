"""curate: raw text into training data for language models. The public face: what a stage of your own imports."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from curate.documents import Batch
    from curate.stage import Annotate, Column, Edit, Filter, Global, Keys, Match, One, Outcome, Rewrite, Threshold

__version__ = "0.1.0"
__all__ = [
    "Annotate",
    "Batch",
    "Column",
    "Edit",
    "Filter",
    "Global",
    "Keys",
    "Match",
    "One",
    "Outcome",
    "Rewrite",
    "Threshold",
]


def __getattr__(name: str) -> Any:
    """Load a name when it is asked for: `curate --help` must not wait for Arrow."""
    if name not in __all__:
        raise AttributeError(f"module 'curate' has no attribute {name!r}")
    return getattr(importlib.import_module("curate.documents" if name == "Batch" else "curate.stage"), name)
