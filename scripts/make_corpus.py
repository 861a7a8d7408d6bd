"""A corpus of any number of documents with planted copies, made of real words: to measure deduplication with.

    python scripts/make_corpus.py OUT --documents 1000000 [--from PARQUET...] [--near 0.2] [--exact 0.1] [--seed 1]

A document is a string of runs of one to four words, each run cut from a place of its own in real texts of one language:
words, punctuation and line breaks are real, sentences are not. So any five words in a row span two places at least,
and unrelated documents share next to none of them, however many are made (`scripts/neardup.py --unrelated` counts).
Lengths are log-normal. One site of three puts a header and a footer around its documents.

Copies belong to clusters, whose sizes follow a power law. An exact copy has the same text. A near copy has words
replaced, deleted and inserted at a rate of its own, mostly low; some are cut short, in lower case or without
punctuation, and half of them are on another site, with its header and footer. The others keep the URL.

Everything about a document is a hash of the seed and its number: the same arguments give the same documents in the
same order, whatever the number of files and processes. Columns: `id`, `text`, `cluster` (-1 for a document without
copies), `edit` (share of the original's words replaced, deleted or cut off, or with one inserted before), `source`
(the site), `crawl`, `fetched_at`, `url`, `lang`.
"""

from __future__ import annotations

import argparse
import glob
import itertools
import os
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import cache
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from corpus_words import Words, below, draws, purpose, read_words, shares, spans

SAMPLE = Path(__file__).resolve().parents[1] / "configs" / "sample"
BATCH = 1024  # documents made at once: about 4 MB of text, and 50 MB of numbers
RUN = 4  # words in the longest run: fewer than in a shingle of five words
SITES = 5000
CRAWLS = 12
_words = cache(read_words)


@dataclass(frozen=True)
class Asked:
    """What the corpus shall be."""

    documents: int
    sources: tuple[str, ...]
    near: float = 0.2
    """Share of the documents that are near copies of another one, 0 to 1."""
    exact: float = 0.1
    """Likewise, with the same text."""
    mean_bytes: int = 4000
    """Mean length of a text; the median is 0.6 of it."""
    max_edit: float = 0.15
    """Largest rate at which words of a near copy are edited, 0 to 1."""
    largest: int = 1000
    """Most copies in a cluster."""
    exponent: float = 2.2
    """Of the power law of cluster sizes, above 1: the smaller, the more large clusters."""
    seed: int = 1


@dataclass(frozen=True)
class Plan:
    """Which document is a copy of which. Documents by number: originals first, then copies."""

    original: np.ndarray
    """Number of the document that each is a copy of, or its own."""
    near: np.ndarray
    """Whether it is a near copy."""
    clustered: np.ndarray
    """Whether it is, or has, a copy."""
    order: np.ndarray
    """The documents' numbers as they stand in the files."""


@cache
def make_plan(asked: Asked) -> Plan:
    total, share = asked.documents, asked.near + asked.exact
    copies = min(round(share * total), total - 1)
    originals = total - copies
    # P(size > x) = x^(1 - exponent), cut at `largest`; the last cluster takes what is left
    rest = 1 - shares(draws(purpose(asked.seed, "clusters"), np.arange(originals)))
    sizes = np.minimum(rest ** (1 / (1 - asked.exponent)), asked.largest).astype(np.int64)
    ends = np.minimum(np.cumsum(sizes), copies)
    ends[-1] = copies
    sizes = np.diff(ends, prepend=0)
    original = np.concatenate([np.arange(originals), np.repeat(np.arange(originals), sizes)])
    near = np.zeros(total, np.bool_)
    shuffled = np.argsort(draws(purpose(asked.seed, "near"), np.arange(copies)), kind="stable")
    near[originals + shuffled[: round(copies * asked.near / share) if share else 0]] = True
    clustered = np.concatenate([sizes > 0, np.ones(copies, np.bool_)])
    return Plan(
        original, near, clustered, np.argsort(draws(purpose(asked.seed, "order"), np.arange(total)), kind="stable")
    )


