"""Raters from documents that somebody rated, and how near they come to the ratings of documents they never saw."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from curate.errors import CurateError, RecipeError
from curate.fit.cards import publish
from curate.fit.measures import spearman
from curate.fit.rater_card import card
from curate.fit.rater_network import train
from curate.fit.ratings import Ratings, read
from curate.kernels.hashing import hash64
from curate.kernels.text import char_counts
from curate.models.raters import BUNDLED, CRITERIA, DOMAINS, Raters, load, rated, save
from curate.models.raters import Ratings as Said
from curate.models.raters import read as read_raters
from curate.store.files import sha256, whole
from curate.store.reading import Reader

HELD_OUT = 0.2
"""Share of the rated documents that training does not see: as a rule they are few, and a correlation needs some."""
LEAST, LEAST_HELD_OUT = 100, 10
"""Rated documents to train on, and to test on, below which figures and raters say nothing."""
UNRATED = 10_000
"""Documents without ratings that the networks learn from beside the others, at most."""
_SPLIT = 0x73706C6974  # seed: "split"
_DRAW = 0x64726177  # "draw"

Floats = npt.NDArray[np.float32]
Integers = npt.NDArray[np.int64]


@dataclass
class Fitted:
    """What became of a training, as the card and `<raters>.json` have it."""

    counts: dict[str, int] = field(default_factory=dict)
    """Documents."""
    scores: dict[str, float] = field(default_factory=dict)
    """Criterion → Spearman's correlation of ranks with the ratings held out; NaN if one of both is constant."""
    domain: float = float("nan")
    """Share of the documents held out whose domain is right."""
    bundled_scores: dict[str, float] = field(default_factory=dict)
    """The same of the raters that come with the package, of the same documents."""
    bundled_domain: float = float("nan")
    commonest_domain: float = float("nan")
    """What always saying the domain that is the commonest in training would reach."""
    domains: dict[str, int] = field(default_factory=dict)
    """Documents to train on by domain."""
    means: dict[str, float] = field(default_factory=dict)
    """Of the ratings to train on, by criterion."""
    sha256: str = ""


@dataclass(frozen=True)
class _Documents:
    """Some documents: what is known of them, and of their segments."""

    ratings: Ratings
    inputs: Floats
    """float32[segments, in]: what the network takes in."""
    document: Integers
    """int64[segments], ascending: the document of each."""
    keys: npt.NDArray[np.uint64]
    """uint64[documents]: hashes of their texts."""

    def take(self, rows: Integers) -> _Documents:
        """Some of the documents, in the order given."""
        first = np.searchsorted(self.document, rows)
        count = np.searchsorted(self.document, rows, side="right") - first
        within = np.arange(count.sum()) - np.repeat(np.cumsum(count) - count, count)
        ratings = Ratings(self.ratings.scores[rows], self.ratings.domain[rows])
        document = np.repeat(np.arange(len(rows)), count)
        return _Documents(ratings, self.inputs[np.repeat(first, count) + within], document, self.keys[rows])


