"""A fastText classifier from positives and negatives, and how good it is on texts that it never saw."""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from curate.errors import CurateError, RecipeError
from curate.fit.cards import card, publish
from curate.fit.measures import Threshold, average_precision, roc_auc, spearman, threshold
from curate.fit.training import NEGATIVE, POSITIVE, Settings, TrainingFile, telling_words, train, zero_end
from curate.kernels.hashing import hash64
from curate.kernels.text import char_counts
from curate.models.fasttext import Model
from curate.models.fasttext_file import read
from curate.store import arrow
from curate.store.arrow import ArrowFile
from curate.store.files import sha256, whole
from curate.store.reading import Reader

HELD_OUT = 0.1
"""Share of the texts that training does not see."""
_SPLIT = 0x73706C6974  # seed: "split"
_HELD = pa.schema({"text": pa.large_string(), "positive": pa.bool_()})

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Examples:
    """Some labelled texts."""

    texts: pa.LargeStringArray
    positive: npt.NDArray[np.bool_]


@dataclass(frozen=True)
class LengthAudit:
    """Whether scores follow the length of texts."""

    spearman: float
    """Of score and characters."""
    empty: float
    """Score of the empty text; 0.5 if it says nothing."""
    word: float
    """Score of the commonest word alone."""


@dataclass
class Fitted:
    """What became of a training, as the card and `<model>.json` have it."""

    counts: dict[str, int] = field(default_factory=dict)
    """Texts to train on and held out, of either label."""
    roc_auc: float = float("nan")
    average_precision: float = float("nan")
    before: LengthAudit | None = None
    """With the vector of the end of a text as it was trained."""
    after: LengthAudit | None = None
    """With that vector set to zero; None if it was not."""
    threshold: Threshold | None = None
    pool: dict[str, float] = field(default_factory=dict)
    """Documents, characters and mean score of the pool, and of what is kept of it."""
    for_it: list[tuple[str, float]] = field(default_factory=list)
    against_it: list[tuple[str, float]] = field(default_factory=list)
    sha256: str = ""


def score(model: Model, texts: pa.LargeStringArray) -> Floats:
    """P(positive) of each text, float64[n] in 0 to 1: the library's sums may exceed 1 by some 1e-5."""
    if POSITIVE not in model.labels:
        raise CurateError(f"the model has no label '{POSITIVE}'; it has {', '.join(model.labels[:5])}")
    found = model.probabilities(texts)[:, model.labels.index(POSITIVE)].astype(np.float64)
    return np.clip(found, 0, 1)


def fit(
    examples: Iterable[Examples],
    out: Path,
    *,
    settings: Settings,
    share: float,
    pool: Iterable[pa.LargeStringArray] | None = None,
    about: dict[str, Any] | None = None,
    held_out: float = HELD_OUT,
    is_pool: bool = True,
) -> Fitted:
    """Train on `examples` and write `out` (the model, .bin), and beside it its card (.md), also for programs (.json).

    held_out: share of the texts to test on, 0 to 1, chosen by a hash of the text, so that equal texts are on one side.
    share: of the characters of the pool that the threshold is to keep; pool: texts; None: the held-out negatives, if
    `is_pool` says that these are a sample of it, else there is no threshold.
    about: goes into card and JSON as it is. Raises CurateError when a label has too few texts, or nothing is learned.
    """
    found = Fitted()
    with TemporaryDirectory(prefix="curate-") as scratch:
        folder = Path(scratch)
        lines = _split(examples, folder, held_out, settings.seed, found)
        model = folder / "model.bin"
        train(lines, settings, model)
        lines.unlink()
        held = folder / "held.arrow"
        found.for_it, found.against_it = telling_words(model)
        scores, positive, chars = _scored(model, held)
        found.before = _audit(model, scores, chars)
        if settings.zero_end:
            zero_end(model)
            scores, positive, chars = _scored(model, held)
            found.after = _audit(model, scores, chars)
        found.roc_auc, found.average_precision = roc_auc(scores, positive), average_precision(scores, positive)
        if pool is not None or is_pool:
            _cut(model, found, share, pool, scores[~positive], chars[~positive])
        with whole(out) as part:
            shutil.copyfile(model, part)
    found.sha256 = sha256(out)
    facts = {**(about or {}), "settings": asdict(settings), "held_out": held_out, **asdict(found)}
    publish(out, facts, card(out.name, facts))
    return found


