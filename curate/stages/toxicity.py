"""Say how toxic texts are, sentence by sentence, and drop, cut, mask or tag what is."""

from __future__ import annotations

from itertools import accumulate
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal, Self

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from pydantic import Field, model_validator

from curate.control_tokens import Tokens, draw
from curate.documents import ID, TEXT, Batch
from curate.kernels.pieces import Pieces
from curate.kernels.segments import masked_one, segments, segments_one, without_one
from curate.kernels.text import buffers, char_counts, strings
from curate.kernels.verdicts import first_reason
from curate.models.toxicity import TOXICITY, load
from curate.stage import Edit, One, Outcome, Sign, Threshold

Score = Annotated[float, Field(ge=0, le=1)]
Floats = npt.NDArray[np.float32]

_LISTS = {"toxicity_scores": pa.list_(pa.float32()), "toxicity_starts": pa.list_(pa.int32())}
_TAGS = {"toxicity_control": pa.list_(pa.int8()), "toxicity_escaped": pa.int32()}


class Toxicity(Edit):
    """Score the toxicity of sentences, and drop, cut out, mask or tag what is toxic, or what is not.

        - toxicity: {}                                       # only add the columns
        - toxicity: {act: drop, drop_above: 0.9}
        - toxicity: {act: drop_sentences, drop_above: 0.4}   # Dolma's cut, with another model
        - toxicity: {act: tag}

    A bundled linear model for English scores each sentence (as spaCy's sentencizer finds them; those of more than 2,000
    characters are cut at white space) from 0 to 1; its card says what it was trained on and where it errs. The columns:
    `toxicity`, the highest score of a sentence; `toxicity_mean`, the mean over sentences, weighted by characters;
    `toxicity_plain_mean`, the mean in which each sentence counts the same, which Korbak et al. filter by (`avg_score`);
    `toxic_sentences`, those above `threshold`; `toxicity_sentences`, all of them.

    Filters cut both ways (A Pretrainer's Guide to Training Data, Longpre et al. 2023, arXiv:2305.13169): models trained
    on text without the toxic end write fewer insults, and recognise them less well; dropping the *least* toxic texts
    instead did the opposite. Hence `drop_below` beside `drop_above`, and `tag`, which drops nothing.

    `tag` is conditional training (Korbak et al. 2023, arXiv:2302.08582): a control token in front of each sentence. The
    text can be had back by taking the tokens out; text that looks like a token, or does when normalized, is
    changed first, by a zero-width joiner behind its first character. The columns `toxicity_control` (1 good, 0 bad, -1
    no token; by sentence), `toxicity_scores`, `toxicity_starts` (where in the tagged text each sentence begins, in
    characters, in front of its token) and `toxicity_escaped` (how often text was changed so) are added. Make both
    tokens single tokens of the tokenizer, and put the token for the end of a text in front of the first control token.
    """

    act: Literal["annotate", "drop", "drop_sentences", "mask", "tag"] = "annotate"
    """`annotate`: only add columns. `drop`: drop documents. `drop_sentences`: cut sentences out, with the larger of
    the spaces around them left. `mask`: put `mask_with` in their place. `tag`: put a control token in front of each.
    Reasons: `toxic`, `too_clean`."""
    level: Literal["sentence", "document"] = "sentence"
    """What `drop` and `tag` look at: each `sentence`, of which one is enough to drop a document as toxic, and all must
    be below to drop it as too clean; or the `document`, by the mean of its sentences, with one token in front of it."""
    threshold: Score = 0.5
    """Above this score, 0 to 1, a sentence (or document) is toxic: it is counted, masked, and given the bad token; and
    dropped if neither `drop_above` nor `drop_below` is given. Dolma took 0.4, with a model of its own."""
    drop_above: Score | None = None
    """With `drop`, `drop_sentences` and `mask`: what has a higher score goes, 0 to 1. null: no such limit."""
    drop_below: Score | None = None
    """Likewise, what has a lower score goes, 0 to 1: the inverse filter. So do texts without words, which have 0, and
    almost all in other languages than English: `language` belongs in front. null: no such limit."""
    mask_with: str = "|||TOXIC|||"
    """What a masked sentence becomes; the white space around it stays. A document of which nothing is left, as may be
    with the empty mask, is dropped, as with `drop_sentences`."""
    good_token: str = "<|aligned|>"
    """With `tag`: goes in front of what is not above the threshold. The authors' token."""
    bad_token: str = "<|misaligned|>"
    """With `tag`: goes in front of what is above the threshold. The authors' token."""
    drop_token_fraction: Score = 0.01
    """With `tag`: share of the segments, 0 to 1, that get no token, so that the model also learns to write without. The
    authors' share for toxicity. Drawn by a hash of the id, so that sharding does not matter."""
    seed: int = Field(0, ge=0, lt=1 << 63)
    """With `tag`: another seed leaves other segments without token."""
    scores: bool = False
    """Whether to add the columns `toxicity_scores`, the scores of all sentences (or of the document, by `level`), and
    `toxicity_starts`, where each begins in the text that was scored, in characters."""

    version: ClassVar[int] = 2

    writes = {
        "toxicity": pa.float32(),
        "toxicity_mean": pa.float32(),
        "toxicity_plain_mean": pa.float32(),
        "toxic_sentences": pa.int32(),
        "toxicity_sentences": pa.int32(),
    }
    examples = {
        "The ferry leaves at seven. It rained all day.": {"toxic_sentences": 0, "toxicity_sentences": 2},
        "The ferry leaves at seven. You are a fucking idiot, you stupid bitch.": {
            "toxic_sentences": 1,
            "toxicity_sentences": 2,
        },
        "": {"toxicity": 0.0, "toxicity_mean": 0.0, "toxicity_sentences": 0},
    }

    @model_validator(mode="after")
    def _makes_sense(self) -> Self:
        above, below = self.drop_above, self.drop_below
        if self.act in ("annotate", "tag") and (above is not None or below is not None):
            raise ValueError(f"drop_above and drop_below say what goes; with `act: {self.act}`, nothing does")
        if above is not None and below is not None and below > above:
            raise ValueError(f"drop_below {below} is more than drop_above {above}: nothing could stay")
        if self.level == "document" and self.act in ("drop_sentences", "mask"):
            raise ValueError(f"`act: {self.act}` is about sentences; `level: document` is for drop and tag")
        if self.act == "tag" and (problem := Tokens(self.good_token, self.bad_token).problem()):
            raise ValueError(f"the control tokens cannot be told from text: {problem}")
        return self

    @property
    def edits_text(self) -> bool:  # type: ignore[override]
        return self.act in ("drop_sentences", "mask", "tag")

    def files(self) -> tuple[Path, ...]:
        return (TOXICITY,)

    def columns_written(self) -> dict[str, pa.DataType]:
        tag = self.act == "tag"
        return {**self.writes, **(_LISTS if tag or self.scores else {}), **(_TAGS if tag else {})}

    def thresholds(self) -> tuple[Threshold, ...]:
        if self.act != "drop":
            return ()
        column = "toxicity_mean" if self.level == "document" else "toxicity"
        neither = self.drop_above is None and self.drop_below is None
        limits: tuple[tuple[str, Sign, float | None, str], ...] = (
            ("threshold", ">", self.threshold if neither else None, "toxic"),
            ("drop_above", ">", self.drop_above, "toxic"),
            ("drop_below", "<", self.drop_below, "too_clean"),
        )
        return tuple(
            Threshold(option, column, sign, limit, reason)
            for option, sign, limit, reason in limits
            if limit is not None
        )

    def edit_one(self, text: str, document: str = "") -> One:
        """`document`: its id, on which it depends which segments get no token."""
        tokens, escaped = Tokens(self.good_token, self.bad_token), 0
        if self.act == "tag":
            text, escaped = tokens.escape(text)
        pieces = segments_one(text)
        scores = [load().score_one(piece) for piece in pieces]
        chars = max(sum(map(len, pieces)), 1)
        mean = float(np.float32(sum(len(p) * s for p, s in zip(pieces, scores, strict=True)) / chars))
        columns: dict[str, Any] = {
            "toxicity": max(scores, default=0.0),
            "toxicity_mean": mean,
            "toxicity_plain_mean": float(np.float32(sum(scores) / max(len(scores), 1))),
            "toxic_sentences": sum(score > self.threshold for score in scores),
            "toxicity_sentences": len(pieces),
        }
        gone = [self._goes(score) for score in scores]
        if self.level == "document":
            pieces, scores = ([text], [mean]) if text else ([], [])
        if self.act == "tag":
            control = [self._control(score, document, place) for place, score in enumerate(scores)]
            pieces = [tokens.of(said) + piece for said, piece in zip(control, pieces, strict=True)]
            text = "".join(pieces)
            columns |= {"toxicity_control": control, "toxicity_escaped": escaped}
        if "toxicity_scores" in self.columns_written():
            starts = [0, *accumulate(map(len, pieces))][: len(pieces)]
            columns |= {"toxicity_scores": scores, "toxicity_starts": starts}
        if self.act == "drop":
            judged = mean if self.level == "document" else columns["toxicity"]
            above, below = self._limits()
            return One(text, "toxic" if judged > above else "too_clean" if judged < below else None, columns)
        if self.act == "mask":
            text = masked_one(pieces, gone, self.mask_with)
        elif self.act == "drop_sentences" and any(gone):
            text = without_one(pieces, gone)
        return One(text or None if any(gone) else text, None, columns)

    def edit(self, batch: Batch) -> Outcome:
        texts, escaped = self._escaped(batch[TEXT]) if self.act == "tag" else (batch[TEXT], [])
        pieces = segments(texts)
        scores = load().scores(pieces.texts)
        columns, mean = self._columns(pieces, scores)
        if self.level == "document":
            pieces, scores = _wholes(texts), mean[np.diff(pieces.first) > 0]
        if self.act == "tag":
            control = self._controls(batch, pieces, scores)
            columns |= {"toxicity_control": _lists(pieces, control), "toxicity_escaped": pa.array(escaped, pa.int32())}
            pieces = self._tagged(pieces, control)
        if "toxicity_scores" in self.columns_written():
            columns |= {"toxicity_scores": _lists(pieces, scores), "toxicity_starts": _lists(pieces, _starts(pieces))}
        if self.act == "drop":
            judged = (mean if self.level == "document" else columns["toxicity"].to_numpy()).astype(np.float64)
            above, below = self._limits()
            return Outcome(
                reason=first_reason({"toxic": judged > above, "too_clean": judged < below}, len(batch)), columns=columns
            )
        if self.act == "tag":
            data, offsets = buffers(pieces.texts)
            return Outcome(text=strings(data, np.ascontiguousarray(offsets[pieces.first])), columns=columns)
        if self.act == "annotate":
            return Outcome(columns=columns)
        return Outcome(text=self._cut(texts, pieces, scores), columns=columns)

    def _columns(self, pieces: Pieces, scores: Floats) -> tuple[dict[str, pa.Array], Floats]:
        """(the columns that are always there, the mean score of each document)."""
        counts = np.diff(pieces.first)
        highest = np.zeros(len(counts), np.float32)
        if len(scores):
            highest[counts > 0] = np.maximum.reduceat(scores, pieces.first[:-1][counts > 0])
        chars = char_counts(pieces.texts)
        weighted = np.bincount(pieces.row(), scores.astype(np.float64) * chars, len(counts))
        mean = (weighted / np.maximum(pieces.sums(chars), 1)).astype(np.float32)
        plain = np.bincount(pieces.row(), scores.astype(np.float64), len(counts)) / np.maximum(counts, 1)
        toxic = pieces.sums(scores.astype(np.float64) > self.threshold)
        columns = {
            "toxicity": pa.array(highest),
            "toxicity_mean": pa.array(mean),
            "toxicity_plain_mean": pa.array(plain.astype(np.float32)),
            "toxic_sentences": pa.array(toxic.astype(np.int32)),
            "toxicity_sentences": pa.array(counts.astype(np.int32)),
        }
        return columns, mean

    def _limits(self) -> tuple[float, float]:
        """(above this it goes, below this it goes)."""
        neither = self.drop_above is None and self.drop_below is None
        above = self.threshold if neither else 1.0 if self.drop_above is None else self.drop_above
        return above, 0.0 if self.drop_below is None else self.drop_below

    def _goes(self, score: float) -> bool:
        above, below = self._limits()
        return not below <= score <= above

    def _control(self, score: float, document: str, place: int) -> int:
        fraction = self.drop_token_fraction
        if fraction and draw(self.seed, document, place) <= fraction:
            return -1
        return int(score <= self.threshold)

    def _controls(self, batch: Batch, pieces: Pieces, scores: Floats) -> npt.NDArray[np.int8]:
        control = (scores.astype(np.float64) <= self.threshold).astype(np.int8)
        if self.drop_token_fraction:
            ids = batch[ID].take(pa.array(pieces.row())).to_pylist()
            drawn = [draw(self.seed, name, place) for name, place in zip(ids, pieces.place().tolist(), strict=True)]
            control[np.array(drawn, np.float64) <= self.drop_token_fraction] = -1
        return control

    def _escaped(self, texts: pa.LargeStringArray) -> tuple[pa.LargeStringArray, list[int]]:
        tokens = Tokens(self.good_token, self.bad_token)
        suspect = pc.match_substring_regex(texts, tokens.suspects()).to_numpy(False)
        numbers, rows = [0] * len(texts), np.flatnonzero(suspect).tolist()
        if not rows:
            return texts, numbers
        new = texts.to_pylist()
        for row in rows:
            new[row], numbers[row] = tokens.escape(new[row])
        return pa.array(new, pa.large_string()), numbers

    def _tagged(self, pieces: Pieces, control: npt.NDArray[np.int8]) -> Pieces:
        """The pieces, with its token in front of each."""
        tokens = Tokens(self.good_token, self.bad_token)
        names = pa.array([tokens.of(said) for said in (-1, 0, 1)], pa.large_string())
        front = names.take(pa.array(control.astype(np.int64) + 1))
        return Pieces(pc.binary_join_element_wise(front, pieces.texts, pa.scalar("", pa.large_string())), pieces.first)

    def _cut(self, texts: pa.LargeStringArray, pieces: Pieces, scores: Floats) -> pa.LargeStringArray | None:
        """The texts without what goes, or with it masked; null where nothing is left; None if nothing goes."""
        above, below = self._limits()
        exact = scores.astype(np.float64)
        gone = (exact > above) | (exact < below)
        if not gone.any():
            return None
        new = texts.to_pylist()
        for row in np.flatnonzero(pieces.sums(gone)).tolist():
            low, high = pieces.first[row], pieces.first[row + 1]
            sentences, going = pieces.texts[low:high].to_pylist(), gone[low:high].tolist()
            masked = self.act == "mask"
            left = masked_one(sentences, going, self.mask_with) if masked else without_one(sentences, going)
            new[row] = left or None
        return pa.array(new, pa.large_string())


def _wholes(texts: pa.LargeStringArray) -> Pieces:
    """Every text a piece of its own, but for the empty ones, which have none."""
    full = np.diff(buffers(texts)[1]) > 0
    return Pieces(texts.filter(pa.array(full)), np.concatenate([[0], np.cumsum(full)]))


def _starts(pieces: Pieces) -> npt.NDArray[np.int32]:
    """Where each piece begins in its text, in characters: int32[pieces]."""
    sizes = char_counts(pieces.texts).astype(np.int64)
    before = np.cumsum(sizes) - sizes
    return (before - before[pieces.first[pieces.row()]]).astype(np.int32)


def _lists(pieces: Pieces, values: npt.NDArray[np.generic]) -> pa.ListArray:
    """For each text, the values of its pieces."""
    return pa.ListArray.from_arrays(pa.array(pieces.first.astype(np.int32)), pa.array(values))
