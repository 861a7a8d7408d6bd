"""The tables of the toxicity model's card."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from scipy.stats import spearmanr
from sklearn.metrics import average_precision_score, roc_auc_score
from toxicity_sources import IDENTITY, NEWS, SOURCES, Piece

from curate.kernels.segments import segments
from curate.models.toxicity import Scorer

THRESHOLDS = (0.4, 0.5, 0.7, 0.9)
POSTS = ("hate", "offensive", "neither", "noHate")
TEMPLATES = (
    "I am {}.",
    "My neighbour is {}.",
    "She is proud to be {}.",
    "The {} community met on Sunday.",
    "Many {} people live in this city.",
    "He wrote a book about {} history.",
    "The new mayor is {}.",
    "Being {} was never easy in those years.",
)
TERMS = (
    "gay", "lesbian", "bisexual", "transgender", "queer", "straight", "Muslim", "Jewish", "Christian", "Buddhist",
    "black", "white", "Asian", "African American", "Mexican", "Arab", "female", "male", "deaf", "blind", "old", "young",
)  # fmt: skip


def area(toxic: np.ndarray, scores: np.ndarray) -> str:
    return f"ROC-AUC {roc_auc_score(toxic, scores):.4f}, average precision {average_precision_score(toxic, scores):.4f}"


def show(
    pieces: Sequence[Piece],
    scores: np.ndarray,
    score: Callable[[Sequence[str]], np.ndarray],
    graded: Sequence[tuple[str, float]],
) -> None:
    """Print all tables for the pieces of the test part, their scores, and graded beginnings of sentences."""
    toxic = np.array([piece.toxic for piece in pieces])
    source = np.array([piece.source for piece in pieces])
    posts = np.isin(source, POSTS)
    print("all of the test part:", area(toxic, scores), len(toxic), toxic.sum())
    print("posts alone:", area(toxic[posts], scores[posts]), posts.sum())
    for name, kinds in (("tweets", POSTS[1:3] + POSTS[:1]), ("toxic posts and ordinary text", ())):
        rows = np.isin(source, kinds) if kinds else toxic | ~posts
        print(f"{name}:", area(toxic[rows], scores[rows]), rows.sum())
    print("\n| threshold | precision | recall | precision in posts |\n|--:|--:|--:|--:|")
    for threshold in THRESHOLDS:
        above = scores > threshold
        cells = [toxic[above].mean(), above[toxic].mean(), toxic[above & posts].mean()]
        print(f"| {threshold} | " + " | ".join(f"{100 * cell:.1f} %" for cell in cells) + " |")
    print("\n| source | pieces | " + " | ".join(f"above {t}" for t in THRESHOLDS) + " |\n|---|--:|" + "--:|" * 4)
    for name in [*POSTS, *sorted(set(source) - set(POSTS))]:
        print(f"| {name} | {(source == name).sum()} | {_shares(scores[source == name])} |")
    named = np.array([bool(IDENTITY.search(piece.text)) for piece in pieces]) & ~posts
    print(f"| of ordinary text, naming a group | {named.sum()} | {_shares(scores[named])} |")
    bins = np.minimum((scores * 10).astype(int), 9)
    off = [abs(scores[bins == i].mean() - toxic[bins == i].mean()) * (bins == i).mean() for i in set(bins.tolist())]
    print(f"\nexpected calibration error, ten bins: {sum(off):.4f}")
    found = score([text for text, _ in graded])
    print(
        f"graded beginnings: Spearman {spearmanr(found, [grade for _, grade in graded]).statistic:.3f}, {len(graded)}"
    )
    print("\n| term | mean score | above 0.5 |\n|---|--:|--:|")
    for term in TERMS:
        filled = score([template.format(term) for template in TEMPLATES])
        print(f"| {term} | {filled.mean():.3f} | {(filled > 0.5).sum()} of {len(filled)} |")


def documents(data: Path, scorer: Scorer, part: Callable[[str], str]) -> None:
    """Print how many sentences of whole documents of the test part are above 0.5, and how many documents have one."""
    print("\n| source | documents | with a sentence above 0.5 | sentences | above 0.5 |\n|---|--:|--:|--:|--:|")
    for name in [*SOURCES, NEWS]:
        path = data / ("neardup/articles_1000.parquet" if name == NEWS else f"corpus/{name}.parquet")
        rows = pq.read_table(path, columns=["id", "text"]).to_pylist()
        texts = [row["text"] for row in rows if part(f"{name}/{row['id']}") == "test"]
        pieces = segments(pa.array(texts, pa.large_string()))
        above = scorer.scores(pieces.texts) > 0.5
        some = (pieces.sums(above) > 0).sum()
        print(f"| {name} | {len(texts)} | {some} | {len(above)} | {above.sum()} ({100 * above.mean():.3f} %) |")


def _shares(scores: np.ndarray) -> str:
    return " | ".join(f"{100 * (scores > threshold).mean():.2f} %" for threshold in THRESHOLDS)