def fit_raters(
    documents: Reader,
    out: Path,
    *,
    table: Reader | None = None,
    held_out: float = HELD_OUT,
    unrated: int = UNRATED,
    seed: int = 0,
    constant: str = "error",
    about: dict[str, Any] | None = None,
) -> Fitted:
    """Train on rated documents and write `out` (raters, .npz), and beside it its card (.md), for programs (.json).

    Ratings are columns of the documents or, by id, of `table`. A part of the documents, chosen by a hash of the text,
    is for the figures alone. Documents without ratings, up to `unrated` of them, are rated by a teacher, a regression
    on the others, and the networks imitate it. The result is the same in whatever order the documents come.

    constant: error, or keep: what to do about a criterion with the same score everywhere: nothing can be learned of it.
    about: goes into card and JSON as it is. Raises RecipeError for ratings that are none, CurateError when there are
    too few documents, or a criterion is constant.
    """
    found = Fitted()
    base = load(BUNDLED)
    with_ratings, others = _gathered(documents, table, unrated, seed, found)
    aside = _aside(with_ratings.keys, held_out)
    learn, test = with_ratings.take(np.flatnonzero(~aside)), with_ratings.take(np.flatnonzero(aside))
    found.counts = {"training": int((~aside).sum()), "held out": int(aside.sum()), **found.counts}
    _check(learn.ratings, found.counts, constant)
    segments = np.bincount(learn.document, minlength=len(learn.keys))
    each = learn.document
    dim = base.tables.vectors.shape[1]
    weight = (1 / segments[each]).astype(np.float32)  # a document counts once, however long it is
    network = train(
        learn.inputs, learn.ratings.scores[each], learn.ratings.domain[each], others, dim=dim, weight=weight, seed=seed
    )  # fmt: skip
    with whole(out) as part:
        save(part, base.tables, network, base.pieces)
        network = read_raters(part).network  # as it was rounded
    load.cache_clear()  # another file may have been there
    found.scores, found.domain = _figures(rated(network, test.inputs, test.document, len(test.keys)), test.ratings)
    bundled = rated(base.network, test.inputs, test.document, len(test.keys))
    found.bundled_scores, found.bundled_domain = _figures(bundled, test.ratings)
    there = np.bincount(learn.ratings.domain, minlength=len(DOMAINS))
    found.commonest_domain = float((test.ratings.domain == there.argmax()).mean())
    found.domains = {name: int(count) for name, count in zip(DOMAINS, there, strict=True)}
    found.means = dict(zip(CRITERIA, map(float, learn.ratings.scores.mean(0, dtype=np.float64)), strict=True))
    found.sha256 = sha256(out)
    facts = {**(about or {}), "seed": seed, "share_held_out": held_out, **asdict(found)}
    publish(out, facts, card(out.name, facts))
    return found


def _aside(keys: npt.NDArray[np.uint64], share: float) -> npt.NDArray[np.bool_]:
    """bool[n]: about so large a share of hashes, always the same ones."""
    return keys < np.uint64(int(share * 2**64))


def _gathered(
    documents: Reader, table: Reader | None, unrated: int, seed: int, found: Fitted
) -> tuple[_Documents, Floats]:
    """(the rated documents in the order of their hashes, a segment each of documents without ratings)."""
    base = load(BUNDLED)
    some: list[_Documents] = []
    pool = _Pool(unrated)
    counts = dict.fromkeys(("rated in part, left out", "without text, left out", "without ratings"), 0)
    for part in read(documents, table):
        filled = char_counts(part.texts) > 0
        complete, absent = part.ratings.complete & filled, part.ratings.absent & filled
        counts["without text, left out"] += int((~filled).sum())
        counts["rated in part, left out"] += int((filled & ~complete & ~absent).sum())
        counts["without ratings"] += int(absent.sum())
        rows, inputs, document = _legible(base, part.texts, complete)
        counts["without text, left out"] += int(complete.sum()) - len(rows)
        ratings = Ratings(part.ratings.scores[rows], part.ratings.domain[rows])
        keys = hash64(part.texts.take(pa.array(rows)), seed ^ _SPLIT)
        some.append(_Documents(ratings, inputs, document, keys))
        keys = hash64(part.texts, seed ^ _DRAW)
        rows, inputs, document = _legible(base, part.texts, absent & pool.wants(keys))
        pool.add(keys[rows], inputs, document)
    everything = _joined(some)
    counts["without text, left out"] += documents.without_text
    # Equal texts lie together; their ratings, as they are in the hash's order, tell which comes first.
    scores = everything.ratings.scores.T[::-1]
    order = np.lexsort((everything.ratings.domain, *scores, everything.keys))
    others = pool.inputs()
    found.counts = {name: count for name, count in counts.items() if count}
    if len(others):
        found.counts["of them learned from"] = len(others)
    return everything.take(order), others


