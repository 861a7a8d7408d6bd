"""Compare the verdicts of our heuristic filters with those of datatrove 0.10.1 on the same documents.

    python scripts/agreement.py [--data DIR] [--filter NAME] [--show N]

DIR holds `corpus/*.parquet` and `oracle/datatrove_verdicts.parquet` (file, id, and a column per filter: its reason,
null for keep). Prints, per file and filter, the share of documents on which keep or drop agrees, and on which the
reason agrees too.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from curate import catalog
from curate.documents import ID, TEXT, Batch
from curate.stage import PerBatch
from curate.stages.gopher_quality import DATATROVE_REASONS

DATA = Path(os.environ.get("CURATE_SHARED_DATA") or Path(__file__).resolve().parents[1].parent / "shared" / "data")
ENGLISH = (
    *("books_en.parquet", "code_py.parquet", "jargon_file.parquet", "manuals.parquet", "movie_reviews.parquet"),
    *("peps.parquet", "rust_rfcs.parquet", "web_samples.parquet", "wiki_en.parquet"),
)


@dataclass(frozen=True)
class Compared:
    """A filter of ours and the column that holds datatrove's reasons."""

    column: str
    least: float
    """Share of the documents of the English files on which keep or drop must agree; of the others, 0.97."""
    reason: Callable[[str], str] = str
    """Our reason → datatrove's."""


FILTERS = {
    "gopher_quality": Compared("gopher_quality", 0.97, DATATROVE_REASONS.__getitem__),
    "gopher_repetition": Compared("gopher_repetition", 0.99),
    "c4": Compared("c4", 0.98),
    "fineweb_quality": Compared("fineweb", 0.995),
}


@dataclass
class Agreement:
    """Verdicts on the documents of one file, as (id, ours, datatrove's); None keeps."""

    rows: list[tuple[str, str | None, str | None]]

    @property
    def kept_or_dropped(self) -> float:
        """Share of the documents on which keep or drop agrees."""
        return sum((ours is None) == (theirs is None) for _, ours, theirs in self.rows) / len(self.rows)

    @property
    def reasons(self) -> float:
        """Share of the documents on which the reason agrees too."""
        return sum(ours == theirs for _, ours, theirs in self.rows) / len(self.rows)


def compare(name: str, data: Path = DATA) -> dict[str, Agreement]:
    """Our verdicts beside datatrove's, by file, for one filter with its default options, which are the parity mode."""
    compared, stage = FILTERS[name], catalog.stage_class(name)()
    assert isinstance(stage, PerBatch)
    verdicts = pq.read_table(data / "oracle" / "datatrove_verdicts.parquet", columns=["file", ID, compared.column])
    found = {}
    for file in sorted(set(verdicts["file"].to_pylist())):
        theirs = verdicts.filter(pc.equal(verdicts["file"], file))
        batch = _batch(data / "corpus" / file, theirs[ID])
        outcome = stage.process(batch)
        reasons = pa.nulls(len(batch)) if outcome.reason is None else outcome.reason
        ours = [None if reason is None else compared.reason(reason) for reason in reasons.to_pylist()]
        rows = zip(batch[ID].to_pylist(), ours, theirs[compared.column].to_pylist(), strict=True)
        found[file] = Agreement(list(rows))
    return found


def _batch(path: Path, ids: pa.ChunkedArray) -> Batch:
    """The documents with these ids, in that order."""
    table = pq.read_table(path, columns=[ID, TEXT])
    table = table.take(pc.index_in(ids, table[ID].combine_chunks()).combine_chunks())
    return Batch({name: table[name].combine_chunks().cast(pa.large_string()) for name in (ID, TEXT)})


def _pool(found: dict[str, Agreement], english: bool) -> Agreement:
    return Agreement(
        [row for file, agreement in found.items() if (file in ENGLISH) == english for row in agreement.rows]
    )


def main() -> int:
    """Print the table; exit code 1 if a share is below what is asked for."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--data", type=Path, default=DATA)
    options.add_argument("--filter", choices=FILTERS, action="append", help="only this one; may be repeated")
    options.add_argument(
        "--show", type=int, default=0, metavar="N", help="list up to N documents that differ, per filter"
    )
    asked = options.parse_args()
    failed = False
    for name in asked.filter or [name for name in FILTERS if name in catalog.names()]:
        found = compare(name, asked.data)
        print(f"\n{name:<28}{'documents':>10}{'keep/drop':>11}{'reason':>9}")
        for file, agreement in found.items():
            _print_row(file, agreement)
        for group, english, least in (("English files", True, FILTERS[name].least), ("other files", False, 0.97)):
            agreement = _pool(found, english)
            enough = agreement.kept_or_dropped >= least
            failed |= not enough
            _print_row(group, agreement, f"  at least {least:.1%}: {'yes' if enough else 'NO'}")
        differing = [(file, row) for file, agreement in found.items() for row in agreement.rows if row[1] != row[2]]
        for file, (document, ours, theirs) in differing[: asked.show]:
            print(f"    {file} {document}: {ours or 'kept'}, datatrove: {theirs or 'kept'}")
    return int(failed)


def _print_row(label: str, agreement: Agreement, note: str = "") -> None:
    shares = np.array([agreement.kept_or_dropped, agreement.reasons])
    print(f"  {label:<26}{len(agreement.rows):>10}{shares[0]:>11.2%}{shares[1]:>9.2%}{note}")


if __name__ == "__main__":
    sys.exit(main())
