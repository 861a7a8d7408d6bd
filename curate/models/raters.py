"""Raters: a text in, scores from 1 to 5 on DataMan's criteria and one of its 15 domains out."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from curate.errors import StoreError
from curate.kernels.network import forward
from curate.kernels.traits import JOINED, PRIME, SEGMENT, START, Tables
from curate.models.arrays import read_arrays
from curate.models.traits import features, legible, nothing, segments, traits
from curate.models.traits_plain import Traits, legible_one, look_one

BUNDLED = Path(__file__).with_name("raters.npz")
CRITERIA = (
    "accuracy", "coherence", "language_consistency", "semantic_density", "knowledge_novelty", "topic_focus",
    "creativity", "professionalism", "style_consistency", "grammatical_diversity", "structural_standardization",
    "originality", "sensitivity", "overall",
)  # fmt: skip
"""DataMan's fourteen, in its order."""
DOMAINS = (
    "medicine", "finance", "law", "education", "technology", "entertainment", "mathematics", "coding", "government",
    "culture", "transportation", "retail", "telecommunication", "agriculture", "other",
)  # fmt: skip
"""DataMan's fifteen, in its order: its letters A to O."""

_TABLES = ("fold", "kind", "spelling", "stop", "tag", "grammar", "shift")

Floats = npt.NDArray[np.float32]


class Network(NamedTuple):
    """(x - mean) / deviation, clipped to ±4, → a hidden layer → scores, then logits of the domains. All float32."""

    mean: Floats
    deviation: Floats
    inner: Floats
    inner_bias: Floats
    outer: Floats
    outer_bias: Floats


class Ratings(NamedTuple):
    """Of n texts."""

    scores: Floats
    """float32[n, criteria]: 1 to 5; NaN for a text without letters and digits."""
    domain: npt.NDArray[np.int8]
    """int8[n]: index in DOMAINS; -1 for a text without letters and digits."""
    probability: Floats
    """float32[n]: of that domain; NaN likewise."""


class Raters:
    """Two threads may use it at the same time."""

    def __init__(self, tables: Tables, network: Network, pieces: list[str]) -> None:
        self.tables, self.network, self.pieces = tables, network, pieces
        self.vocabulary = {piece: number for number, piece in enumerate(pieces, 1)}
        """Piece, with `##` before it if it is inside a word → its number in the tables, from 1."""

    def features(self, texts: pa.LargeStringArray) -> tuple[Floats, npt.NDArray[np.int64]]:
        """What the network takes in: (float32[segments, in], the text of each segment int64[segments], ascending).

        Texts whose segments have neither letter nor digit have no segment here: there is nothing to rate.
        """
        found, document = traits(texts, self.tables)
        some = legible(found, document)
        return features(found)[some], document[some]

    def rate(self, texts: pa.LargeStringArray) -> Ratings:
        """The ratings of each text, which are the means of those of its segments. No nulls allowed."""
        return rated(self.network, *self.features(texts), len(texts))

    def rate_one(self, text: str) -> Ratings:
        """What `rate` does for one text, the traits found step by step."""
        cut = segments(np.array([len(text)]))
        parts = [text[first : first + SEGMENT] for first in cut.first.tolist()]
        looks = [look_one(part, self.tables, self.vocabulary) for part in parts]
        if not any(legible_one(part, self.tables.fold) for part in parts):
            return self.rate(pa.array([""], pa.large_string()))
        return rated(self.network, features(Traits(*map(np.stack, zip(*looks, strict=True)))), cut.document, 1)


def rated(net: Network, inputs: Floats, document: npt.NDArray[np.int64], n: int) -> Ratings:
    """The ratings of n texts: means over their segments, of which there are inputs float32[segments, in]."""
    x = np.clip((inputs - net.mean) / net.deviation, np.float32(-4), np.float32(4))
    out = forward(x, net.inner, net.inner_bias, net.outer, net.outer_bias).astype(np.float64)
    logits = out[:, len(CRITERIA) :]
    shares = np.exp(logits - logits.max(axis=1, keepdims=True, initial=-np.inf))
    shares /= shares.sum(axis=1, keepdims=True)
    each = np.concatenate([np.clip(out[:, : len(CRITERIA)], 1, 5), shares], axis=1)
    count = np.bincount(document, minlength=n)
    there = np.flatnonzero(count)
    first = np.cumsum(count) - count
    means = np.full((n, each.shape[1]), np.nan)
    if len(there):
        means[there] = np.add.reduceat(each, first[there], axis=0) / count[there, None]
    domain = np.full(n, -1, np.int8)
    domain[there] = means[there, len(CRITERIA) :].argmax(axis=1)
    probability = means[np.arange(n), len(CRITERIA) + np.maximum(domain, 0)]
    return Ratings(means[:, : len(CRITERIA)].astype(np.float32), domain, probability.astype(np.float32))


