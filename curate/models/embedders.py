"""Embedding models in folders of the user's own: model2vec and sentence-transformers, whichever the folder holds."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import lru_cache
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from curate.errors import StoreError
from curate.kernels.vectors import Floats, unit

Encode = Callable[[list[str]], npt.NDArray[np.floating[Any]]]


def is_sentence_transformer(folder: Path) -> bool:
    """Whether it is a model of sentence-transformers, and not of model2vec."""
    return (folder / "modules.json").is_file() and not _is_static(folder)


def files_of(folder: Path) -> tuple[Path, ...]:
    """All that the vectors depend on: the files in the folder and in the folders in it; itself, if it is none.

    Raises StoreError if the folder holds no model that we know.
    """
    if not folder.is_dir():
        return (folder,)
    dimensions(folder)
    inside = (*folder.glob("*"), *folder.glob("*/*"))
    return tuple(sorted(path for path in inside if path.is_file() and path.suffix != ".md"))


def dimensions(folder: Path) -> int:
    """Numbers in a vector, by the files alone. Raises StoreError if the folder holds no model that we know."""
    try:
        if is_sentence_transformer(folder):
            return _of_modules(folder)
        shapes = {name: of["shape"] for name, of in _header(folder / "model.safetensors").items() if "shape" in of}
        return int(shapes["embeddings"][1])
    except (OSError, ValueError, KeyError, IndexError, TypeError) as error:
        raise StoreError(
            f"{folder}: no embedding model that we know ({type(error).__name__}: {error}); it must be a folder of "
            "model2vec (model.safetensors, tokenizer.json) or of sentence-transformers (modules.json)"
        ) from error


def vectors(folder: Path, texts: pa.LargeStringArray) -> tuple[Floats, npt.NDArray[np.int64]]:
    """(float32[m, dim] of length 1, rows int64[m]) of those texts that the model has a vector for."""
    if not len(texts):
        return np.zeros((0, dimensions(folder)), np.float32), np.zeros(0, np.int64)
    return unit(np.asarray(_load(folder)(texts.to_pylist()), np.float32))


@lru_cache(maxsize=2)
def _load(folder: Path) -> Encode:
    """Reads a model, once in a process; without its library, raises StoreError that says what to install."""
    if is_sentence_transformer(folder):
        model = _import("sentence_transformers", "lm").SentenceTransformer(str(folder), device="cpu")
        # One text at a time: beside longer ones it would be padded, and its sums be taken in another order.
        return lambda texts: model.encode(texts, batch_size=1, show_progress_bar=False, convert_to_numpy=True)
    static = _import("model2vec", "embed").StaticModel.from_pretrained(str(folder))
    return lambda texts: static.encode(texts, max_length=None, use_multiprocessing=False)


def _import(name: str, extra: str) -> Any:
    try:
        return import_module(name)
    except ImportError as error:
        raise StoreError(f"this model needs {name}, which is not installed: pip install 'curate[{extra}]'") from error


def _is_static(folder: Path) -> bool:
    """Whether the weights are one table of vectors, as model2vec saves it."""
    try:
        return "embeddings" in _header(folder / "model.safetensors")
    except (OSError, ValueError):
        return False


def _of_modules(folder: Path) -> int:
    """The size that the last of the modules gives that changes it."""
    found = 0
    for module in json.loads((folder / "modules.json").read_bytes()):
        config = folder / module["path"] / "config.json"
        said = json.loads(config.read_bytes()) if module["path"] and config.is_file() else {}
        found = int(said.get("out_features") or said.get("word_embedding_dimension") or found)
    if not found:
        raise ValueError("its modules.json names no module with a number of dimensions")
    return found


def _header(path: Path) -> dict[str, Any]:
    """Of a safetensors file: what tensors there are."""
    with path.open("rb") as file:
        size = int.from_bytes(file.read(8), "little")
        if size > 100_000_000:
            raise ValueError("model.safetensors is no safetensors file")
        return dict(json.loads(file.read(size)))
