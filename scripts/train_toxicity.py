"""Train the bundled toxicity model, and measure it on text that training never saw; prints the tables of its card.

    python scripts/train_toxicity.py [--data ../shared/data] [--out curate/models/toxicity.npz]

Needs scikit-learn. The result depends on the data and the seeds alone: documents and posts go to training (80 %),
calibration (10 %) or test (10 %) by a hash of their id or, for posts, of their text, so that copies stay together.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow.parquet as pq
import toxicity_figures
from scipy.sparse import csr_matrix
from sklearn.linear_model import LogisticRegression
from threadpoolctl import threadpool_limits
from toxicity_sources import Piece, clean, part, posts

from curate.kernels.word_features import features_one
from curate.models.toxicity import load

BITS = 20
INVERSE_PENALTY = 30.0


class Examples(NamedTuple):
    """Pieces of text with what is known of them."""

    pieces: list[Piece]
    rows: csr_matrix

    @property
    def toxic(self) -> np.ndarray:
        return np.array([piece.toxic for piece in self.pieces])


def examples(pieces: Iterable[Piece]) -> Examples:
    """Counts of features, divided by the square root of their number."""
    kept, numbers, ends = [], [], [0]
    for piece in pieces:
        found = features_one(piece.text, BITS)
        if found:
            kept.append(piece)
            numbers.append(np.array(found, np.int32))
            ends.append(ends[-1] + len(found))
    sizes = np.diff(ends)
    values = np.repeat(1 / np.sqrt(sizes), sizes).astype(np.float32)
    rows = csr_matrix((values, np.concatenate(numbers), np.array(ends)), shape=(len(kept), 1 << BITS))
    rows.sum_duplicates()
    return Examples(kept, rows)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--out", type=Path, default=Path("curate/models/toxicity.npz"))
    options = parser.parse_args()
    parts: dict[str, list[Piece]] = {"train": [], "calibration": [], "test": []}
    seen: set[str] = set()
    for piece in [*posts(options.data), *clean(options.data)]:
        if piece.text not in seen:
            seen.add(piece.text)
            parts[part(piece.key)].append(piece)
    train, calibration, test = (examples(pieces) for pieces in parts.values())
    print({name: (len(pieces), sum(piece.toxic for piece in pieces)) for name, pieces in parts.items()}, flush=True)

    model = LogisticRegression(C=INVERSE_PENALTY, max_iter=300, tol=1e-4)
    with threadpool_limits(1):  # sums in one order
        model.fit(train.rows, train.toxic, sample_weight=[piece.weight for piece in train.pieces])
    found = model.coef_[0]
    step = np.abs(found).max() / 127**2
    weights = (np.sign(found) * np.rint(np.sqrt(np.abs(found) / step))).astype(np.int8)
    levels = weights.astype(np.float64) * np.abs(weights.astype(np.float64))

    sums = calibration.rows @ levels
    scaling = LogisticRegression(C=1e6).fit((sums * step + model.intercept_[0])[:, None], calibration.toxic)
    slope, shift = float(scaling.coef_[0, 0]), float(scaling.intercept_[0])
    bias, step = _rounded(shift + slope * float(model.intercept_[0])), _rounded(slope * step)
    np.savez_compressed(options.out, weights=weights, bias=np.float64(bias), step=np.float64(step))
    print(f"iterations {model.n_iter_[0]}, slope {slope:.3f}, shift {shift:.3f}, {options.out.stat().st_size} bytes")

    def score(rows: csr_matrix) -> np.ndarray:
        return 1 / (1 + np.exp(-(bias + step * (rows @ levels))))

    print("before int8:", toxicity_figures.area(test.toxic, model.decision_function(test.rows)))
    prompts = pq.read_table(options.data / "toxicity/rtp_challenging.parquet").to_pylist()
    graded = [(Piece(row["text"], "prompt", row["id"], False), row["score"]) for row in prompts]
    toxicity_figures.show(
        test.pieces,
        score(test.rows),
        lambda texts: score(examples(Piece(text, "", text, False) for text in texts).rows),
        [(piece.text, grade) for piece, grade in graded],
    )
    toxicity_figures.documents(options.data, load(options.out), part)


def _rounded(number: float) -> float:
    """Nine digits, which are the same whatever the order of sums was, so that the file is the same to the byte."""
    return float(f"{number:.9g}")


if __name__ == "__main__":
    main()
