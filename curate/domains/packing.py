"""Matrices in JSON: their shape, and their numbers as base64."""

from __future__ import annotations

import base64
from typing import Annotated, Any

import numpy as np
import numpy.typing as npt
from pydantic import BeforeValidator, PlainSerializer

_KINDS = {"float32": "<f4", "int8": "i1"}


def _decoded(value: Any) -> Any:
    """{rows, columns, and the kind of numbers with them in base64} → an array [rows, columns]."""
    if not isinstance(value, dict):
        return value
    kind = next((kind for kind in _KINDS if kind in value), None)
    if kind is None:
        raise ValueError(f"a matrix has its numbers as one of {', '.join(_KINDS)}")
    try:
        flat = np.frombuffer(base64.b64decode(value[kind], validate=True), _KINDS[kind])
        return flat.reshape(value["rows"], value["columns"]).astype(kind)
    except (KeyError, TypeError) as error:
        raise ValueError(f"a matrix has rows and columns: {error}") from error


def _encoded(values: npt.NDArray[Any]) -> dict[str, Any]:
    kind = values.dtype.name
    packed = base64.b64encode(np.ascontiguousarray(values, _KINDS[kind]).tobytes()).decode("ascii")
    return {"rows": values.shape[0], "columns": values.shape[1], kind: packed}


_AsJson = (BeforeValidator(_decoded), PlainSerializer(_encoded))
Matrix = Annotated[npt.NDArray[np.float32], *_AsJson]
"""float32[rows, columns]."""
SmallMatrix = Annotated[npt.NDArray[np.int8], *_AsJson]
"""int8[rows, columns]."""
