"""Small corpora with domains of their own words."""

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from curate.mixing.options import SearchOptions


def text(generator, words, length=60):
    return " ".join(f"{words}{generator.integers(40)}" for _ in range(length)) + "."


def documents(sizes, seed=0):
    """(texts, domains): a domain's words are its own, but for one in five, which are of domain `a`."""
    generator = np.random.default_rng(seed)
    rows = [(text(generator, name), name) for name, count in sizes.items() for _ in range(count)]
    generator.shuffle(rows)
    return [one for one, _ in rows], [name for _, name in rows]


def write(path, sizes, seed=0, rename=None):
    texts, domains = documents(sizes, seed)
    domains = [rename[name] for name in domains] if rename else domains
    ids = [f"{seed}-{number}" for number in range(len(texts))]
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.table({"id": ids, "text": texts, "domain": domains}), path)
    return path


def options(paths, output, targets=None, **others):
    given = {
        "input": {"paths": str(paths), "domain": "domain"},
        "output": {"path": str(output)},
        "targets": targets or {"a": {"domains": "a", "held_out": 0.2}},
        "budget": 20_000,
        "method": {"climb": {"batches": [16, 8], "predictor": "process"}},
        "finalists": 2,
        "seeds": 2,
        "max_epochs": 8,
        **others,
    }
    return SearchOptions.model_validate(given)
