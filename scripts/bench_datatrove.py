"""The same work done by datatrove, for `bench.py --peer datatrove`; runs in its own environment, without curate."""

import argparse
import json
import resource
import sys
import tempfile
from pathlib import Path

import pyarrow.compute as pc
import pyarrow.parquet as pq
from datatrove.data import Document
from datatrove.executor import LocalPipelineExecutor
from datatrove.pipeline.filters import (
    C4QualityFilter,
    FineWebQualityFilter,
    GopherQualityFilter,
    GopherRepetitionFilter,
    LanguageFilter,
)
from datatrove.pipeline.readers import ParquetReader
from datatrove.pipeline.writers import ParquetWriter


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


def cpu_seconds(who: int = resource.RUSAGE_SELF) -> float:
    used = resource.getrusage(who)
    return used.ru_utime + used.ru_stime


def one_filter(name: str, files: list[str]) -> dict:
    texts = [text for file in files for text in pq.read_table(file, columns=["text"]).column("text").to_pylist()]
    size = sum(len(text.encode()) for text in texts)
    judge = filter_of(name).filter
    documents = [Document(text=text, id=str(number)) for number, text in enumerate(texts)]
    judge(Document(text=texts[0], id="warm-up"))
    began = cpu_seconds()
    for document in documents:
        try:
            judge(document)
        except ZeroDivisionError:  # empty text
            continue
    return {"seconds": cpu_seconds() - began, "bytes": size}


def recipe(files: list[str]) -> dict:
    size = sum(pc.sum(pc.binary_length(pq.read_table(f, columns=["text"]).column("text"))).as_py() or 0 for f in files)
    names = ["language", "gopher_repetition", "gopher_quality", "c4", "fineweb_quality"]
    began = cpu_seconds()
    with tempfile.TemporaryDirectory() as folder:
        for file in files:
            steps = [
                ParquetReader(str(Path(file).parent), glob_pattern=Path(file).name),
                *[filter_of(name) for name in names],
                ParquetWriter(f"{folder}/{Path(file).stem}"),
            ]
            executor = LocalPipelineExecutor(steps, tasks=1, workers=1, logging_dir=f"{folder}/log-{Path(file).stem}")
            executor.run()
    return {"seconds": cpu_seconds() - began + cpu_seconds(resource.RUSAGE_CHILDREN), "bytes": size}


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("files", nargs="+")
    parser.add_argument("--work", required=True)
    parser.add_argument("--workers")
    asked = parser.parse_args()
    result = recipe(asked.files) if asked.work == "recipe" else one_filter(asked.work, asked.files)
    result["peak"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
    print(json.dumps(result))


if __name__ == "__main__":
    main()
