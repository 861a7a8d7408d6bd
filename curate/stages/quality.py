"""Rate each document on DataMan's fourteen criteria and say its domain, with the bundled raters or others."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

import pyarrow as pa
import pyarrow.compute as pc

from curate.documents import TEXT, Batch
from curate.models.addressing import located
from curate.models.raters import CRITERIA, DOMAINS, Raters, Ratings, load
from curate.stage import Annotate

BUILTIN = "builtin:raters"


class Quality(Annotate):
    """Rate each document from 1 to 5 on DataMan's fourteen criteria, and say which of 15 domains it is of.

        - quality: {}
        - drop: {column: quality_overall, below: 2.5}

    The criteria are those of DataMan (Peng et al. 2025, arXiv:2502.19363); 5 is always the best, 3 is ordinary, and
    `quality_sensitivity` is 5 where nothing is improper. The scores are estimates of what a large language model would
    say that reads the text: small static vectors of pieces of words, and how characters, words, lines, sentences and
    repeats run, go into a small network. They are means, not grades: of encyclopedic articles, 96 % get
    2.1 to 4.0 overall. Order documents by them, or cut at a quantile. How well they do, and
    where not, is in `curate/models/raters.md`.

    Made for English. A text in another language gets scores too, which say little beyond its form. Junk, such as a
    word again and again, random characters or stop words, gets little more than 1 overall; fluent nonsense does not.

    Of a long document, eight stretches of 1,500 characters are looked at, evenly spread, and their ratings averaged.
    A document without letters and digits in them has null in all columns: blanks, signs, emoji.

    `curate fit raters` trains other raters from documents that a model or a person rated (`curate annotate` has a
    language model do that): `- quality: {model: mine.npz}`.
    """

    model: str = BUILTIN
    """`builtin:raters` (those of the package), the path of raters that `curate fit raters` made (.npz), or
    `hf://ORG/REPO/FILE[@REVISION]`, a file of the Hugging Face Hub that `curate fetch` has fetched. Its SHA-256 goes
    into the manifest."""

    writes = {
        **{f"quality_{criterion}": pa.float32() for criterion in CRITERIA},
        "quality_domain": pa.string(),
        "quality_domain_probability": pa.float32(),
    }
    version: ClassVar[int] = 2

    examples = {
        "def add(a, b):\n    return a + b\n\n\nprint(add(1, 2))": {"quality_domain": "coding"},
        "": {"quality_overall": None, "quality_domain": None},
        " --- *** ... ": {"quality_overall": None, "quality_domain": None},
    }

    def files(self) -> tuple[Path, ...]:
        return (located(self.model),)

    def check_columns(self, types: Mapping[str, pa.DataType]) -> None:
        if self.model != BUILTIN:
            self._raters()

    def annotate_one(self, text: str) -> dict[str, Any]:
        return {name: values[0].as_py() for name, values in _columns(self._raters().rate_one(text)).items()}

    def annotate(self, batch: Batch) -> dict[str, pa.Array]:
        return _columns(self._raters().rate(batch[TEXT]))

    def _raters(self) -> Raters:
        """Raises StoreError if the file has none."""
        return load(*self.files())


def _columns(ratings: Ratings) -> dict[str, pa.Array]:
    empty = ratings.domain < 0
    scores = {
        f"quality_{criterion}": pa.array(ratings.scores[:, column], mask=empty)
        for column, criterion in enumerate(CRITERIA)
    }
    names = pa.array(DOMAINS, pa.string()).take(pa.array(ratings.domain, mask=empty))
    return {
        **scores,
        "quality_domain": pc.cast(names, pa.string()),
        "quality_domain_probability": pa.array(ratings.probability, mask=empty),
    }
