"""Ratings on DataMan's criteria, read from columns: those that `curate annotate` writes, or a person's own."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from curate.errors import RecipeError
from curate.models.raters import CRITERIA, DOMAINS
from curate.store.reading import Reader

_OTHER_NAMES = {"overall": ("overall_score",)}
_DOMAIN = ("application_domain", "domain")
_LETTERS = {chr(ord("A") + place): place for place in range(len(DOMAINS))}
_PLACES = {**_LETTERS, **{name: place for place, name in enumerate(DOMAINS)}}


class Ratings(NamedTuple):
    """Of n documents."""

    scores: npt.NDArray[np.float32]
    """float32[n, criteria], 1 to 5; NaN where there is none."""
    domain: npt.NDArray[np.int64]
    """int64[n], place in DOMAINS; -1 where there is none."""

    @property
    def complete(self) -> npt.NDArray[np.bool_]:
        """bool[n]: has all scores and a domain."""
        return ~np.isnan(self.scores).any(1) & (self.domain >= 0)

    @property
    def absent(self) -> npt.NDArray[np.bool_]:
        """bool[n]: has nothing of both."""
        return np.isnan(self.scores).all(1) & (self.domain < 0)


@dataclass(frozen=True)
class Rated:
    """Some documents, with their ratings."""

    texts: pa.LargeStringArray
    ratings: Ratings


def columns(reader: Reader) -> list[str]:
    """The columns of the scores, in the order of CRITERIA, and of the domain. Raises RecipeError if one is missing."""
    wanted = [(name, *_OTHER_NAMES.get(name, ())) for name in CRITERIA] + [_DOMAIN]
    found = [next((name for name in names if name in reader.columns), None) for names in wanted]
    missing = [" or ".join(names) for names, there in zip(wanted, found, strict=True) if there is None]
    if missing:
        raise RecipeError(
            f"{reader.files[0].name}: ratings are in fourteen columns and one of domains; there is no "
            f"{', no '.join(missing)}; there is {', '.join(reader.columns)}"
        )
    return [name for name in found if name is not None]


def read(documents: Reader, table: Reader | None = None) -> Iterator[Rated]:
    """Documents and their ratings, which are columns of theirs or, by id, of `table`.

    A document without ratings, such as one that the annotator gave no useful answer about, has NaN and -1. Raises
    RecipeError for a missing column, a value that is no rating, an id that has ratings twice, ids that do not meet.
    """
    if table is None:
        names = columns(documents)
        for part in documents.read(names):
            yield Rated(part["text"].combine_chunks(), _ratings(part, names))
        return
    names = columns(table)
    parts = list(table.read(names, text=False))
    if not any(part.num_rows for part in parts):
        raise RecipeError(f"{table.files[0].name}: there are no ratings in it")
    ratings = [_ratings(part, names) for part in parts]
    every = Ratings(*(np.concatenate(one) for one in zip(*ratings, strict=True)))
    place: dict[str, int] = {}
    for row, id in enumerate(id for part in parts for id in part["id"].to_pylist()):
        if place.setdefault(id, row) != row:
            there = ", ".join(file.name for file in table.files)
            raise RecipeError(f"the document '{id}' has ratings twice, in {there}; leave one of them out")
    met = 0
    for part in documents.read():
        rows = np.array([place.get(id, -1) for id in part["id"].to_pylist()], np.int64)
        met += int((rows >= 0).sum())
        scores = np.where((rows >= 0)[:, None], every.scores[rows], np.float32(np.nan))
        yield Rated(part["text"].combine_chunks(), Ratings(scores, np.where(rows >= 0, every.domain[rows], -1)))
    if not met:
        raise RecipeError(
            f"none of the {len(place):,} ids with ratings is that of a document; do both come from the same input, and "
            "is --id right?"
        )


def _ratings(part: pa.Table, names: list[str]) -> Ratings:
    """The ratings in a table. Raises RecipeError if a value is none."""
    scores = np.stack([_scores(part, name) for name in names[:-1]], axis=1)
    return Ratings(scores, _domains(part, names[-1]))


def _scores(part: pa.Table, name: str) -> npt.NDArray[np.float32]:
    """float32[n]: the scores in a column, NaN for null."""
    column = part[name].combine_chunks()
    if not (pa.types.is_integer(column.type) or pa.types.is_floating(column.type) or pa.types.is_null(column.type)):
        raise RecipeError(f"column '{name}' is {column.type}; scores are numbers from 1 to 5")
    values = np.nan_to_num(column.cast(pa.float64()).to_numpy(zero_copy_only=False), nan=0.0)
    there = column.is_valid().to_numpy(zero_copy_only=False)
    wrong = np.flatnonzero(there & ~((values >= 1) & (values <= 5)))
    if len(wrong):
        row = int(wrong[0])
        raise RecipeError(
            f"column '{name}' of the document '{part['id'][row]}' is {column[row]}; a score is from 1 to 5, or null"
        )
    return np.where(there, values, np.nan).astype(np.float32)


def _domains(part: pa.Table, name: str) -> npt.NDArray[np.int64]:
    """int64[n]: places in DOMAINS of the letters or names in a column, -1 for null."""
    column = part[name].combine_chunks()
    try:
        values = column.cast(pa.large_string()).to_pylist()
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
        raise RecipeError(f"column '{name}' is {column.type}; domains are letters or names") from error
    found = [-1 if value is None else _PLACES.get(value, -2) for value in values]
    if -2 in found:
        row = found.index(-2)
        raise RecipeError(
            f"column '{name}' of the document '{part['id'][row]}' is '{values[row]}'; a domain is a letter, A to O, or "
            f"one of {', '.join(DOMAINS)}"
        )
    return np.array(found, np.int64)
