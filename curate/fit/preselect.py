"""PreSelect: which texts do better models find easier, and a classifier that imitates it.

Method: Shum et al. 2025, "Predictive Data Selection: The Data That Predicts Is the Data That Teaches".
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations
from math import factorial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from curate.errors import CurateError, RecipeError
from curate.fit import loss_facts
from curate.fit.classifier import HELD_OUT, MIN_AUC, Examples, Fitted, fit, pool_texts
from curate.fit.training import Settings
from curate.kernels.hashing import hash64
from curate.store.files import read_json
from curate.store.reading import Reader

MIN_RATIO = 2.0
"""Times as many documents as by chance must have all pairs right; the paper's seed has some 160 times as many."""
LEAST_MODELS = 4
_TIES = 0x74696573  # seed: "ties"

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]
Hashes = npt.NDArray[np.uint64]


class Scored(BaseModel):
    """A model, its average on the benchmark, and the column with its losses."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    benchmark: float = Field(allow_inf_nan=False)
    """Higher is better."""
    loss: str


class Ladder(BaseModel):
    """The models file: `{"benchmark": "mean of 12", "models": {"llama-7b": {"benchmark": 75.4, "loss": "l7"}}}`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    benchmark: str = Field(min_length=1)
    """Which benchmark it is; the result is tuned to it, so it goes into the card."""
    models: dict[str, Scored]
    """At least 4: with three, chance alone gives one document in six all pairs in the right order."""

    @field_validator("models")
    @classmethod
    def _is_an_order(cls, models: dict[str, Scored]) -> dict[str, Scored]:
        ordered = dict(sorted(models.items(), key=lambda pair: pair[1].benchmark))
        for (one, a), (other, b) in zip(list(ordered.items()), list(ordered.items())[1:], strict=False):
            if a.benchmark == b.benchmark:
                raise ValueError(f"{one} and {other} have the same benchmark, {a.benchmark}; leave one of them out")
        if len({model.loss for model in models.values()}) < len(models):
            raise ValueError("two models have their losses in the same column")
        if len(models) < LEAST_MODELS:
            raise ValueError(f"there are {len(models)} models; the method takes {LEAST_MODELS} or more")
        return ordered

    @property
    def columns(self) -> list[str]:
        """Columns of losses, the worst model's first."""
        return [model.loss for model in self.models.values()]


def read_ladder(path: Path) -> Ladder:
    """The models file. Raises RecipeError if it is not one."""
    try:
        return Ladder.model_validate(read_json(path))
    except ValidationError as error:
        told = "; ".join(f"{'.'.join(map(str, one['loc']))}: {one['msg']}" for one in error.errors())
        raise RecipeError(f"{path}: {told}") from error


def strength(losses: Floats) -> Integers:
    """Pairs of models of which the better one has the smaller loss, int64[n]; losses float64[n, models], best last.

    Predictive strength is this over the number of pairs. Equal losses count for nothing, as in the authors' code.
    """
    found = np.zeros(len(losses), np.int64)
    for worse, better in combinations(range(losses.shape[1]), 2):
        found += losses[:, worse] > losses[:, better]
    return found


def by_chance(models: int) -> list[int]:
    """How many of all orders of so many models have 0, 1, … pairs in the right order; they sum to models!."""
    counts = [1]
    for size in range(2, models + 1):  # a model more is before none, one, … of the others
        longer = [0] * (len(counts) + size - 1)
        for place, count in enumerate(counts):
            for more in range(size):
                longer[place + more] += count
        counts = longer
    return counts


@dataclass(frozen=True)
class Chosen:
    """The examples among the seed documents."""

    ids: Hashes
    """Hashes of the ids of the examples, ascending."""
    positive: npt.NDArray[np.bool_]
    facts: dict[str, Any]
    """For the card: how the strengths are spread, and how they would be by chance."""


