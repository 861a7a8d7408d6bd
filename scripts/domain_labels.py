"""How well clusters agree with labels that people gave: normalised mutual information and purity, for each embedding.

    python scripts/domain_labels.py --labels mmlu_subjects.parquet                        column `label`
    python scripts/domain_labels.py --sources wiki_en.parquet law_de.parquet ...          the label is the file
    ... --model potion=FOLDER --model minilm=FOLDER                                      further embeddings

As many clusters as there are labels, and five seeds; mean and standard deviation over these. "merged": in the way of
`domain_clusters`, with as many clusters as it takes when it is told nothing, merged by Ward linkage. Beside them TF-IDF
(words, logarithmic counts) and k-means of scikit-learn (pip install scikit-learn), on the same texts, from one start
and as the best of five. Documents without a vector are one further cluster.
"""

from __future__ import annotations

import argparse
import time
from collections import Counter
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from curate.documents import ID, TEXT, Batch
from curate.domains import kmeans
from curate.domains.artifact import centred
from curate.domains.merging import merge
from curate.kernels.hashing import hash64
from curate.kernels.vectors import matrix
from curate.stages.domain_clusters import usual_clusters
from curate.stages.embed import EMBEDDING, Embed

SEEDS = range(5)
FROM_EACH = 400  # documents of a source
STARTS = {"scikit-learn": 1, "scikit-learn, best of five": 5}


def corpus(asked: argparse.Namespace) -> tuple[pa.LargeStringArray, np.ndarray]:
    """(texts, labels), in the order of a hash."""
    if asked.labels:
        table = pq.read_table(asked.labels, columns=["text", "label"])
        texts, labels = table["text"].to_pylist(), table["label"].to_pylist()
    else:
        texts, labels = [], []
        for path in asked.sources:
            found = pq.read_table(path, columns=["text"])["text"].to_pylist()[:FROM_EACH]
            texts += found
            labels += [path.stem] * len(found)
    whole = pa.array(texts, pa.large_string())
    order = np.argsort(hash64(whole), kind="stable")
    return whole.take(pa.array(order)), np.array(labels)[order]


def vectors(model: str, texts: pa.LargeStringArray) -> tuple[np.ndarray, np.ndarray]:
    """As the stage gives them to `domain_clusters`."""
    ids = pa.array([str(number) for number in range(len(texts))], pa.large_string())
    stage, batch = Embed(model=model), Batch({ID: ids, TEXT: texts})
    learned = None
    if not stage.is_decided():
        from tests.stages.harness import observe

        learned = stage.resolve(observe(stage, [[batch]]))
    return matrix(stage.apply(batch, learned).columns[EMBEDDING])


def clusters(x: np.ndarray, rows: np.ndarray, n: int, k: int, seed: int) -> np.ndarray:
    label = np.full(n, k)
    x = centred(x, x.mean(0, keepdims=True))
    label[rows] = kmeans.assign(x, kmeans.fit(x, k, seed=seed, distance="cosine"), "cosine")[0]
    return label


def merged(x: np.ndarray, rows: np.ndarray, n: int, k: int, seed: int) -> np.ndarray:
    """As `domain_clusters: {domains: k}` has it: more clusters, then Ward linkage of their centres."""
    label = np.full(n, k)
    x = centred(x, x.mean(0, keepdims=True))
    centres = kmeans.fit(x, usual_clusters(len(x), k), seed=seed, distance="cosine")
    label[rows] = merge(centres, domains=k, distance=None)[kmeans.assign(x, centres, "cosine")[0]]
    return label


def plain(texts: list[str], k: int, seed: int, starts: int) -> np.ndarray:
    """TF-IDF and k-means, as one would do it with scikit-learn alone."""
    from sklearn.cluster import KMeans
    from sklearn.feature_extraction.text import TfidfVectorizer

    x = TfidfVectorizer(sublinear_tf=True, min_df=3, max_features=20_000).fit_transform(texts)
    return KMeans(k, random_state=seed, n_init=starts).fit_predict(x)


def entropy(counts: np.ndarray) -> float:
    share = counts[counts > 0] / counts.sum()
    return float(-(share * np.log(share)).sum())


def agreement(label: np.ndarray, truth: np.ndarray) -> tuple[float, float]:
    """(normalised mutual information, by the mean of both entropies; purity)."""
    _, a = np.unique(label, return_inverse=True)
    _, b = np.unique(truth, return_inverse=True)
    table = np.zeros((a.max() + 1, b.max() + 1))
    np.add.at(table, (a, b), 1)
    of_a, of_b = entropy(table.sum(1)), entropy(table.sum(0))
    shared = of_a + of_b - entropy(table.ravel())
    return 2 * shared / (of_a + of_b), float(table.max(1).sum() / table.sum())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--labels", type=Path)
    parser.add_argument("--sources", type=Path, nargs="+")
    parser.add_argument("--model", action="append", default=[], metavar="NAME=FOLDER")
    parser.add_argument("--without-sklearn", action="store_true")
    asked = parser.parse_args()
    texts, truth = corpus(asked)
    k, n = len(set(truth.tolist())), len(texts)
    print(f"{n:,} documents, {k} labels, the most frequent {Counter(truth.tolist()).most_common(1)[0][1] / n:.1%}")
    for name in ["builtin", "lsa", *asked.model]:
        began = time.process_time()
        short, _, folder = name.partition("=")
        x, rows = vectors(folder or short, texts)
        learned = time.process_time() - began
        for way, said in ((clusters, short), (merged, f"{short}, merged")):
            began = time.process_time()
            runs = [way(x, rows, n, k, seed) for seed in SEEDS]
            show(said, runs, truth, learned + time.process_time() - began)
    for name, starts in () if asked.without_sklearn else STARTS.items():
        began = time.process_time()
        runs = [plain(texts.to_pylist(), k, seed, starts) for seed in SEEDS]
        show(name, runs, truth, time.process_time() - began)


def show(name: str, runs: list[np.ndarray], truth: np.ndarray, seconds: float) -> None:
    found = np.array([agreement(run, truth) for run in runs])
    (nmi, purity), (nmi_off, purity_off) = found.mean(0), found.std(0)
    print(f"| {name} | {nmi:.3f} ± {nmi_off:.3f} | {purity:.3f} ± {purity_off:.3f} | {seconds:.0f} |", flush=True)


if __name__ == "__main__":
    main()
