"""What a search trains and measures on, chosen from the corpus once: a pool of documents by domain, and the targets.

The corpus is read twice and never held. Documents are known by a hash of their text: what is held out, what is in the
pool, and in which order an evaluation takes it follow from that, not from files or their order.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from curate.errors import RecipeError
from curate.kernels.hashing import hash64
from curate.kernels.text import char_counts
from curate.mixing.options import SearchOptions, Target
from curate.mixing.ordering import Hashes, Integers, mixed, running
from curate.mixing.trials import Floats
from curate.store import arrow
from curate.store.reading import Reader

HELD_OUT, POOL = 0x686F6C64, 0x706F6F6C  # seeds of hashes: "hold", "pool"
POOL_BUDGETS = 2.0
"""Budgets of text of each domain that the pool holds at most: so that seeds can differ even where a weight is 1."""

Mask = npt.NDArray[np.bool_]

DOCUMENTS = pa.schema({"domain": pa.int32(), "key": pa.uint64(), "size": pa.int64(), "text": pa.large_string()})
"""Of the pool, and of the targets with `target` for `domain`."""


@dataclass(frozen=True)
class Survey:
    """One row for each document of the corpus."""

    names: list[str]
    """Of domains, in the order of the space: the largest first."""
    domain: npt.NDArray[np.int32]
    """int32[n]; -1: it has none."""
    key: Hashes
    """uint64[n]: of the text."""
    size: Integers
    """int64[n]: characters or tokens."""


@dataclass(frozen=True)
class Prepared:
    """What `prepare` found, as `corpus.json` in the folder of the search holds it."""

    names: tuple[str, ...]
    sizes: Integers
    """int64[k]: what each domain has, without what is held out."""
    available: Integers
    """int64[k]: what a proxy may see of it; smaller if the budget is a part of what is planned."""
    pool: Integers
    """int64[k]: what is in the pool."""
    documents: Integers
    targets: dict[str, dict[str, int]]
    left_out: dict[str, int]

    @property
    def natural(self) -> Floats:
        """float64[k], sums to 1."""
        return np.asarray(self.sizes / self.sizes.sum())

    def facts(self) -> dict[str, Any]:
        """As JSON holds it."""
        return {
            "domains": {
                name: {"size": int(a), "available": int(b), "pool": int(c), "documents": int(d)}
                for name, a, b, c, d in zip(
                    self.names, self.sizes, self.available, self.pool, self.documents, strict=True
                )
            },
            "order": list(self.names),
            "targets": self.targets,
            "left_out": self.left_out,
        }

    @classmethod
    def of_facts(cls, facts: Mapping[str, Any]) -> Prepared:
        """What `facts` gave."""
        domains = [facts["domains"][name] for name in facts["order"]]
        sizes, available, pool, documents = (
            np.array([one[what] for one in domains]) for what in ("size", "available", "pool", "documents")
        )
        order, targets, left_out = tuple(facts["order"]), facts["targets"], facts["left_out"]
        return cls(order, sizes, available, pool, documents, targets, left_out)


def look(reader: Reader, options: SearchOptions) -> Survey:
    """Read the corpus once."""
    corpus = options.input
    codes: dict[str | None, int] = {}
    parts: list[tuple[npt.NDArray[np.int32], Hashes, Integers]] = []
    for table in _tables(reader, options):
        names = table["domain"]
        distinct = pc.unique(names)
        place = np.array([codes.setdefault(name, len(codes)) for name in distinct.to_pylist()], np.int32)
        code = place[pc.index_in(names, distinct).to_numpy()]
        parts.append((code, hash64(table["text"]), sizes_of(table, corpus.tokens_column)))
    if not parts:
        raise RecipeError("the input has no documents")
    code, key, size = (np.concatenate([part[column] for part in parts]) for column in range(3))
    order = {name: number for number, name in enumerate(_ordered(codes, code, key, size))}
    of_code = np.array([order.get(name, -1) for name in codes], np.int32)  # type: ignore[arg-type]
    return Survey(list(order), of_code[code], key, size)


def _tables(reader: Reader, options: SearchOptions) -> Iterator[pa.RecordBatch]:
    """Batches of `text`, `domain` (large_string, null where there is none) and the column of tokens."""
    corpus = options.input
    columns = [corpus.domain, *([corpus.tokens_column] if corpus.tokens_column else [])]
    for table in reader.read(columns):
        given = table[corpus.domain]
        try:
            names = given.cast(pa.large_string())
        except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
            raise RecipeError(
                f"input.domain: column '{corpus.domain}' holds {given.type}; a domain is a name or a number"
            ) from None
        fields = {"text": table["text"], "domain": names}
        fields |= {name: table[name] for name in columns[1:]}
        yield from pa.table(fields).combine_chunks().to_batches()


def sizes_of(table: pa.RecordBatch, tokens_column: str | None) -> Integers:
    """int64[n]: characters, or tokens. Raises RecipeError if a number of tokens is none."""
    if tokens_column is None:
        return char_counts(table["text"])
    tokens = table[tokens_column]
    if not pa.types.is_integer(tokens.type) or tokens.null_count or (len(tokens) and pc.min(tokens).as_py() < 0):
        raise RecipeError(f"input.tokens_column: '{tokens_column}' must give every document's number of tokens")
    return np.asarray(tokens.cast(pa.int64()).to_numpy())


def _ordered(codes: Mapping[str | None, int], code: npt.NDArray[np.int32], key: Hashes, size: Integers) -> list[str]:
    """Names of domains, the largest first, equal ones by their documents: to rename them changes nothing."""
    total = np.bincount(code, size, len(codes))
    first = np.full(len(codes), np.iinfo(np.uint64).max, np.uint64)
    np.minimum.at(first, code, key)
    named = [(name, number) for name, number in codes.items() if name is not None]
    if not named:
        raise RecipeError("input.domain: no document has a value in that column")
    return [name for name, _ in sorted(named, key=lambda one: (-total[one[1]], int(first[one[1]])))]


def prepare(reader: Reader, options: SearchOptions, folder: Path) -> Prepared:
    """Choose pool and targets, and write them to `pool.arrow` and `targets.arrow` in `folder`."""
    survey = look(reader, options)
    owner, kept_targets = _targets(survey, options, folder)
    for_training = (survey.domain >= 0) & (owner < 0)
    taken_keys = np.unique(np.concatenate([survey.key[owner >= 0], kept_targets]))
    leaked = for_training & np.isin(survey.key, taken_keys)
    for_training &= ~leaked
    k = len(survey.names)
    sizes = _sums(survey.domain, survey.size, for_training, k)
    empty = [name for name, size in zip(survey.names, sizes, strict=True) if size == 0]
    if empty:
        raise RecipeError(f"nothing is left to train on of the domains {', '.join(map(repr, empty[:3]))}")
    scale = min(options.budget / options.planned, 1.0) if options.planned else 1.0
    available = np.maximum((sizes * scale).astype(np.int64), 1)
    pooled = _first(survey, for_training, np.minimum(available, int(options.budget * POOL_BUDGETS)))
    counts = _write(reader, options, survey, pooled, owner, folder)
    prepared = Prepared(
        tuple(survey.names), sizes, available, _sums(survey.domain, survey.size, pooled, k),
        _sums(survey.domain, np.ones_like(survey.size), pooled, k), counts,
        {"without a domain": int((survey.domain < 0).sum()), "in a target as well": int(leaked.sum())},
    )  # fmt: skip
    return prepared


def _sums(domain: npt.NDArray[np.int32], size: Integers, rows: Mask, k: int) -> Integers:
    return np.bincount(domain[rows], size[rows], k).astype(np.int64)


def _targets(survey: Survey, options: SearchOptions, folder: Path) -> tuple[npt.NDArray[np.int32], Hashes]:
    """(the target that a document of the corpus is held out for, int32[n], -1: none; keys of texts in files)."""
    owner = np.full(len(survey.key), -1, np.int32)
    chance = mixed(survey.key, HELD_OUT) / 2.0**64
    known = {name: number for number, name in enumerate(survey.names)}
    for number, (name, target) in enumerate(options.targets.items()):
        unknown = [one for one in target.domains if one not in known]
        if unknown:
            some = ", ".join(survey.names[:8])
            raise RecipeError(f"targets.{name}: there is no domain '{unknown[0]}'; there are {some}")
        if target.domains:
            wanted = np.isin(survey.domain, [known[one] for one in target.domains])
            owner[wanted & (chance < target.held_out) & (owner < 0)] = number
    keys = np.empty(0, np.uint64)
    for target in options.targets.values():
        if target.paths:
            with Reader(target.paths, text=target.text) as files:
                keys = np.concatenate([keys, *(hash64(part["text"].combine_chunks()) for part in files.read())])
    return owner, keys


def _first(survey: Survey, rows: Mask, most: Integers) -> Mask:
    """Of each domain the documents that come first by hash, until `most` (int64[k]) is reached."""
    at = np.flatnonzero(rows)
    order = at[np.lexsort((mixed(survey.key[at], POOL), survey.domain[at]))]
    before = running(survey.domain[order], survey.size[order])
    taken = np.zeros(len(rows), np.bool_)
    taken[order[before < most[survey.domain[order]]]] = True
    return taken


def _write(
    reader: Reader, options: SearchOptions, survey: Survey, pooled: Mask, owner: npt.NDArray[np.int32], folder: Path
) -> dict[str, dict[str, int]]:
    """Both files, from a second reading."""
    chosen = _within(survey, owner, list(options.targets.values()))
    counts: dict[str, dict[str, int]] = {}
    names = list(options.targets)
    measured = [{"documents": 0, "characters": 0} for _ in names]
    with (
        arrow.Writer(folder / "pool.arrow", DOCUMENTS, {}) as pool,
        arrow.Writer(folder / "targets.arrow", DOCUMENTS, {}) as targets,
    ):
        at = 0
        for table in _tables(reader, options):
            rows = np.arange(at, at + table.num_rows)
            at += table.num_rows
            for writer, label, mask in ((pool, survey.domain, pooled), (targets, owner, chosen)):
                here = rows[mask[rows]]
                texts = table["text"].take(pa.array(here - rows[0] if len(rows) else here))
                writer.write(_batch(label[here], survey.key[here], survey.size[here], texts))
                if writer is targets:
                    _count(measured, label[here], texts)
        for number, target in enumerate(options.targets.values()):
            if target.paths:
                for part in _files(target):
                    texts = part["text"].combine_chunks()
                    label = np.full(len(texts), number, np.int32)
                    targets.write(_batch(label, hash64(texts), char_counts(texts), texts))
                    _count(measured, label, texts)
        for name, count in zip(names, measured, strict=True):
            counts[name] = count
            if not count["characters"]:
                raise RecipeError(f"targets.{name}: it has no text; raise held_out, or name other files or domains")
        pool.commit()
        targets.commit()
    return counts


def _batch(label: npt.NDArray[np.int32], key: Hashes, size: Integers, texts: pa.Array) -> pa.RecordBatch:
    return pa.record_batch([pa.array(label), pa.array(key), pa.array(size), texts], schema=DOCUMENTS)


def _count(measured: list[dict[str, int]], label: npt.NDArray[np.int32], texts: pa.LargeStringArray) -> None:
    for number, chars in zip(label.tolist(), char_counts(texts).tolist(), strict=True):
        measured[number]["documents"] += 1
        measured[number]["characters"] += chars


def _within(survey: Survey, owner: npt.NDArray[np.int32], targets: list[Target]) -> Mask:
    """Documents held out that are measured on: the first by hash, until a target has enough."""
    at = np.flatnonzero(owner >= 0)
    order = at[np.lexsort((mixed(survey.key[at], POOL), owner[at]))]
    before = running(owner[order], survey.size[order])
    most = np.array([target.most for target in targets], np.int64)
    chosen = np.zeros(len(owner), np.bool_)
    chosen[order[before < most[owner[order]]]] = True
    return chosen


def _files(target: Target) -> Iterator[pa.Table]:
    """The texts of a target's files, its most characters by hash."""
    with Reader(target.paths, text=target.text) as files:
        keys = [hash64(part["text"].combine_chunks()) for part in files.read()]
        sizes = [char_counts(part["text"].combine_chunks()) for part in files.read()]
        if not keys:
            return
        key, size = np.concatenate(keys), np.concatenate(sizes)
        order = np.argsort(mixed(key, POOL), kind="stable")
        before = np.cumsum(size[order]) - size[order]
        taken = np.zeros(len(key), np.bool_)
        taken[order[before < target.most]] = True
        at = 0
        for part in files.read():
            yield part.filter(pa.array(taken[at : at + part.num_rows]))
            at += part.num_rows