def _legible(
    base: Raters, texts: pa.LargeStringArray, wanted: npt.NDArray[np.bool_]
) -> tuple[Integers, Floats, Integers]:
    """(rows of the texts, of those wanted, that raters can read; of their segments, what a network takes in, whose)."""
    rows = np.flatnonzero(wanted)
    inputs, document = base.features(texts.take(pa.array(rows)))
    there, document = np.unique(document, return_inverse=True)
    return rows[there], inputs, document


def _joined(some: list[_Documents]) -> _Documents:
    if not some:
        raise RecipeError("the input has no documents")
    sizes = [len(one.keys) for one in some]
    starts = np.cumsum([0, *sizes[:-1]])
    return _Documents(
        Ratings(*(np.concatenate(column) for column in zip(*(one.ratings for one in some), strict=True))),
        np.concatenate([one.inputs for one in some]),
        np.concatenate([one.document + start for one, start in zip(some, starts, strict=True)]),
        np.concatenate([one.keys for one in some]),
    )


class _Pool:
    """A segment each of the documents with the smallest hashes."""

    def __init__(self, most: int) -> None:
        self._most, self._limit = most, np.uint64(2**64 - 1)
        self._keys: list[npt.NDArray[np.uint64]] = [np.zeros(0, np.uint64)]
        self._inputs: list[Floats] = [np.zeros((0, len(load(BUNDLED).network.mean)), np.float32)]

    def wants(self, keys: npt.NDArray[np.uint64]) -> npt.NDArray[np.bool_]:
        """bool[n]: whether documents with these hashes may be among the smallest."""
        return (keys <= self._limit) & (self._most > 0)

    def add(self, keys: npt.NDArray[np.uint64], inputs: Floats, document: Integers) -> None:
        """Take documents with these hashes: what the network takes in of their segments, and whose each segment is."""
        rows = np.arange(len(keys))
        first = np.searchsorted(document, rows)
        count = (np.searchsorted(document, rows, side="right") - first).astype(np.uint64)
        self._keys.append(keys)
        self._inputs.append(inputs[first + (keys % count).astype(np.int64)])
        if sum(map(len, self._keys)) > 2 * self._most + 1000:
            self._prune()

    def _prune(self) -> None:
        keys, inputs = np.concatenate(self._keys), np.concatenate(self._inputs)
        _, places = np.unique(keys, return_index=True)  # equal texts teach nothing new
        places = places[: self._most]
        self._keys, self._inputs = [keys[places]], [inputs[places]]
        if len(places) == self._most:
            self._limit = keys[places[-1]] if self._most else np.uint64(0)

    def inputs(self) -> Floats:
        """float32[up to the most, in], in the order of the hashes."""
        self._prune()
        return self._inputs[0]


def _check(learn: Ratings, counts: dict[str, int], constant: str) -> None:
    """Raise CurateError when nothing can be learned."""
    if counts["training"] < LEAST or counts["held out"] < LEAST_HELD_OUT:
        told = ", ".join(f"{name} {count:,}" for name, count in counts.items())
        raise CurateError(
            f"there are too few rated documents ({told}); raters take {LEAST} to learn from and {LEAST_HELD_OUT} held "
            "out at the very least, and some thousands to be good: rate more of them"
        )
    flat = [name for name, spread in zip(CRITERIA, np.ptp(learn.scores, axis=0), strict=True) if spread == 0]
    if flat and constant == "error":
        raise CurateError(
            f"all {counts['training']:,} documents to learn from have the same score in {', '.join(flat)}: nothing can "
            "be learned of that; rate documents of more kinds, or say --constant keep, for raters that always say it"
        )


def _figures(said: Said, given: Ratings) -> tuple[dict[str, float], float]:
    """(criterion → correlation of ranks, share of right domains)."""
    pairs = zip(CRITERIA, said.scores.T.astype(np.float64), given.scores.T.astype(np.float64), strict=True)
    return {name: spearman(a, b) for name, a, b in pairs}, float((said.domain == given.domain).mean())
