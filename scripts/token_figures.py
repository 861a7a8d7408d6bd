"""Fit the figures by which `tokens` estimates: bytes that a token holds by language, tokens for digits, marks, lines.

    python scripts/token_figures.py o200k_base.tiktoken --sentences sentences.parquet --corpus CORPUS...

sentences.parquet has `text` and `lang` (here: 250 sentences of news in each of 79 languages, of the Leipzig Corpora
Collection, CC BY, as lingua ships them). CORPUS: Parquet files with `text`, one source each, which only the three
figures for digits, marks and line feeds are fitted on, by least squares of the relative errors of the sources.
Writes curate/models/token_figures.json, and prints how far the estimate is off on each source.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from scipy.optimize import least_squares

from curate.models.token_estimate import FIGURES, Figures, byte_counts, languages
from curate.models.tokenizers import count, load

DOCUMENTS, CHARS = 300, 20_000  # of each source; of each document


def texts_of(path: Path, documents: int) -> pa.LargeStringArray:
    found = pq.read_table(path, columns=["text"])["text"].to_pylist()[:documents]
    return pa.array([text[:CHARS] for text in found], pa.large_string())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("tokenizer", type=Path)
    parser.add_argument("--sentences", type=Path, required=True)
    parser.add_argument("--corpus", type=Path, nargs="+", required=True)
    asked = parser.parse_args()
    tokenizer = load(asked.tokenizer)
    table = pq.read_table(asked.sentences, columns=["text", "lang"])
    sentences = table["text"].cast(pa.large_string()).combine_chunks()
    lang = np.array(table["lang"].to_pylist())
    counts, tokens = byte_counts(sentences), count(tokenizer, sentences)
    sources = {}
    for path in asked.corpus:
        texts = texts_of(path, DOCUMENTS)
        sources[path.stem] = byte_counts(texts), count(tokenizer, texts), languages(texts)

    def fitted(each: np.ndarray) -> Figures:
        held = {}
        for name in sorted({*lang.tolist()}):
            mine = lang == name
            held[name] = float(counts[mine, 0].sum() / (tokens[mine].sum() - (counts[mine, 1:] @ each).sum()))
        held["no"] = held["nb"]  # what the identifier calls Norwegian
        other = float(np.exp(np.mean(np.log(list(held.values())))))
        sample = "250 sentences of news in each of 79 languages (Leipzig Corpora Collection, by way of lingua)"
        return Figures(tokenizer.name, sample, held, other, *map(float, each))

    def off(each: np.ndarray) -> list[float]:
        made = fitted(each)
        return [made.tokens(given, names).sum() / true.sum() - 1 for given, true, names in sources.values()]

    best = fitted(least_squares(off, [0.5, 0.5, 0.9], diff_step=0.01).x)
    for name, (given, true, names) in sources.items():
        found = best.tokens(given, names)
        each = np.median(np.abs(found / np.maximum(true, 1) - 1))
        print(f"| {name} | {true.sum() / 1e3:,.0f} | {found.sum() / true.sum() - 1:+.1%} | {each:.1%} |")
    stored = {**best.__dict__, "bytes_per_token": {k: round(v, 3) for k, v in best.bytes_per_token.items()}}
    stored |= {name: round(stored[name], 3) for name in ("other", "digit", "mark", "line")}
    FIGURES.write_text(json.dumps(stored, indent=1) + "\n")


if __name__ == "__main__":
    main()
