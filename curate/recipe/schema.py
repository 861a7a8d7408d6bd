"""The JSON Schema of whole recipes, so that editors complete and check them."""

from __future__ import annotations

from typing import Any


def json_schema() -> dict[str, Any]:
    """JSON Schema (draft 2020-12) of recipes, with every stage's options and their help."""
    raise NotImplementedError
