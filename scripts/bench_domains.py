"""Speed of the k-means behind `domain_clusters`: fitting centres to vectors, and assigning documents to centres.

    python scripts/bench_domains.py                  200,000 × 256 and 1,000 centres; some minutes with scikit-learn
    python scripts/bench_domains.py --rows 20000     less of it
    python scripts/bench_domains.py --sklearn        beside scikit-learn's MiniBatchKMeans and KMeans, on one thread

The vectors are made up: around twice as many directions as there are centres, with noise, of length 1. CPU seconds are
user + system of the process; the sum of squares tells how good the centres are (lower is better).
"""

from __future__ import annotations

import argparse
import os

for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ.setdefault(variable, "1")

import time  # noqa: E402

import numpy as np  # noqa: E402

from curate.domains import kmeans  # noqa: E402

SEED = 1


def made_up(rows: int, dim: int, directions: int) -> np.ndarray:
    rng = np.random.default_rng(SEED)
    centres = rng.standard_normal((directions, dim)).astype(np.float32)
    x = centres[rng.integers(0, directions, rows)] + 1.5 * rng.standard_normal((rows, dim), dtype=np.float32)
    return x / np.linalg.norm(x, axis=1, keepdims=True)


def timed(work):
    """(what it returns, CPU seconds, wall seconds)."""
    cpu, wall = time.process_time(), time.perf_counter()
    found = work()
    return found, time.process_time() - cpu, time.perf_counter() - wall


def squares(x: np.ndarray, centres: np.ndarray) -> float:
    _, apart = kmeans.assign(x, np.ascontiguousarray(centres, np.float32), "euclidean")
    return float((apart.astype(np.float64) ** 2).sum())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=200_000)
    parser.add_argument("--dim", type=int, default=256)
    parser.add_argument("--centres", type=int, default=1000)
    parser.add_argument("--sklearn", action="store_true")
    asked = parser.parse_args()
    x = made_up(asked.rows, asked.dim, 2 * asked.centres)
    kmeans.assign(x[:8], kmeans.fit(x[:64], 4, seed=0, distance="cosine"), "cosine")  # compiles
    for distance in ("cosine", "euclidean"):
        centres, cpu, wall = timed(lambda distance=distance: kmeans.fit(x, asked.centres, seed=0, distance=distance))
        print(f"fit, {distance:<9}          {cpu:7.1f} CPU-s {wall:7.1f} s   sum of squares {squares(x, centres):,.0f}")
        _, cpu, _ = timed(lambda: kmeans.assign(x, centres, distance))  # noqa: B023
        print(f"assign, {distance:<9}       {asked.rows / cpu:9,.0f} documents per CPU-second", flush=True)
    if asked.sklearn:
        from sklearn.cluster import KMeans, MiniBatchKMeans

        batch = MiniBatchKMeans(asked.centres, random_state=0, batch_size=4096, n_init=1)
        for name, made in (
            ("MiniBatchKMeans", batch),
            ("KMeans", KMeans(asked.centres, random_state=0, n_init=1, max_iter=10)),
        ):
            _, cpu, wall = timed(lambda made=made: made.fit(x))
            found = squares(x, made.cluster_centers_)
            print(f"fit, {name:<17}  {cpu:7.1f} CPU-s {wall:7.1f} s   sum of squares {found:,.0f}", flush=True)


if __name__ == "__main__":
    main()