@lru_cache(maxsize=4)
def load(path: Path = BUNDLED) -> Raters:
    """As `read`, but once in a process."""
    return read(path)


def read(path: Path) -> Raters:
    """The raters in a file that `save` wrote. Raises StoreError if it is none, or cut short."""
    try:
        stored = read_arrays(path)
        pieces = stored["pieces"].tobytes().decode("ascii").split("\n")
        keys, ids = _hashed(pieces)
        own: dict[str, Any] = {name: stored[name].astype(np.uint8, casting="same_kind") for name in _TABLES}
        tables = Tables(**own, keys=keys, ids=ids, vectors=stored["vectors"].astype(np.int8, casting="same_kind"))
        network = Network(*(stored[name].astype(np.float32, casting="same_kind") for name in Network._fields))
        _check(tables, network, len(pieces))
    except FileNotFoundError:
        raise StoreError(f"there are no raters at {path}") from None
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise StoreError(f"{path} has no raters, or is damaged: {error}") from None
    return Raters(tables, network, pieces)


def save(path: Path, tables: Tables, network: Network, pieces: list[str]) -> None:
    """Write raters to a file: numpy's .npz; weights that are not 0 to 255 take two bytes each."""
    stored = {name: value for name, value in tables._asdict().items() if name not in ("keys", "ids")}
    stored["pieces"] = np.frombuffer("\n".join(pieces).encode("ascii"), np.uint8)
    widths = {name: np.float16 if value.ndim == 2 else np.float32 for name, value in network._asdict().items()}
    stored |= {name: value.astype(widths[name]) for name, value in network._asdict().items()}
    with path.open("wb") as file:  # of a path, numpy would make one that ends in .npz
        np.savez_compressed(file, **stored)


def _check(tables: Tables, network: Network, pieces: int) -> None:
    """Raises ValueError if the parts do not fit together: a kernel would read beyond an array."""
    if tables.vectors.ndim != 2 or network.inner_bias.ndim != 1:
        raise ValueError("'vectors' or 'inner_bias' has the wrong shape")
    dim, hidden = tables.vectors.shape[1], len(network.inner_bias)
    inputs = features(nothing(0, dim)).shape[1]
    wanted = {
        "fold": (0x3000,), "kind": (130,), "spelling": (32**3,), "grammar": (40**3,), "stop": (pieces + 1,),
        "tag": (pieces + 1,), "shift": (pieces + 1,), "vectors": (pieces + 1, dim), "mean": (inputs,),
        "deviation": (inputs,), "inner": (inputs, hidden), "inner_bias": (hidden,),
        "outer": (hidden, len(CRITERIA) + len(DOMAINS)), "outer_bias": (len(CRITERIA) + len(DOMAINS),),
    }  # fmt: skip
    for name, shape in wanted.items():
        part = getattr(tables, name, None) if name in Tables._fields else getattr(network, name)
        if part is None or part.shape != shape:
            raise ValueError(f"'{name}' has the wrong shape")
    if not all(np.isfinite(part).all() for part in network):
        raise ValueError("a weight is no finite number")
    if tables.fold.max() >= 130 or tables.kind.max() >= 32 or tables.tag.max() >= 40 or tables.shift.max() > 6:
        raise ValueError("a class is out of range")


def _hashed(pieces: list[str]) -> tuple[npt.NDArray[np.uint64], npt.NDArray[np.int32]]:
    """The keys and ids of `Tables`: as `kernels.traits` hashes pieces, all of them at once."""
    inside = np.array([len(piece) > 2 and piece.startswith("##") for piece in pieces])
    bare = np.array([piece[2:] if joined else piece for piece, joined in zip(pieces, inside, strict=True)], "S")
    letters = bare.view(np.uint8).reshape(len(pieces), -1).astype(np.uint64)
    h = np.where(inside, JOINED, START)
    for column in letters.T:
        mixed = (h ^ column) * PRIME
        h = np.where(column > 0, mixed ^ (mixed >> np.uint64(29)), h)
    size = 1 << (2 * len(pieces)).bit_length()
    keys, ids = np.zeros(size, np.uint64), np.zeros(size, np.int32)
    for number, (key, home) in enumerate(zip(h, (h >> np.uint64(32)).tolist(), strict=True), 1):
        at = home & (size - 1)
        while keys[at]:
            if keys[at] == key:
                raise ValueError(f"the piece '{pieces[number - 1]}' is there twice")
            at = (at + 1) & (size - 1)
        keys[at], ids[at] = key, number
    return keys, ids
