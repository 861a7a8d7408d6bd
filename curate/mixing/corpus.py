"""What a search trains and measures on, chosen from the corpus once: a pool of documents by domain, and the targets.

The corpus is read twice and never held. Documents are known by a hash of their text: what is held out, what is in the
pool, and in which order an evaluation takes it follow from that, not from files or their order.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from curate.errors import RecipeError
from curate.kernels.hashing import hash64
from curate.kernels.text import char_counts
from curate.mixing.options import SearchOptions, Target
from curate.mixing.ordering import Hashes, Integers, mixed, running
from curate.mixing.survey import Labels, Mask, Survey, look, tables
from curate.mixing.trials import Floats
from curate.store import arrow
from curate.store.reading import Reader

HELD_OUT, POOL, DIGEST = 0x686F6C64, 0x706F6F6C, 0x64696765  # seeds of hashes: "hold", "pool", "dige"
POOL_BUDGETS = 2
"""Budgets of text of each domain that the pool holds at most: so that seeds can differ even where a weight is 1."""

DOCUMENTS = pa.schema({"domain": pa.int32(), "key": pa.uint64(), "size": pa.int64(), "text": pa.large_string()})
"""Of the pool; and of the targets, with the number of a target for `domain`."""


@dataclass(frozen=True)
class Prepared:
    """What `prepare` found, as `corpus.json` in the folder of the search holds it."""

    names: tuple[str, ...]
    sizes: Integers
    """int64[k]: what each domain has, without what is held out."""
    available: Integers
    """int64[k]: what a proxy may see of it; smaller if the budget is a part of what is planned."""
    documents: Integers
    """int64[k]: that `sizes` are of."""
    targets: dict[str, float]
    """Their weights in the mean, in order."""
    measured: dict[str, dict[str, int]]
    """Target → documents and characters that are measured on."""
    left_out: dict[str, int]
    digest: str
    """Of all that is trained on: another corpus has another one."""
    texts: dict[str, str]
    """Target → a hash of the texts that are measured on, whatever their order."""

    @property
    def natural(self) -> Floats:
        """float64[k], sums to 1."""
        return np.asarray(self.sizes / self.sizes.sum())

    def facts(self) -> dict[str, Any]:
        """As JSON holds it."""
        columns = zip(self.sizes.tolist(), self.available.tolist(), self.documents.tolist(), strict=True)
        return {
            "domains": [
                {"name": name, "size": size, "available": available, "documents": documents}
                for name, (size, available, documents) in zip(self.names, columns, strict=True)
            ],
            "targets": [{"name": name, "weight": weight} for name, weight in self.targets.items()],
            "measured": self.measured,
            "left_out": self.left_out,
            "digest": self.digest,
            "texts": self.texts,
        }

    @classmethod
    def of_facts(cls, facts: Mapping[str, Any]) -> Prepared:
        """What `facts` gave."""
        domains = facts["domains"]
        sizes, available, documents = (
            np.array([one[what] for one in domains], np.int64) for what in ("size", "available", "documents")
        )
        targets = {one["name"]: one["weight"] for one in facts["targets"]}
        names = tuple(one["name"] for one in domains)
        measured, left_out, digest, texts = (facts[what] for what in ("measured", "left_out", "digest", "texts"))
        return cls(names, sizes, available, documents, targets, measured, left_out, digest, texts)


def prepare(reader: Reader, options: SearchOptions, folder: Path) -> Prepared:
    """Choose pool and targets, and write them to `pool.arrow` and `targets.arrow` in `folder`.

    Raises RecipeError if a target has no text, or a domain nothing to train on.
    """
    conditions = {name: target.where for name, target in options.targets.items() if target.where}
    survey = look(reader, options.input, conditions)
    targets = expanded(options.targets, survey.names)
    owner = _owners(survey, targets)
    taken = np.unique(np.concatenate([survey.key[owner >= 0], _keys_of_files(targets)]))
    domain_known = (survey.domain >= 0) & (owner < 0)
    for_training = domain_known & ~np.isin(survey.key, taken)
    k = len(survey.names)
    sizes = _sums(survey.domain, survey.size, for_training, k)
    empty = [name for name, size in zip(survey.names, sizes.tolist(), strict=True) if not size]
    if empty:
        raise RecipeError(f"nothing is left to train on of the domain '{empty[0]}'; all of it is in targets, or empty")
    scale = min(options.budget / options.planned, 1.0) if options.planned else 1.0
    available = np.maximum((sizes * scale).astype(np.int64), 1)
    pooled = _first(
        survey.domain, survey.key, survey.size, for_training, np.minimum(available, POOL_BUDGETS * options.budget)
    )
    measured, texts = _write(reader, options, survey, pooled, owner, targets, folder)
    left_out = {"no_domain": int((survey.domain < 0).sum()), "in_targets": int((domain_known & ~for_training).sum())}
    documents = _sums(survey.domain, np.ones_like(survey.size), for_training, k)
    weights = {name: target.weight for name, target in targets.items()}
    digest = _digest(survey, for_training)
    return Prepared(survey.names, sizes, available, documents, weights, measured, left_out, digest, texts)


def expanded(targets: Mapping[str, Target], names: tuple[str, ...]) -> dict[str, Target]:
    """The targets; one with `domains: "*"` becomes one for each domain, named as it. Raises RecipeError."""
    found: dict[str, Target] = {}
    for name, target in targets.items():
        each = {one: target.model_copy(update={"domains": (one,)}) for one in names} if "*" in target.domains else {}
        for one, its in (each or {name: target}).items():
            if one in found:
                raise RecipeError(f"targets.{name}: there are two targets called '{one}'; give one another name")
            unknown = [domain for domain in its.domains if domain not in names]
            if unknown:
                some = ", ".join(names[:10]) + (", …" if len(names) > 10 else "")
                raise RecipeError(f"targets.{name}: the corpus has no domain '{unknown[0]}'; there are {some}")
            found[one] = its
    return found


def _owners(survey: Survey, targets: Mapping[str, Target]) -> Labels:
    """int32[n]: the number of the target that a document is held out for; -1: it is not."""
    owner = np.full(len(survey.key), -1, np.int32)
    conditions = iter(survey.wanted)
    for number, target in enumerate(targets.values()):
        wanted = (
            next(conditions)
            if target.where
            else np.isin(survey.domain, [survey.names.index(one) for one in target.domains])
        )
        chance = mixed(survey.key, HELD_OUT + number) / 2.0**64
        owner[wanted & (chance < target.held_out) & (owner < 0)] = number
    return owner


def _keys_of_files(targets: Mapping[str, Target]) -> Hashes:
    keys = [np.empty(0, np.uint64)]
    for target in targets.values():
        if target.paths:
            with Reader(target.paths, text=target.text) as files:
                keys += [hash64(part["text"].combine_chunks()) for part in files.read()]
    return np.concatenate(keys)


def _sums(domain: Labels, size: Integers, rows: Mask, k: int) -> Integers:
    return np.bincount(domain[rows], size[rows], k).astype(np.int64)


def _first(label: Labels, key: Hashes, size: Integers, rows: Mask, most: Integers) -> Mask:
    """Of each label the rows that come first by hash, until `most` (int64[labels]) is reached; bool[n]."""
    at = np.flatnonzero(rows)
    order = at[np.lexsort((mixed(key[at], POOL), label[at]))]
    before = running(label[order], size[order])
    taken = np.zeros(len(rows), np.bool_)
    taken[order[before < most[label[order]]]] = True
    return taken


def _digest(survey: Survey, training: Mask) -> str:
    """Of sums of hashes, so that no order matters: what is trained on, and its sizes, by domain."""
    sums = np.zeros(len(survey.names), np.uint64)
    documents = mixed(survey.key ^ mixed(survey.size.astype(np.uint64), DIGEST), DIGEST)
    np.add.at(sums, survey.domain[training], documents[training])
    return hashlib.sha256(sums.astype("<u8").tobytes()).hexdigest()[:32]


def _digest_of(keys: Hashes) -> str:
    return hashlib.sha256(np.sort(keys).astype("<u8").tobytes()).hexdigest()[:32]


def _write(
    reader: Reader, options: SearchOptions, survey: Survey, pooled: Mask, owner: Labels,
    targets: Mapping[str, Target], folder: Path,
) -> tuple[dict[str, dict[str, int]], dict[str, str]]:  # fmt: skip
    """Both files, from a second reading; what each target has, and a hash of it."""
    most = np.array([target.most for target in targets.values()], np.int64)
    chosen = _first(owner, survey.key, survey.size, owner >= 0, most)
    measured = {name: {"documents": 0, "characters": 0} for name in targets}
    keys = [survey.key[chosen & (owner == number)] for number in range(len(targets))]
    with (
        arrow.Writer(folder / "pool.arrow", DOCUMENTS, {}) as pool,
        arrow.Writer(folder / "targets.arrow", DOCUMENTS, {}) as held,
    ):
        at = 0
        for table in tables(reader, options.input):
            rows = np.arange(at, at + table.num_rows)
            at += table.num_rows
            for writer, label, mask in ((pool, survey.domain, pooled), (held, owner, chosen)):
                here = rows[mask[rows]]
                texts = table["text"].take(pa.array(here - (at - table.num_rows)))
                writer.write(_batch(label[here], survey.key[here], survey.size[here], texts))
                if writer is held:
                    _count(measured, label[here], texts)
        for number, target in enumerate(targets.values()):
            for texts in _texts_of_files(target):
                label = np.full(len(texts), number, np.int32)
                key = hash64(texts)
                keys[number] = np.concatenate([keys[number], key])
                held.write(_batch(label, key, char_counts(texts), texts))
                _count(measured, label, texts)
        lacking = next((name for name, count in measured.items() if not count["characters"]), None)
        if lacking is not None:
            raise RecipeError(f"targets.{lacking}: it has no text; raise held_out, or name other files or domains")
        pool.commit()
        held.commit()
    return measured, {name: _digest_of(key) for name, key in zip(targets, keys, strict=True)}


def _batch(label: Labels, key: Hashes, size: Integers, texts: pa.Array) -> pa.RecordBatch:
    return pa.record_batch([pa.array(label), pa.array(key), pa.array(size), texts], schema=DOCUMENTS)


def _count(measured: Mapping[str, dict[str, int]], label: Labels, texts: pa.LargeStringArray) -> None:
    for count, documents, chars in zip(
        measured.values(),
        np.bincount(label, minlength=len(measured)).tolist(),
        np.bincount(label, char_counts(texts), len(measured)).tolist(),
        strict=True,
    ):
        count["documents"] += documents
        count["characters"] += int(chars)


def _texts_of_files(target: Target) -> list[pa.LargeStringArray]:
    """The texts of a target's files, its most characters by hash."""
    if not target.paths:
        return []
    with Reader(target.paths, text=target.text) as files:
        parts = [(part["text"].combine_chunks()) for part in files.read()]
        if not parts:
            return []
        key = np.concatenate([hash64(part) for part in parts])
        size = np.concatenate([char_counts(part) for part in parts])
        one = np.zeros(len(key), np.int32)
        taken = _first(one, key, size, np.ones(len(key), np.bool_), np.array([target.most]))
        ends = np.cumsum([len(part) for part in parts])
        return [part.filter(pa.array(taken[end - len(part) : end])) for part, end in zip(parts, ends, strict=True)]
