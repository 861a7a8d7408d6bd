"""fastText from labelled texts: the training file, the training itself, and the end-of-text token taken out."""

from __future__ import annotations

import mmap
import re
from collections.abc import Iterable
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from curate.errors import CurateError, RecipeError
from curate.kernels.hashing import hash64
from curate.models.fasttext_file import read

POSITIVE, NEGATIVE = "1", "0"
"""The labels, as PreSelect has them: `__label__1` and `__label__0`."""

LEAST_BYTES = 48 << 20
"""Of the matrix of vectors. On one thread the library sets but a tenth of it to random numbers, and leaves the rest as
the memory was. What is larger than 32 MiB comes from the system as zeros (glibc), so that it is the same each time."""

_LABELS = re.compile(r"(?<![^ \n\r\t\v\f\0])__label__[^ \n\r\t\v\f\0]*")


@dataclass(frozen=True)
class Settings:
    """How to train. The defaults are PreSelect's, of the table in the paper; its script has 3 epochs."""

    rate: float = 0.1
    """Learning rate at the start; it falls to 0."""
    dim: int = 100
    epochs: int = 5
    word_ngrams: int = 2
    """Words in the longest n-gram, 2 or more: with 1 the library makes no rows beside those of words."""
    min_count: int = 1
    """Words that are rarer have no vector."""
    shortest: int = 0
    """Characters of the shortest n-gram within words; 0: none."""
    longest: int = 0
    buckets: int = 2_000_000
    """Rows for n-grams: as many, or more if the model would be too small to be reproducible (see LEAST_BYTES). It takes
    4 * dim bytes for each, so 800 MB with the defaults, which are the library's."""
    zero_end: bool = True
    """Set the vector of the end of a text, `</s>`, to zero after training: every document has it, and short ones lean
    on it. What is left of it is its part in n-grams of words."""
    seed: int = 0


def as_line(text: str) -> str:
    """A text as fastText is to read it: line feeds as spaces, and no words that training would take for labels.

    Inference passes over such words by itself.
    """
    return _LABELS.sub("", text.replace("\n", " "))


@dataclass
class TrainingFile:
    """Labelled lines in a folder, put in the order of a hash of their texts: not in that of the shards or labels.

    fastText learns in the order of its file, so that all positives first would be unlearned by the negatives.
    """

    folder: Path
    seed: int = 0
    counts: dict[str, int] = field(default_factory=dict)
    """Label → lines."""
    _places: list[npt.NDArray[np.uint64]] = field(default_factory=list)
    _files: ExitStack = field(default_factory=ExitStack)

    def __enter__(self) -> TrainingFile:
        self._lines = self._files.enter_context((self.folder / "lines.txt").open("wb"))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._files.close()

    def add(self, texts: pa.LargeStringArray, labels: Iterable[str]) -> None:
        """Append texts, each with its label."""
        lines = [
            f"__label__{label} {as_line(text)}\n".encode()
            for text, label in zip(texts.to_pylist(), labels, strict=True)
        ]
        sizes = np.array([len(line) for line in lines], np.uint64)
        starts = np.uint64(self._lines.tell()) + np.cumsum(sizes, dtype=np.uint64) - sizes
        positive = np.array([line.startswith(b"__label__1") for line in lines], np.uint64)
        self._places.append(np.stack([hash64(texts, self.seed), positive, starts, sizes], axis=1))
        self._lines.writelines(lines)
        for label, lines_of in zip(*np.unique(positive, return_counts=True), strict=True):
            name = POSITIVE if label else NEGATIVE
            self.counts[name] = self.counts.get(name, 0) + int(lines_of)

    def finish(self) -> Path:
        """The file to train on."""
        self._files.close()
        places = np.concatenate(self._places)
        places = places[np.lexsort((places[:, 2], places[:, 1], places[:, 0]))]
        path = self.folder / "train.txt"
        with (self.folder / "lines.txt").open("rb") as lines, path.open("wb") as out:
            with mmap.mmap(lines.fileno(), 0, access=mmap.ACCESS_READ) as data:
                for start, size in places[:, 2:].tolist():
                    out.write(data[start : start + size])
        (self.folder / "lines.txt").unlink()
        return path


def train(lines: Path, settings: Settings, out: Path) -> None:
    """Train on a file of labelled lines, on one thread, which alone makes it reproducible, and save to `out`.

    Raises RecipeError when no word is as common as asked for, CurateError when the numbers run away.
    """
    fasttext = _library()
    try:
        model = fasttext.train_supervised(
            input=str(lines),
            lr=settings.rate,
            dim=settings.dim,
            epoch=settings.epochs,
            wordNgrams=settings.word_ngrams,
            minCount=settings.min_count,
            minn=settings.shortest,
            maxn=settings.longest,
            bucket=max(settings.buckets, -(-LEAST_BYTES // (4 * settings.dim))),
            seed=settings.seed,
            thread=1,
            verbose=0,
        )
    except RuntimeError as error:
        raise CurateError(f"training failed: {error} Try a smaller --rate than {settings.rate}") from error
    if not model.get_words():
        raise RecipeError(
            f"no word occurs {settings.min_count:,} times in the texts to train on, as --min-count asks; take less"
        )
    model.save_model(str(out))


def zero_end(path: Path) -> None:
    """Set the vector of the end of a text to zero in a model file that is not quantised, if it has one.

    It has none where words must be more common than texts are many. In the file, as the library would hold the model
    three times over for that. The file ends in: rows and columns of the input (int64 each), its values (float32); a
    flag (1 byte); rows and columns of the output, its values.
    """
    parts = read(path)
    if parts.words.end < 0:
        return
    rows, dim = parts.rows.dense.shape
    end = path.stat().st_size - (1 + 16 + 4 * len(parts.labels) * dim)
    start = end - 4 * rows * dim
    with path.open("r+b") as file:
        file.seek(start - 16)
        if np.frombuffer(file.read(16), "<i8").tolist() != [rows, dim]:
            raise CurateError(f"{path}: the matrix is not where it should be; was the model quantised?")
        file.seek(start + 4 * dim * parts.words.end)
        file.write(bytes(4 * dim))


def telling_words(path: Path, most: int = 25) -> tuple[list[tuple[str, float]], list[tuple[str, float]]]:
    """The words that speak most for and most against the positive label: (word, influence), the strongest first.

    The influence is PreSelect's: the word's vector times the difference of the labels' vectors.
    """
    parts = read(path)
    words, weights = parts.words, parts.loss.weights
    towards = weights[parts.labels.index(POSITIVE)] - weights[parts.labels.index(NEGATIVE)]
    influence = parts.rows.dense[: words.n_words] @ towards
    order = np.argsort(-influence, kind="stable")

    def named(places: npt.NDArray[np.int64]) -> list[tuple[str, float]]:
        spans = ((words.start[v], words.start[v] + words.length[v], influence[v]) for v in places.tolist())
        return [(words.data[a:b].tobytes().decode("utf-8", "replace"), float(value)) for a, b, value in spans]

    return named(order[influence[order] > 0][:most]), named(order[::-1][influence[order[::-1]] < 0][:most])


def _library() -> Any:
    try:
        from fasttext import FastText
    except ImportError as error:
        raise CurateError(
            "training takes the fastText library, which is not installed: pip install 'curate[fit]'"
        ) from error
    return FastText
