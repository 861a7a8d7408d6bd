"""The same work done by datatrove, for `bench.py --peer datatrove`; runs in its own environment, without curate."""

from functools import partial
from pathlib import Path

import pyarrow.parquet as pq
from bench_peer import run
from datatrove.data import Document
from datatrove.executor import LocalPipelineExecutor
from datatrove.pipeline.dedup import MinhashDedupBuckets, MinhashDedupCluster, MinhashDedupFilter, MinhashDedupSignature
from datatrove.pipeline.filters import (
    C4QualityFilter,
    FineWebQualityFilter,
    GopherQualityFilter,
    GopherRepetitionFilter,
    LanguageFilter,
)
from datatrove.pipeline.readers import ParquetReader
from datatrove.pipeline.writers import ParquetWriter

FIVE = ["language", "gopher_repetition", "gopher_quality", "c4", "fineweb_quality"]


class BundledLanguage:
    """lid.176.ftz from a file, asked as datatrove asks it: its own class would download the model."""

    model = None

    def predict(self, doc):
        if self.model is None:  # datatrove copies its steps before they run, and models cannot be copied
            import fasttext

            path = Path(__file__).resolve().parents[1] / "curate" / "models" / "lid.176.ftz"
            self.model = fasttext.load_model(str(path))
        labels, scores = self.model.predict(doc.text.replace("\n", " "), k=-1)
        pairs = {label.split("__")[2]: float(min(score, 1.0)) for label, score in zip(labels, scores, strict=True)}
        best = max(pairs, key=pairs.get)
        return (best, pairs[best]), pairs


def filter_of(name: str):
    if name == "language":
        made = LanguageFilter(languages=["en"])
        made.model = BundledLanguage()
        return made
    return {
        "gopher_repetition": GopherRepetitionFilter,
        "gopher_quality": GopherQualityFilter,
        "c4": lambda: C4QualityFilter(filter_no_terminal_punct=False),
        "fineweb_quality": FineWebQualityFilter,
    }[name]()


def one_filter(name: str, texts: list[str]) -> None:
    judge = filter_of(name).filter
    for number, text in enumerate(texts):
        try:
            judge(Document(text=text, id=str(number)))
        except ZeroDivisionError:  # empty text
            continue


def recipe(files: list[str], folder: str) -> None:
    for file in files:
        steps = [reader(file), *[filter_of(name) for name in FIVE], ParquetWriter(f"{folder}/{Path(file).stem}")]
        execute(steps, folder, Path(file).stem)


def minhash_signature(texts: list[str]) -> None:
    """FineWeb's configuration, which is the default: 14 bands of 8, words by spaCy, 64-bit xxhash."""
    made = MinhashDedupSignature("memory://signatures")
    for text in texts:
        shingles = made.get_shingles(text)
        if shingles.size:
            made.get_signature(shingles)


def minhash_recipe(files: list[str], folder: str) -> int:
    """The four steps, one task each; the first and the last for each file."""
    for name in ("in", "signatures", "pairs", "removed", "out"):
        Path(folder, name).mkdir()
    for number, file in enumerate(files):
        Path(folder, "in", f"{number:05d}.parquet").symlink_to(Path(file).resolve())
    source = f"{folder}/in/00000.parquet"
    count = {"tasks": len(files)}
    execute([reader(source, "*"), MinhashDedupSignature(f"{folder}/signatures")], folder, "1", **count)
    execute([MinhashDedupBuckets(f"{folder}/signatures", f"{folder}/pairs")], folder, "2", tasks=14)
    execute([MinhashDedupCluster(f"{folder}/pairs", f"{folder}/removed")], folder, "3")
    steps = [reader(source, "*"), MinhashDedupFilter(f"{folder}/removed"), ParquetWriter(f"{folder}/out")]
    execute(steps, folder, "4", **count)
    return sum(pq.read_metadata(path).num_rows for path in Path(folder, "out").glob("*.parquet"))


def reader(file: str, pattern: str | None = None) -> ParquetReader:
    return ParquetReader(str(Path(file).parent), glob_pattern=pattern or Path(file).name)


def execute(steps: list, folder: str, name: str, tasks: int = 1) -> None:
    LocalPipelineExecutor(steps, tasks=tasks, workers=1, logging_dir=f"{folder}/log-{name}").run()


if __name__ == "__main__":
    filters = {name: partial(one_filter, name) for name in FIVE}
    run({**filters, "recipe": recipe, "minhash_signature": minhash_signature, "minhash_recipe": minhash_recipe})
