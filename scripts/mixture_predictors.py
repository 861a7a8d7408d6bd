"""How well predictors order real runs that they have not seen: the losses of RegMix's 512 models of 1M parameters.

    python scripts/mixture_predictors.py regmix_train_1m.parquet

The file has a column `w_<domain>` for each weight and `loss_<domain>` for each loss. Prints a table of
docs/mixtures.md: rank correlation on all runs that were not learned from, the mean over 3 draws of those that were.
"""

import sys

import numpy as np
import polars as pl

from curate.mixing.predicting import learn
from curate.mixing.ranking import spearman

LOSSES = ("pile_cc", "github", "wikipedia_en", "mean of all 13")


def main() -> None:
    runs = pl.read_parquet(sys.argv[1])
    weights = runs.select(name for name in runs.columns if name.startswith("w_")).to_numpy()
    weights = weights / weights.sum(axis=1, keepdims=True)
    losses = runs.select(name for name in runs.columns if name.startswith("loss_"))
    print("| runs learned from | predictor | " + " | ".join(LOSSES) + " |\n|--:|---|" + "--:|" * len(LOSSES))
    for count in (64, 112, 256):
        for kind in ("lightgbm", "process", "both"):
            cells = []
            for name in LOSSES:
                measured = losses.to_numpy().mean(axis=1) if " " in name else losses[f"loss_{name}"].to_numpy()
                found = []
                for seed in range(3):
                    order = np.random.default_rng(seed).permutation(len(runs))
                    known, others = order[:count], order[count:]
                    predictor = learn(kind, weights[known], measured[known], seed=seed)
                    found.append(spearman(predictor.predict(weights[others]), measured[others]))
                cells.append(f"{np.mean(found):.3f}")
            print(f"| {count} | `{kind}` | " + " | ".join(cells) + " |", flush=True)


if __name__ == "__main__":
    main()