def make_documents(asked: Asked, low: int, high: int) -> pa.Table:
    """The documents low…high - 1 in the order of the files."""
    plan, words = make_plan(asked), _words(asked.sources)
    number = plan.order[low:high]
    original, near = plan.original[number], plan.near[number]
    key = purpose(asked.seed, "document")
    own, parent = draws(key, number), draws(key, original)
    weight = np.cumsum(words.size * words.word_bytes)
    group = np.searchsorted(weight[:-1] / weight[-1], shares(draws(parent, 0)), side="right")

    moved = near & (draws(own, 1) & np.uint64(1) > 0)
    place = np.where(moved, own, parent)  # decides where the document is published
    site = (SITES * shares(draws(place, 2)) ** 3).astype(np.int64)  # a few large sites, many small ones
    ids, counts = bodies(asked, words, parent, group)
    before = counts
    ids, counts, changed = edited(asked, words, ids, counts, own, near, group)
    ids, counts = framed(asked, words, ids, counts, site, group)
    pieces = words.table.take(pa.array(ids))
    _, ends, data = pieces.buffers()
    ends = np.frombuffer(ends, np.int64)[np.append(0, np.cumsum(counts))]

    months = np.datetime64("2024-01", "M") + below(draws(own, 3), CRAWLS)
    times = months.astype("datetime64[s]") + below(draws(own, 4), 28 * 86400)
    sites = [f"site{name}.example" for name in site.tolist()]
    pages = draws(place, 5).tolist()
    return pa.table(
        {
            "id": [f"{name:016x}" for name in draws(purpose(asked.seed, "id"), number).tolist()],
            "text": pa.LargeStringArray.from_buffers(len(number), pa.py_buffer(ends), data),
            "cluster": np.where(plan.clustered[number], original, -1),
            "edit": (changed / before).astype(np.float32),
            "source": sites,
            "crawl": months.astype(str),
            "fetched_at": pa.array(times, pa.timestamp("s")),
            "url": [f"https://{name}/{page:x}" for name, page in zip(sites, pages, strict=True)],
            "lang": np.array(words.languages, object)[group],
        }
    )


def bodies(asked: Asked, words: Words, key, group):
    """The words of all documents, one after the other, and how many each has."""
    normal = np.sqrt(-2 * np.log1p(-shares(draws(key, 6)))) * np.cos(2 * np.pi * shares(draws(key, 7)))
    size = asked.mean_bytes * np.exp(normal - 0.5)
    runs = np.clip(size / words.word_bytes[group] / ((1 + RUN) / 2), 16, 200_000).astype(np.int64)
    bits = draws(np.repeat(draws(key, 8), runs), spans(np.zeros_like(runs), runs))
    length = 1 + (bits & np.uint64(RUN - 1)).astype(np.int64)
    start = np.repeat(words.low[group], runs) + below(bits, np.repeat(words.size[group] - RUN, runs))
    counts = np.add.reduceat(length, np.cumsum(runs) - runs)
    return words.sequence[spans(start, length)], counts


def edited(asked: Asked, words: Words, ids, counts, key, near, group):
    """The near copies edited, the others as they are; with the number of words changed in each document."""
    rows = np.flatnonzero(near)
    n, key, group = counts[rows], key[rows], group[rows]
    at = spans((np.cumsum(counts) - counts)[rows], n)  # where their words are
    place = spans(np.zeros_like(n), n)
    rate = asked.max_edit * shares(draws(key, 9)) ** 2
    left = np.where(shares(draws(key, 10)) < 0.15, 0.6 + 0.4 * shares(draws(key, 11)), 1)
    hit = shares(draws(np.repeat(draws(key, 12), n), place)) / np.repeat(rate, n)
    cut = place >= np.repeat(left * n, n)
    # < 1/3: replaced, < 2/3: deleted, < 1: another word before it
    copies = np.where(cut | ((hit >= 1 / 3) & (hit < 2 / 3)), 0, np.where((hit >= 2 / 3) & (hit < 1), 2, 1))
    new = (copies == 2) | ((copies == 1) & (hit < 1 / 3))
    style = np.where(shares(draws(key, 13)) < 0.2, 1 + below(draws(key, 14), 2), 0)  # lower case, no punctuation
    document = np.repeat(np.arange(len(n)), n)
    some = document[new]
    drawn = words.low[group[some]] + below(draws(draws(key, 15)[some], place[new]), words.size[group[some]])
    result = ids.copy()
    result[at] += (words.distinct * style[document]).astype(ids.dtype)
    every = np.ones(len(ids), np.int64)
    every[at] = copies
    result = np.repeat(result, every)
    result[(np.cumsum(every) - every)[at[new]]] = words.sequence[drawn] + words.distinct * style[some]
    changed = np.zeros(len(counts), np.int64)
    changed[rows] = np.bincount(document, (hit < 1) | cut, len(n))
    counts = counts.copy()
    counts[rows] = np.bincount(document, copies, len(n))
    return result, counts, changed


