"""datatrove, for `bench_peers.py`; runs in its own environment, without curate.

    python scripts/bench_datatrove.py --task stages --out O --scratch S FILE...    filter by filter, as `bench.py`

Its filters at their defaults, but C4's rule about the ends of lines, which FineWeb leaves out; MinHash as in its
example for FineWeb, which is its default: 14 bands of 8, words by spaCy, 64-bit xxhash.
"""

import time
from pathlib import Path

import pyarrow.parquet as pq
from bench_peer import MODEL, Work, run
from datatrove.data import Document
from datatrove.executor import LocalPipelineExecutor
from datatrove.pipeline.dedup import (
    ExactDedupFilter,
    ExactDedupSignature,
    ExactFindDedups,
    MinhashDedupBuckets,
    MinhashDedupCluster,
    MinhashDedupFilter,
    MinhashDedupSignature,
)
from datatrove.pipeline.dedup.exact_dedup import ExactDedupConfig
from datatrove.pipeline.filters import (
    C4QualityFilter,
    FineWebQualityFilter,
    GopherQualityFilter,
    GopherRepetitionFilter,
    LanguageFilter,
)
from datatrove.pipeline.readers import ParquetReader
from datatrove.pipeline.writers import ParquetWriter

LANGUAGES = ["en"]


class BundledLanguage:
    """lid.176.ftz from a file, asked as datatrove asks it: its own class would download the model."""

    model = None

    def predict(self, doc):
        if self.model is None:  # datatrove copies its steps before they run, and models cannot be copied
            import fasttext

            self.model = fasttext.load_model(str(MODEL))
        labels, scores = self.model.predict(doc.text.replace("\n", " "), k=-1)
        pairs = {label.split("__")[2]: float(min(score, 1.0)) for label, score in zip(labels, scores, strict=True)}
        best = max(pairs, key=pairs.get)
        return (best, pairs[best]), {name: pairs.get(name, 0.0) for name in LANGUAGES}


def reader(work: Work) -> ParquetReader:
    return ParquetReader(str(Path(work.files[0]).parent), glob_pattern="*.parquet")


def language_steps() -> list:
    step = LanguageFilter(languages=LANGUAGES, language_threshold=0.65)
    step.model = BundledLanguage()
    return [step]


def filter_steps() -> list:
    return [
        GopherRepetitionFilter(),
        GopherQualityFilter(),
        C4QualityFilter(filter_no_terminal_punct=False),
        FineWebQualityFilter(),
    ]


def execute(work: Work, name: str, steps: list, tasks: int | None = None) -> None:
    logs = f"{work.scratch}/log-{name}"
    LocalPipelineExecutor(steps, tasks=tasks or len(work.files), workers=work.workers, logging_dir=logs).run()


def filters(work: Work) -> None:
    execute(work, "filters", [reader(work), *filter_steps(), ParquetWriter(work.out)])


def language(work: Work) -> None:
    execute(work, "language", [reader(work), *language_steps(), ParquetWriter(work.out)])


def text_of(document: Document) -> str:
    return document.text


def exact(work: Work) -> None:
    """Its three steps."""
    found, doubles = f"{work.scratch}/signatures", f"{work.scratch}/duplicates"
    config = ExactDedupConfig(content_getter=text_of)
    steps = [reader(work), ExactDedupSignature(found, config=config, finder_workers=1)]
    execute(work, "1", steps)
    execute(work, "2", [ExactFindDedups(found, doubles, config=config)], tasks=1)
    execute(work, "3", [reader(work), ExactDedupFilter(doubles, config=config), ParquetWriter(work.out)])


def minhash(work: Work, source: list | None = None) -> None:
    """Its four steps, the first and the last with a task for each file; `source`: what reads the documents."""
    found, pairs, removed = (f"{work.scratch}/{name}" for name in ("signatures", "pairs", "removed"))
    source = source or [reader(work)]
    execute(work, "1", [*source, MinhashDedupSignature(found)])
    execute(work, "2", [MinhashDedupBuckets(found, pairs)], tasks=14)
    execute(work, "3", [MinhashDedupCluster(pairs, removed)], tasks=1)
    execute(work, "4", [*source, MinhashDedupFilter(removed), ParquetWriter(work.out)])


def recipe(work: Work) -> None:
    """Language and the filters, then MinHash on what is left, with files in between, as in its FineWeb example."""
    left = f"{work.scratch}/filtered"
    steps = [reader(work), *language_steps(), *filter_steps(), ParquetWriter(left)]
    execute(work, "filters", steps)
    minhash(work, [ParquetReader(left, glob_pattern="*.parquet")])


def stages(work: Work) -> None:
    """Each filter, and MinHash's signatures, called on texts in memory after a warm-up; prints MB per CPU-second."""
    texts = [text for file in work.files for text in pq.read_table(file, columns=["text"])["text"].to_pylist()]
    megabytes = sum(len(text.encode()) for text in texts) / 1e6
    signing = MinhashDedupSignature(f"{work.scratch}/signatures")
    works = {type(step).__name__: step.filter for step in [*language_steps(), *filter_steps()]}
    works["MinhashDedupSignature"] = lambda document: signing.get_signature(signing.get_shingles(document.text))
    for name, call in works.items():
        documents = [Document(text=text, id=str(number)) for number, text in enumerate(texts)]  # C4's edits them
        call(Document(text=texts[0], id=""))
        began = time.process_time()
        for document in documents:
            call(document)
        print(f"{name:<25}{megabytes / (time.process_time() - began):>8.2f} MB/CPU-s", flush=True)


if __name__ == "__main__":
    run(
        {
            "filters": filters,
            "language": language,
            "exact": exact,
            "minhash": minhash,
            "recipe": recipe,
            "stages": stages,
        }
    )