def choose(ids: Hashes, counts: Integers, ladder: Ladder, min_ratio: float) -> Chosen:
    """Positives: all pairs in the right order. Negatives: as many of those with the fewest, equal ones by hash.

    Where more than half of the documents are positives, a part of them is taken, by hash, so that both are as many.

    Raises CurateError if there are not more than `min_ratio` times the positives that chance would give.
    """
    null = by_chance(len(ladder.models))
    pairs = len(null) - 1
    observed = np.bincount(counts, minlength=pairs + 1)
    chance = [count * len(counts) / factorial(len(ladder.models)) for count in null]
    agree, ratio = int(observed[pairs]), observed[pairs] / max(chance[pairs], 1e-300)
    if not agree or ratio < min_ratio:
        raise CurateError(
            f"{agree:,} of {len(counts):,} documents have all {pairs} pairs of models in the right order, by chance "
            f"{chance[pairs]:,.1f} would: the losses carry no signal. Are the benchmarks those of these models, "
            "all of one family, and the losses those of whole texts?"
        )
    order = np.lexsort((_order(ids), counts))
    each = min(agree, len(counts) - agree)
    negatives, positives = order[:each], order[len(order) - agree :][:each]
    rows = np.concatenate([positives, negatives])
    labels = np.arange(len(rows)) < each
    sort = np.argsort(ids[rows])
    facts = {
        "benchmark": ladder.benchmark, "models": [(name, model.benchmark) for name, model in ladder.models.items()],
        "documents": len(counts), "pairs": pairs, "agree": agree, "expected": chance[pairs], "ratio": float(ratio),
        "negatives_up_to": int(counts[negatives].max(initial=0)), "observed": observed.tolist(), "null": chance,
    }  # fmt: skip
    return Chosen(ids[rows][sort], labels[sort], facts)


def _order(hashes: Hashes) -> Hashes:
    """An order of hashes of ids that is not theirs, uint64[n]."""
    return hash64(pa.array([str(one) for one in hashes.tolist()], pa.large_string()), _TIES)


def fit_preselect(
    seed: Reader,
    ladder: Ladder,
    out: Path,
    *,
    settings: Settings,
    share: float,
    table: Reader | None = None,
    pool: Reader | None = None,
    missing: str = "error",
    min_ratio: float = MIN_RATIO,
    held_out: float = HELD_OUT,
    min_auc: float = MIN_AUC,
) -> tuple[Fitted, dict[str, Any]]:
    """Train on the seed documents and write the model, its card and its JSON; returns the facts of both.

    Without a pool there is no threshold: the examples are the ends of the scale, and so no sample of anything.

    table: the losses by id, if they are not in columns of the seed. pool: what will be filtered; no document or text
    of the seed may be in it. missing: `drop` leaves documents out that lack a loss, `error` stops. min_ratio: see
    `choose`; min_auc: see `classifier.fit`.
    """
    scored = {} if table is None else loss_facts.of_models(table, ladder.columns)
    ids, losses, without_loss = _losses(seed, ladder, table)
    if without_loss and missing == "error":
        raise CurateError(
            f"{without_loss:,} of {len(ids) + without_loss:,} documents lack a loss of some model (null, NaN or "
            "infinite); say --missing drop to leave them out"
        )
    if len(np.unique(ids)) < len(ids):
        raise CurateError("some documents of the seed have the same id; losses belong to ids, so these must differ")
    chosen = choose(ids, strength(losses), ladder, min_ratio)
    if pool is not None:
        _check_disjoint(seed, pool)
    left_out = {"without_loss": without_loss}
    sources = {"seed": seed, "losses": table, "pool": pool}
    about = {
        "method": "preselect",
        "label": loss_facts.label(scored),
        "data": {name: "none given" if one is None else one.provenance() for name, one in sources.items()
                 if one is not None or name == "pool"},
        "losses": scored,
        "left_out": left_out,
        "strength": chosen.facts,
    }  # fmt: skip
    found = fit(
        _examples(seed, chosen, left_out),
        out,
        settings=settings,
        share=share,
        pool=None if pool is None else pool_texts(pool, left_out),
        about=about,
        held_out=held_out,
        instead="nothing",
        min_auc=min_auc,
    )
    return found, {**chosen.facts, "label": about["label"], "left_out": left_out}


def _losses(seed: Reader, ladder: Ladder, table: Reader | None) -> tuple[Hashes, Floats, int]:
    """(hashes of ids, losses float64[n, models]) of the documents that have all, finite; how many do not."""
    there = _all_losses(seed if table is None else table, ladder.columns)
    ids, losses = there
    if table is not None:
        _check_ids(table)
        ids, losses = _merged(ids, losses, ladder.columns, table)
        wanted = np.concatenate([hash64(part["id"].combine_chunks()) for part in seed.read(text=False)] or [ids[:0]])
        place = np.minimum(np.searchsorted(ids, wanted), max(len(ids) - 1, 0))
        known = ids[place] == wanted if len(ids) else np.zeros(len(wanted), np.bool_)
        found = np.full((len(wanted), losses.shape[1]), np.nan)
        found[known] = losses[place[known]]
        ids, losses = wanted, found
    whole = ~np.isnan(losses).any(axis=1)
    return ids[whole], losses[whole], int((~whole).sum())


