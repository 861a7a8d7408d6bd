"""A fastText classifier from positives and negatives, and how good it is on texts that it never saw."""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

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
MIN_AUC = 0.55
"""Of a classifier that is worth writing: on texts that it never saw, 0.5 is chance."""
FAR = 1.5
"""Times the share that was asked for: a threshold that keeps more is told of."""
_SPLIT = 0x73706C6974  # seed: "split"
_HELD = pa.schema({"text": pa.large_string(), "positive": pa.bool_()})

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]
Hashes = npt.NDArray[np.uint64]


@dataclass(frozen=True)
class Examples:
    """Some labelled texts."""

    texts: pa.LargeStringArray
    positive: npt.NDArray[np.bool_]
    others: pa.LargeStringArray | None = None
    """Texts beside them that have neither label: nothing is learned from these, but they may be part of the pool."""


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
    both_labels: int = 0
    """Different texts that are both among the positives and among the negatives."""
    roc_auc: float = float("nan")
    average_precision: float = float("nan")
    before: LengthAudit | None = None
    """With the vector of the end of a text as it was trained."""
    after: LengthAudit | None = None
    """With that vector set to zero; None if it was not."""
    threshold: Threshold | None = None
    pool_is: str = ""
    """What the threshold was taken on."""
    pool: dict[str, float] = field(default_factory=dict)
    """Documents, characters and mean score of the pool, and of what is kept of it."""
    for_it: list[tuple[str, float]] = field(default_factory=list)
    against_it: list[tuple[str, float]] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
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
    instead: Literal["negatives", "all", "nothing"] = "negatives",
    min_auc: float = MIN_AUC,
) -> Fitted:
    """Train on `examples` and write `out` (the model, .bin), and beside it its card (.md), also for programs (.json).

    held_out: share of the texts to test on, 0 to 1, chosen by a hash of the text, so that equal texts are on one side.
    share: of the characters of the pool that the threshold is to keep; pool: texts. None: `instead` of one, of what was
    held out, the negatives, if these are a sample of the pool, or all texts, also those of neither label; or nothing,
    and there is no threshold. min_auc: the ROC-AUC on what was held out that must be exceeded.
    about: goes into card and JSON as it is. Raises RecipeError when a label has too few texts, CurateError when nothing
    is learned; then nothing is written.
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
        scores, label, chars = _scored(model, held)
        known = label >= 0
        found.before = _audit(model, scores[known], chars[known])
        if settings.zero_end:
            zero_end(model)
            scores, label, chars = _scored(model, held)
            found.after = _audit(model, scores[known], chars[known])
        found.roc_auc = roc_auc(scores[known], label[known] == 1)
        found.average_precision = average_precision(scores[known], label[known] == 1)
        _check_learned(found, min_auc)
        if pool is not None:
            found.pool_is = "the pool"
            _cut(found, share, *_scores_of_pool(model, pool))
        elif instead == "negatives":
            found.pool_is = "the held-out negatives, as a sample of the pool"
            _cut(found, share, scores[label == 0], chars[label == 0])
        elif instead == "all":
            found.pool_is = "all that was held out of the input, whatever its label"
            _cut(found, share, scores, chars)
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
    hashes: tuple[list[Hashes], list[Hashes]] = ([], [])
    limit = np.uint64(int(held_out * 2**64))
    with TrainingFile(folder, seed) as training, arrow.Writer(folder / "held.arrow", _HELD, {}) as held:
        for some in examples:
            own = hash64(some.texts, seed ^ _SPLIT)
            for label in (0, 1):
                hashes[label].append(np.unique(own[some.positive == label]))
            aside = own < limit
            for side, rows in (("training", np.flatnonzero(~aside)), ("held out", np.flatnonzero(aside))):
                texts, positive = some.texts.take(pa.array(rows)), some.positive[rows]
                counts[f"{side} positives"] += int(positive.sum())
                counts[f"{side} negatives"] += int((~positive).sum())
                if side == "training":
                    training.add(texts, names[positive.astype(np.int64)].tolist())
                else:
                    held.write(pa.table([texts, pa.array(positive)], schema=_HELD))
            if some.others is not None:
                rest = some.others.take(pa.array(np.flatnonzero(hash64(some.others, seed ^ _SPLIT) < limit)))
                held.write(pa.table([rest, pa.nulls(len(rest), pa.bool_())], schema=_HELD))
        held.commit()
        found.counts = counts
        few = [name for name, count in counts.items() if not count]
        if few:
            told = ", ".join(f"{name} {count:,}" for name, count in counts.items())
            more = f"; with --held-out {held_out} so few are tested on: take more, or give more texts"
            raise RecipeError(
                f"there are no {few[0]} ({told}){more if few[0].startswith('held') else ''}; a classifier takes both, "
                "some hundreds at least"
            )
        found.both_labels = _shared(*hashes)
        if found.both_labels:
            found.warnings.append(
                f"{found.both_labels:,} texts are both among the positives and among the negatives; it learned them as "
                "both"
            )
        return training.finish()


def _shared(some: list[Hashes], others: list[Hashes]) -> int:
    """How many different texts are in both."""
    return len(np.intersect1d(np.concatenate(some), np.concatenate(others)))


def _scored(model: Path, held: Path) -> tuple[Floats, Integers, Integers]:
    """(score; 1 for a positive, 0 for a negative, -1 for neither; characters) of the texts that were held out."""
    loaded = Model(read(model))
    parts = [
        (
            score(loaded, batch.column("text")),
            pc.fill_null(batch.column("positive").cast(pa.int64()), -1).to_numpy(zero_copy_only=False),
            char_counts(batch.column("text")),
        )
        for batch in ArrowFile(held)
    ]
    scores, label, chars = (np.concatenate(column) for column in zip(*parts, strict=True))
    return scores, label, chars


def _check_learned(found: Fitted, min_auc: float) -> None:
    """Raise CurateError if the model is no better than chance on texts that it never saw."""
    if found.roc_auc > min_auc:
        return
    tested = f"{found.counts['held out positives']:,} positives and {found.counts['held out negatives']:,} negatives"
    raise CurateError(
        f"the classifier has learned nothing: its ROC-AUC on {tested} that it never saw is {found.roc_auc:.3f}, where "
        f"0.5 is chance and more than {min_auc:g} is wanted"
        + (f"; {found.both_labels:,} texts are on both sides" if found.both_labels else "")
        + ". Look at the labels; give more texts, or more --epochs; with --min-auc 0 it is written all the same"
    )


def _scores_of_pool(model: Path, pool: Iterable[pa.LargeStringArray]) -> tuple[Floats, Integers]:
    """(scores, characters) of the texts."""
    loaded = Model(read(model))
    parts = [(score(loaded, texts), char_counts(texts)) for texts in pool if len(texts)]
    if not parts:
        raise RecipeError("the pool has no documents to take a threshold from")
    scores, chars = (np.concatenate(column) for column in zip(*parts, strict=True))
    return scores, chars


def _audit(model: Path, scores: Floats, chars: Integers) -> LengthAudit:
    parts = read(model)
    places = [place for place in range(min(parts.words.n_words, 2)) if place != parts.words.end]
    first = places[0] if places else parts.words.end
    start = int(parts.words.start[first])
    word = parts.words.data[start : start + int(parts.words.length[first])].tobytes().decode("utf-8", "replace")
    empty, one = score(Model(parts), pa.array(["", word], pa.large_string())).tolist()
    return LengthAudit(spearman(scores, chars.astype(np.float64)), empty, one)


def _cut(found: Fitted, share: float, scores: Floats, chars: Integers) -> None:
    """The threshold on a pool, and what is kept of it."""
    found.threshold = cut = threshold(scores, chars, share)
    kept = scores >= cut.value
    found.pool = {
        "documents": len(kept), "characters": int(chars.sum()), "mean_score": float(scores.mean()),
        "documents_kept": int(kept.sum()), "mean_score_kept": float(scores[kept].mean()),
    }  # fmt: skip
    if cut.weight > FAR * share:
        same = int((scores == cut.value).sum())
        why = f"{same:,} documents have that score" if same > 1 else "the documents are too few, or one is too long"
        found.warnings.append(
            f"the threshold {cut.value!r} keeps {cut.weight:.1%} of the characters of {found.pool_is}, where "
            f"{share:.1%} were asked for: {why}"
        )


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
    """Examples whose label follows from a column, beside all others.

    Those of neither label, without a value, or without a text are counted in `lost`.
    """
    lost |= {"missing": 0, "neither": 0}
    for table in reader.read([column]):
        positive, negative, missing = rule.split(table[column].combine_chunks())
        lost["missing"] += int(missing.sum())
        lost["neither"] += int((~(positive | negative | missing)).sum())
        texts, labelled = table["text"].combine_chunks(), positive | negative
        rows, rest = (pa.array(np.flatnonzero(some)) for some in (labelled, ~labelled))
        yield Examples(texts.take(rows), positive[labelled], texts.take(rest))
    lost["without_text"] = reader.without_text


def from_readers(positive: Reader, negative: Reader, lost: dict[str, int]) -> Iterator[Examples]:
    """Examples whose label is where they are from. Documents without a text are counted in `lost`."""
    for reader, label in ((positive, True), (negative, False)):
        for table in reader.read():
            yield Examples(table["text"].combine_chunks(), np.full(table.num_rows, label))
        lost["without_text"] = lost.get("without_text", 0) + reader.without_text


def pool_texts(pool: Reader, lost: dict[str, int]) -> Iterator[pa.LargeStringArray]:
    """The texts of a pool. Documents without one are counted in `lost`."""
    for table in pool.read():
        yield table["text"].combine_chunks()
    lost["pool_without_text"] = pool.without_text
