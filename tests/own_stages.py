"""Small stages of a user's own, one of each kind, to write beside a recipe."""

from __future__ import annotations

from pathlib import Path

SHOUTING = '''\
"""Drop documents written mostly in capitals."""
from pydantic import Field

from curate import Filter


class Shouting(Filter):
    """Drop documents written mostly in capitals."""

    max_upper: float = Field(0.5, ge=0, le=1)
    """Largest share of the letters that may be capitals, 0 to 1."""
    min_letters: int = Field(1, ge=1)
    """Letters below which a text is kept."""
    scripts: list[str] | None = None
    """Scripts to look at. null: all."""
    strict: bool = False
    """Also look at digits."""

    def judge_one(self, text):
        letters = [c for c in text if c.isalpha()]
        loud = sum(c.isupper() for c in letters) > self.max_upper * len(letters)
        return "shouting" if loud else None
'''

COUNTS = '''\
import pyarrow as pa

from curate import Annotate


class Counts(Annotate):
    """Count words and lines."""

    writes = {"n_words": pa.int64(), "n_lines": pa.int64()}

    def annotate_one(self, text):
        return {"n_words": len(text.split()), "n_lines": text.count("\\n") + 1}
'''

LENGTH = '''\
import pyarrow as pa

from curate import Annotate


class Length(Annotate):
    """Count characters."""

    writes = {"n_chars": pa.int64()}

    def annotate_one(self, text):
        return {"n_chars": len(text)}
'''

LOWER = '''\
from curate import Rewrite


class Lower(Rewrite):
    """Write everything small."""

    def rewrite_one(self, text):
        return text.lower()
'''

LIMIT = '''\
import pyarrow as pa

from curate import Column, Filter


class Limit(Filter):
    """Drop by a number."""

    column: Column
    """Column with the number."""
    above: float = 0.5
    """Drop what is above."""

    reads = ()

    def check_columns(self, types):
        kind = types.get(self.column)
        if kind is not None and not (pa.types.is_integer(kind) or pa.types.is_floating(kind)):
            raise ValueError(f"column = {self.column}; it is {kind}, and must be a number")

    def judge(self, batch):
        return pa.array(["above" if value.as_py() > self.above else None for value in batch[self.column]], pa.string())
'''

MEDIAN = '''\
import pyarrow as pa
from pydantic import BaseModel

from curate import Column, Global


class Found(BaseModel):
    median: float


class Median(Global):
    """Keep what is above the median."""

    column: Column
    """Column with the number."""

    evidence = pa.schema({"key": pa.uint64(), "row": pa.int64()})

    def observe(self, batch): ...
    def resolve(self, evidence): ...
    def artifact_type(self): return Found
    def apply(self, batch, artifact): ...
'''

SOURCES = {
    "shouting": SHOUTING,
    "counts": COUNTS,
    "length": LENGTH,
    "lower": LOWER,
    "limit": LIMIT,
    "median": MEDIAN,
}


def write_stages(folder: Path) -> Path:
    """Write them all into a folder."""
    for name, source in SOURCES.items():
        (folder / f"{name}.py").write_text(source)
    return folder
