"""Does a search find better mixtures? On real sources, against natural, uniform, temperature and random mixtures.

    python scripts/mixture_trial.py DATA [--case NAME ...] [--seeds 5] [--work out/mixture_trial]

DATA: a folder of Parquet files with `text`, one for each source. For each case, documents of two sources are set aside
twice: some for the search to measure on, others for the judgement, which the search never sees. Random mixtures: as
many as the search measures, drawn like its first batch; the best is chosen on the documents that the search measures
on. Each seed is a search of its own, and draws other documents. Prints the tables of docs/mixtures.md.
"""

import argparse
import sys
from pathlib import Path

import numpy as np
import polars as pl

from curate.executors import Inline
from curate.mixing.draws import first_batch
from curate.mixing.evaluators import evaluator_of
from curate.mixing.options import SearchOptions
from curate.mixing.searching import search, space_of
from curate.mixing.trials import UNITS, parts_of

BUDGET = 2_000_000  # characters
CASES = {
    "wiki_en, peps": (("wiki_en", "peps"), ()),
    "movie_reviews, books_en": (("movie_reviews", "books_en"), ()),
    "law_de, wiki_zh": (("law_de", "wiki_zh"), ()),
    "code_py, rust_rfcs": (("code_py", "rust_rfcs"), ()),
    "web_samples, of which nothing is trained on": (("web_samples",), ("web_samples",)),
}
"""Name → (sources of the targets, sources that are not trained on)."""
MIXTURES = ("found", "best of random", "natural", "uniform", "temperature")


def split(data: Path, work: Path, targets: tuple[str, ...], absent: tuple[str, ...]) -> None:
    """`corpus.parquet`, and for each target `search-` and `test-<source>.parquet`: a tenth each, by a hash."""
    tables = [
        pl.read_parquet(path, columns=["text"]).with_columns(source=pl.lit(path.stem))
        for path in sorted(data.glob("*.parquet"))
    ]
    corpus = pl.concat(tables).unique("text", keep="first", maintain_order=True).with_row_index("id")
    corpus = corpus.with_columns(pl.col("id").cast(pl.String), draw=pl.col("text").hash(7) % 10)
    share = 5 if absent else 1  # nothing of it is trained on, so that half may be measured on
    for source in targets:
        mine = pl.col("source") == source
        corpus.filter(mine & (pl.col("draw") < share)).write_parquet(work / f"search-{source}.parquet")
        test = pl.col("draw").is_between(share, 2 * share - 1)
        corpus.filter(mine & test).write_parquet(work / f"test-{source}.parquet")
    set_aside = pl.col("source").is_in(targets) & (pl.col("draw") < 2 * share)
    corpus.filter(~set_aside & ~pl.col("source").is_in(absent)).write_parquet(work / "corpus.parquet")


def options(work: Path, sources: tuple[str, ...], use: str, seed: int, **others: int) -> SearchOptions:
    batches = [8] if use == "test" else [64, 32, 16]
    given = {
        "input": {"paths": str(work / "corpus.parquet"), "domain": "source"},
        "output": {"path": str(work / use)},
        "targets": {name: {"paths": str(work / f"{use}-{name}.parquet")} for name in sources},
        "budget": BUDGET,
        "method": {"climb": {"batches": batches}},
        "seed": seed,
        "seeds": 3,
        **others,
    }
    return SearchOptions.model_validate(given)


def trial(work: Path, sources: tuple[str, ...], seed: int) -> dict[str, float]:
    """Bits per byte on the documents of the judgement, by mixture."""
    # Finalists are measured with seeds of their own: those of the next hundred are for the searches.
    outcome = search(options(work, sources, "search", 100 * seed), Inline(), lambda *_: None)
    seen = evaluator_of(work / "search")
    space = space_of(outcome.prepared, outcome.options)
    rows = first_batch(space, len(outcome.history), np.random.default_rng([seed, 99]))
    rows = [np.array(parts_of(row)) / UNITS for row in rows]

    def losses(evaluator, weights, seed):
        return evaluator.evaluate(dict(zip(space.names, weights, strict=True)), BUDGET, seed).loss

    best = min(rows, key=lambda row: losses(seen, row, 100 * seed))
    if seed == 0:  # no search: it prepares the judge
        search(options(work, sources, "test", 0, seeds=1, finalists=1), Inline(), lambda *_: None)
    judge = evaluator_of(work / "test")
    mixtures = {
        "found": outcome.compared["found"].trial.weights,
        "best of random": best,
        **{name: outcome.compared[name].trial.weights for name in ("natural", "uniform", "temperature")},
    }
    shown = sorted(zip(space.names, mixtures["found"], strict=True), key=lambda one: -one[1])[:4]
    print(f"  seed {seed}: " + ", ".join(f"{name} {weight:.3f}" for name, weight in shown), file=sys.stderr, flush=True)
    return {name: losses(judge, weights, 1000 + seed) for name, weights in mixtures.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("--case", action="append", choices=list(CASES))
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--work", type=Path, default=Path("out/mixture_trial"))
    asked = parser.parse_args()
    for case in asked.case or CASES:
        targets, absent = CASES[case]
        work = asked.work / "-".join(targets)
        work.mkdir(parents=True, exist_ok=True)
        split(asked.data, work, targets, absent)
        found = [trial(work, targets, seed) for seed in range(asked.seeds)]
        print(f"\nTargets: {case}\n")
        print("| mixture | bits per byte | ± | found is better by | in seeds |\n|---|--:|--:|--:|--:|")
        for name in MIXTURES:
            scores = np.array([one[name] for one in found])
            gains = scores - np.array([one["found"] for one in found])
            spread = scores.std(ddof=1) if len(scores) > 1 else 0.0
            better = "" if name == "found" else f"{gains.mean():+.4f} | {(gains > 0).sum()} of {len(gains)}"
            print(f"| {name} | {scores.mean():.4f} | {spread:.4f} | {better or ' | '} |", flush=True)


if __name__ == "__main__":
    main()