def framed(asked: Asked, words: Words, ids, counts, site, group):
    """The documents between the header and the footer of their site, if it has any."""
    key = purpose(asked.seed, "site")
    has = below(draws(key, site), 3) == 0
    frame = draws(draws(key, site), group)
    sizes = [np.where(has, 4 + below(draws(frame, n), 9), 0) for n in (0, 1)]
    starts = [words.low[group] + below(draws(frame, n), words.size[group] - 16) for n in (2, 3)]
    frames = [words.sequence[spans(start, size)] for start, size in zip(starts, sizes, strict=True)]
    head, foot = sizes
    ends = np.cumsum(head), np.cumsum(counts), np.cumsum(foot)
    firsts = ends[0] - head, len(frames[0]) + ends[1] - counts, len(frames[0]) + len(ids) + ends[2] - foot
    order = spans(np.stack(firsts, 1).ravel(), np.stack([head, counts, foot], 1).ravel())
    return np.concatenate([frames[0], ids, frames[1]])[order], head + counts + foot


def write_file(path: Path, asked: Asked, low: int, high: int) -> int:
    """Write the documents low…high - 1; return their bytes of text."""
    size, writer, part = 0, None, path.with_suffix(".part")
    for at in range(low, high, BATCH):
        table = make_documents(asked, at, min(at + BATCH, high))
        size += table["text"].nbytes
        if writer is None:
            small = ["source", "crawl", "lang"]
            writer = pq.ParquetWriter(part, table.schema, compression="zstd", use_dictionary=small)
        writer.write_table(table)
    if writer:
        writer.close()
        os.replace(part, path)
    return size


def make_corpus(out: Path, asked: Asked, *, files: int = 8, workers: int = 1) -> int:
    """Write the corpus into the folder as so many Parquet files; return its bytes of text."""
    out.mkdir(parents=True, exist_ok=True)
    ends = [asked.documents * number // files for number in range(files + 1)]
    tasks = [(out / f"{n:05d}.parquet", asked, *pair) for n, pair in enumerate(itertools.pairwise(ends))]
    if workers < 2:
        return sum(write_file(*task) for task in tasks)
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
        return sum(pool.map(write_file, *zip(*tasks, strict=True)))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    sample = sorted(glob.glob(str(SAMPLE / "*.parquet")))
    parser.add_argument("out", type=Path)
    parser.add_argument("--documents", type=int, required=True)
    parser.add_argument(
        "--from", dest="sources", nargs="+", default=sample, help="Parquet files with texts, maybe lang"
    )
    parser.add_argument("--near", type=float, default=Asked.near, help="share of near copies (%(default)s)")
    parser.add_argument("--exact", type=float, default=Asked.exact, help="share of exact copies (%(default)s)")
    parser.add_argument("--mean-bytes", type=int, default=Asked.mean_bytes, help="of a text (%(default)s)")
    parser.add_argument("--max-edit", type=float, default=Asked.max_edit, help="highest rate of edits (%(default)s)")
    parser.add_argument("--largest", type=int, default=Asked.largest, help="most copies in a cluster (%(default)s)")
    parser.add_argument("--exponent", type=float, default=Asked.exponent, help="of cluster sizes (%(default)s)")
    parser.add_argument("--seed", type=int, default=Asked.seed)
    parser.add_argument("--files", type=int, default=8)
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1)
    given = vars(parser.parse_args())
    out, files, workers = (given.pop(name) for name in ("out", "files", "workers"))
    asked = Asked(**{**given, "sources": tuple(given["sources"])})
    if asked.documents < 1 or files < 1 or not 0 <= asked.near + asked.exact < 1 or asked.exponent <= 1:
        parser.error("--documents and --files are at least 1, --near + --exact is below 1, --exponent above 1")
    began = time.perf_counter()
    megabytes = make_corpus(out, asked, files=files, workers=workers) / 1e6
    seconds = time.perf_counter() - began
    print(f"{asked.documents:,} documents, {megabytes:,.1f} MB, {seconds:.1f} s, {megabytes / seconds:.0f} MB/s")


if __name__ == "__main__":
    main()