def _split(examples: Iterable[Examples], folder: Path, held_out: float, seed: int, found: Fitted) -> Path:
    """The file to train on; what is held out goes to `held.arrow`."""
    names = np.array([NEGATIVE, POSITIVE])
    counts = {f"{side} {label}": 0 for side in ("training", "held out") for label in ("positives", "negatives")}
    with TrainingFile(folder, seed) as training, arrow.Writer(folder / "held.arrow", _HELD, {}) as held:
        for some in examples:
            aside = hash64(some.texts, seed ^ _SPLIT) < np.uint64(int(held_out * 2**64))
            for side, rows in (("training", np.flatnonzero(~aside)), ("held out", np.flatnonzero(aside))):
                texts, positive = some.texts.take(pa.array(rows)), some.positive[rows]
                counts[f"{side} positives"] += int(positive.sum())
                counts[f"{side} negatives"] += int((~positive).sum())
                if side == "training":
                    training.add(texts, names[positive.astype(np.int64)].tolist())
                else:
                    held.write(pa.table([texts, pa.array(positive)], schema=_HELD))
        held.commit()
        found.counts = counts
        few = [name for name, count in counts.items() if not count]
        if few:
            told = ", ".join(f"{name} {count:,}" for name, count in counts.items())
            raise RecipeError(f"there are no {few[0]} ({told}); a classifier takes both, some hundreds at least")
        return training.finish()


def _scored(model: Path, held: Path) -> tuple[Floats, npt.NDArray[np.bool_], npt.NDArray[np.int64]]:
    """(score, label, characters) of the texts that were held out."""
    loaded = Model(read(model))
    parts = [
        (
            score(loaded, batch.column("text")),
            batch.column("positive").to_numpy(False),
            char_counts(batch.column("text")),
        )
        for batch in ArrowFile(held)
    ]
    scores, positive, chars = (np.concatenate(column) for column in zip(*parts, strict=True))
    return scores, positive.astype(np.bool_), chars


def _audit(model: Path, scores: Floats, chars: npt.NDArray[np.int64]) -> LengthAudit:
    parts = read(model)
    places = [place for place in range(min(parts.words.n_words, 2)) if place != parts.words.end]
    first = places[0] if places else parts.words.end
    start = int(parts.words.start[first])
    word = parts.words.data[start : start + int(parts.words.length[first])].tobytes().decode("utf-8", "replace")
    empty, one = score(Model(parts), pa.array(["", word], pa.large_string())).tolist()
    return LengthAudit(spearman(scores, chars.astype(np.float64)), empty, one)


def _cut(
    model: Path,
    found: Fitted,
    share: float,
    pool: Iterable[pa.LargeStringArray] | None,
    negatives: Floats,
    chars: npt.NDArray[np.int64],
) -> None:
    """The threshold on the pool, and that it keeps the better part."""
    if pool is not None:
        loaded = Model(read(model))
        parts = [(score(loaded, texts), char_counts(texts)) for texts in pool if len(texts)]
        if not parts:
            raise RecipeError("the pool has no documents to take a threshold from")
        negatives, chars = (np.concatenate(column) for column in zip(*parts, strict=True))
    found.threshold = threshold(negatives, chars, share)
    kept = negatives >= found.threshold.value
    found.pool = {
        "documents": len(kept), "characters": int(chars.sum()), "mean_score": float(negatives.mean()),
        "documents_kept": int(kept.sum()), "mean_score_kept": float(negatives[kept].mean()),
    }  # fmt: skip
    if not kept.all() and found.pool["mean_score_kept"] <= found.pool["mean_score"]:
        raise CurateError("what the threshold keeps scores no higher than the pool: the classifier has learned nothing")


@dataclass(frozen=True)
class Rule:
    """What makes an example of a value: a number of `high` or more, of `low` or less; or being `equal`, or not."""

    equal: str | None = None
    high: float | None = None
    low: float | None = None
    """None: below `high` is negative."""

    def split(self, values: pa.Array) -> tuple[npt.NDArray[np.bool_], npt.NDArray[np.bool_], npt.NDArray[np.bool_]]:
        """(positive, negative, without a value: null or NaN), bool[n] each. Raises RecipeError for another type."""
        try:
            if self.equal is not None:
                names = values.cast(pa.large_string())
                missing = names.is_null().to_numpy(False)
                positive = np.array([name == self.equal for name in names.to_pylist()], np.bool_)
                return positive, ~positive & ~missing, missing
            numbers = values.cast(pa.float64(), safe=False).to_numpy(zero_copy_only=False)
        except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
            raise RecipeError(
                f"values of the column are {values.type}; labels are made of numbers or strings"
            ) from error
        missing = np.isnan(numbers)
        positive = numbers >= (self.high if self.high is not None else np.inf)
        negative = numbers <= self.low if self.low is not None else ~positive & ~missing
        return positive, negative, missing


def from_column(reader: Reader, column: str, rule: Rule, lost: dict[str, int]) -> Iterator[Examples]:
    """Examples whose label follows from a column. Those that are neither, or lack a value, are counted in `lost`."""
    lost |= {"missing": 0, "neither": 0}
    for table in reader.read([column]):
        positive, negative, missing = rule.split(table[column].combine_chunks())
        lost["missing"] += int(missing.sum())
        lost["neither"] += int((~(positive | negative | missing)).sum())
        rows = np.flatnonzero(positive | negative)
        yield Examples(table["text"].combine_chunks().take(pa.array(rows)), positive[rows])


def from_readers(positive: Reader, negative: Reader) -> Iterator[Examples]:
    """Examples whose label is where they are from."""
    for reader, label in ((positive, True), (negative, False)):
        for table in reader.read():
            yield Examples(table["text"].combine_chunks(), np.full(table.num_rows, label))
