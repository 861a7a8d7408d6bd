"""A first reading of the corpus: for each document its domain, a hash of its text, and its size."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from curate.errors import RecipeError
from curate.kernels.hashing import hash64
from curate.kernels.text import char_counts
from curate.mixing.options import Corpus
from curate.mixing.ordering import Hashes, Integers
from curate.store.reading import Reader

MOST_DOMAINS = 10_000

Labels = npt.NDArray[np.int32]
Mask = npt.NDArray[np.bool_]
Condition = Mapping[str, Sequence[str]]
"""Column → values, one of which a document must have, as text; of several columns, in all."""


@dataclass(frozen=True)
class Survey:
    """One row for each document of the corpus, in the order of reading: 20 bytes each."""

    names: tuple[str, ...]
    """Of domains, the largest first."""
    domain: Labels
    """int32[n]; -1: it has none."""
    key: Hashes
    """uint64[n]: of the text."""
    size: Integers
    """int64[n]: characters or tokens."""
    wanted: tuple[Mask, ...]
    """bool[n] for each condition: whether a document meets it."""


def look(reader: Reader, corpus: Corpus, conditions: Mapping[str, Condition]) -> Survey:
    """Read the corpus once. conditions: by target.

    Raises RecipeError if it has no domains, or too many, or a condition is on a column whose values are no texts.
    """
    reader.check([name for condition in conditions.values() for name in condition])
    further = tuple({name: None for condition in conditions.values() for name in condition})
    wanted: list[list[Mask]] = [[] for _ in conditions]
    codes: dict[str | None, int] = {}
    parts: list[tuple[Labels, Hashes, Integers]] = []
    for table in tables(reader, corpus, further):
        for masks, (target, condition) in zip(wanted, conditions.items(), strict=True):
            masks.append(_meets(table, condition, target))
        names = table["domain"]
        distinct = pc.unique(names)
        place = np.array([codes.setdefault(name, len(codes)) for name in distinct.to_pylist()], np.int32)
        if len(codes) > MOST_DOMAINS:
            raise RecipeError(
                f"input.domain: column '{corpus.domain}' has more than {MOST_DOMAINS:,} values; a mixture is of some"
                " dozens of domains"
            )
        parts.append((place[pc.index_in(names, distinct).to_numpy()], hash64(table["text"]), sizes(table, corpus)))
    if not parts:
        raise RecipeError(f"there is no document in {', '.join(corpus.paths)}")
    code, key, size = (np.concatenate([part[column] for part in parts]) for column in range(3))
    names = _ordered(codes, code, key, size, corpus)
    ranks = {name: number for number, name in enumerate(names)}
    of_code = np.array([-1 if name is None else ranks[name] for name in codes], np.int32)
    return Survey(names, of_code[code], key, size, tuple(np.concatenate(masks) for masks in wanted))


def _meets(table: pa.RecordBatch, condition: Condition, target: str) -> Mask:
    """bool[n]."""
    found = np.ones(table.num_rows, np.bool_)
    for name, values in condition.items():
        given = table[f"where:{name}"]
        try:
            column = given.cast(pa.large_string())
        except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
            raise RecipeError(
                f"targets.{target}.where: column '{name}' holds {given.type}; it takes texts or numbers"
            ) from None
        found &= pc.is_in(column, pa.array(values, pa.large_string())).to_numpy(zero_copy_only=False)
    return found


def tables(reader: Reader, corpus: Corpus, further: Sequence[str] = ()) -> Iterator[pa.RecordBatch]:
    """Batches of `text`, `domain` (large_string, null where there is none) and the column of tokens.

    further: columns that are there as well, as `where:<name>`.
    """
    columns = [corpus.domain, *([corpus.tokens_column] if corpus.tokens_column else [])]
    for table in reader.read(list(dict.fromkeys([*columns, *further]))):
        given = table[corpus.domain]
        try:
            names = given.cast(pa.large_string())
        except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
            raise RecipeError(
                f"input.domain: column '{corpus.domain}' holds {given.type}; a domain is a name or a number"
            ) from None
        fields = {"text": table["text"], "domain": names, **{name: table[name] for name in columns[1:]}}
        fields |= {f"where:{name}": table[name] for name in further}
        yield from pa.table(fields).combine_chunks().to_batches()


def sizes(table: pa.RecordBatch, corpus: Corpus) -> Integers:
    """int64[n]: characters, or tokens. Raises RecipeError if a number of tokens is none."""
    if corpus.tokens_column is None:
        return char_counts(table["text"])
    tokens = table[corpus.tokens_column]
    if not pa.types.is_integer(tokens.type) or tokens.null_count or (len(tokens) and pc.min(tokens).as_py() < 0):
        raise RecipeError(f"input.tokens_column: '{corpus.tokens_column}' must give every document's number of tokens")
    return np.asarray(tokens.cast(pa.int64()).to_numpy())


def _ordered(
    codes: Mapping[str | None, int], code: Labels, key: Hashes, size: Integers, corpus: Corpus
) -> tuple[str, ...]:
    """Names of domains, the largest first, equal ones by their documents: to rename them changes nothing."""
    total = np.bincount(code, size, len(codes))
    first = np.full(len(codes), np.iinfo(np.uint64).max, np.uint64)
    np.minimum.at(first, code, key)
    named = [(name, number) for name, number in codes.items() if name is not None]
    if not named:
        raise RecipeError(f"input.domain: no document has a value in column '{corpus.domain}'")
    return tuple(name for name, _ in sorted(named, key=lambda one: (-total[one[1]], int(first[one[1]]))))
