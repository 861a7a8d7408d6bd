"""Corpora of two vocabularies, of which it is known what is to be found."""

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

WORDS = {True: [f"alpha{i}" for i in range(60)], False: [f"beta{i}" for i in range(60)]}
COMMON = ["the", "of", "and", "to"]


def texts(kind, n, seed, longest=60):
    """Documents of one vocabulary and some common words, 5 to `longest` words long, on several lines."""
    rng = np.random.default_rng(seed)
    found = []
    for _ in range(n):
        words = rng.choice(WORDS[kind] + COMMON * 5, rng.integers(5, longest))
        found.append("\n".join([" ".join(words[: len(words) // 2]), " ".join(words[len(words) // 2 :])]))
    return found


def write(path, found, **columns):
    """A shard; ids are made of its name."""
    ids = [f"{path.stem}-{i}" for i in range(len(found))]
    pq.write_table(pa.table({"id": ids, "text": found, **columns}), path)
    return str(path)


def losses(kinds, models, seed):
    """Losses of models, the worst first: they fall with the model for the first vocabulary, and rise for the second."""
    rng = np.random.default_rng(seed)
    step = np.where(np.array(kinds), -0.1, 0.1)
    noise = rng.normal(0, 0.02, (len(kinds), models))
    table = 3 + step[:, None] * np.arange(models) + noise
    return {f"loss{i}": table[:, i] for i in range(models)}