def _check_ids(table: Reader) -> None:
    """Raise RecipeError if some losses, which were read by now, belong to no id."""
    if table.id not in table.columns:
        raise RecipeError(f"the losses have no column '{table.id}' to know documents by; there are: "
                          f"{', '.join(table.columns)}")  # fmt: skip
    for name, row in table.without_id.items():
        raise RecipeError(f"losses {name}: row {row} has no id in column '{table.id}'")


def _merged(ids: Hashes, losses: Floats, columns: Sequence[str], table: Reader) -> tuple[Hashes, Floats]:
    """One row for each id, ascending, of rows that may each have the losses of but some models.

    Raises CurateError if a document has two different losses of one model.
    """
    order = np.argsort(ids, kind="stable")
    ids, losses = ids[order], losses[order]
    starts = np.flatnonzero(np.diff(ids, prepend=~ids[:1]))
    if not len(starts):
        return ids, losses
    least, most = np.fmin.reduceat(losses, starts), np.fmax.reduceat(losses, starts)  # NaN only where all are
    rows, models = np.nonzero(most > least)
    if len(rows):
        at, model = rows[0], models[0]
        raise CurateError(
            f"{len(np.unique(rows)):,} documents have different losses of one model, such as "
            f"{least[at, model]!s} and {most[at, model]!s} in column '{columns[model]}' for id "
            f"{_called(table, ids[starts[at]])!r}; give tables of one scoring of one set of documents"
        )
    return ids[starts], least


def _called(table: Reader, wanted: np.uint64) -> str:
    """The id with this hash."""
    for part in table.read(text=False):
        rows = np.flatnonzero(hash64(part["id"].combine_chunks()) == wanted)
        if len(rows):
            return str(part["id"][int(rows[0])].as_py())
    raise LookupError("the losses changed while they were read")


def _all_losses(reader: Reader, columns: Sequence[str]) -> tuple[Hashes, Floats]:
    """(hashes of ids, losses float64[n, models], NaN where there is no finite one)."""
    ids, losses = [np.zeros(0, np.uint64)], [np.zeros((0, len(columns)))]
    for part in reader.read(columns, text=False):
        ids.append(hash64(part["id"].combine_chunks()))
        try:
            own = [part[name].cast(pa.float64()).to_numpy() for name in columns]
        except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
            raise RecipeError(f"columns of losses must be numbers: {error}") from error
        found = np.stack(own, axis=1)
        losses.append(np.where(np.isfinite(found), found, np.nan))
    return np.concatenate(ids), np.concatenate(losses)


def _examples(seed: Reader, chosen: Chosen, lost: dict[str, int]) -> Iterator[Examples]:
    for part in seed.read():
        ids = hash64(part["id"].combine_chunks())
        place = np.minimum(np.searchsorted(chosen.ids, ids), len(chosen.ids) - 1)
        rows = np.flatnonzero(chosen.ids[place] == ids)
        yield Examples(part["text"].combine_chunks().take(pa.array(rows)), chosen.positive[place[rows]])
    lost["without_text"] = seed.without_text


def _check_disjoint(seed: Reader, pool: Reader) -> None:
    """Raise CurateError if the pool has an id or a text of the seed: the classifier would be judged by what it saw.

    Ids that were made up say nothing, and neither do texts without a word.
    """
    own = {name: np.concatenate([*_hashes(seed, name), np.zeros(0, np.uint64)]) for name in ("id", "text")}
    for name, known in own.items():
        shared = sum(int(np.isin(part, known).sum()) for part in _hashes(pool, name))
        if shared:
            raise CurateError(
                f"{shared:,} documents of the pool have {'an id' if name == 'id' else 'the text'} of the seed; the two "
                "must have no document in common"
            )


def _hashes(reader: Reader, name: str) -> Iterable[Hashes]:
    """Hashes of the documents' own ids, or of their texts."""
    if name == "id":
        return (hash64(part["id"].combine_chunks()) for part in reader.read(text=False, made_ids=False))
    return (hash64(_not_blank(part["text"].combine_chunks())) for part in reader.read())


def _not_blank(texts: pa.LargeStringArray) -> pa.LargeStringArray:
    return texts.filter(pc.not_equal(pc.utf8_trim_whitespace(texts), ""))
