"""Count the tokens of each document, by a tokenizer or by an estimate."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np
import pyarrow as pa
from pydantic import model_validator

from curate.documents import TEXT, Batch
from curate.models import token_estimate, tokenizers
from curate.models.fasttext import LANGUAGES
from curate.stage import Annotate, Column

ESTIMATE = "estimate"
TOKENS = "n_tokens"


class Tokens(Annotate):
    """Count the tokens of each document, by a tokenizer or by an estimate.

        - tokens
        - tokens: {tokenizer: models/tokenizer.json}
        - keep_best: {column: quality_overall, budget: 100_000_000, by: tokens, tokens_column: n_tokens}

    Budgets in tokens are of one tokenizer: that of the model to be trained. A tokenizer is read from a file, either of
    the library tokenizers (.json) or of tiktoken's ranks (such as `o200k_base.tiktoken`), and needs `pip install
    'curate[tokens]'`. No token is added for the beginning or the end of a text, and none is cut off.

    The estimate needs no tokenizer, and is six times as fast: bytes divided by what a token of o200k_base holds in the
    text's language, with figures of their own for digits, marks and line feeds, fitted on 79 languages. The sum over a
    source is within some 10 % of the truth, for most within 5 %; docs/domains.md has the table.

    Adds `n_tokens`.
    """

    tokenizer: str = ESTIMATE
    """`estimate`, or the path of a tokenizer: .json, or a file of tiktoken's ranks."""
    encoding: str | None = None
    """Name of tiktoken's encoding that the file has the ranks of, such as cl100k_base. null: as the file is called."""
    language: Column | None = None
    """For the estimate: column with the language of a document (ISO 639-1, as the stage `language` writes it). null, or
    where the column is null: the bundled identifier looks at the first 1,000 characters."""

    writes: ClassVar[dict[str, pa.DataType]] = {TOKENS: pa.int64()}
    examples: ClassVar[dict[str, Any]] = {
        "The ferry leaves at seven, and the last one comes back at noon.": {TOKENS: 13},
        "": {TOKENS: 0},
    }

    @model_validator(mode="after")
    def _is_consistent(self) -> Self:
        if self.encoding is not None and self._file().suffix in ("", ".json"):
            raise ValueError("encoding says what tiktoken's ranks are of; it goes with the path of such a file")
        if self.language is not None and self.tokenizer != ESTIMATE:
            raise ValueError("a tokenizer counts the same in any language; leave language out")
        return self

    def files(self) -> tuple[Path, ...]:
        return (LANGUAGES, token_estimate.FIGURES) if self.tokenizer == ESTIMATE else (self._file(),)

    def check_columns(self, types: Mapping[str, pa.DataType]) -> None:
        kind = types.get(self.language or "")
        if kind is not None and not (pa.types.is_string(kind) or pa.types.is_large_string(kind)):
            raise ValueError(f"language '{self.language}' is {kind}; take a column of strings")
        if self.tokenizer != ESTIMATE:
            self._loaded()

    def annotate_one(self, text: str) -> dict[str, Any]:
        if self.tokenizer != ESTIMATE:
            return {TOKENS: len(self._loaded().encode([text])[0])}
        data = text.encode()
        kinds = token_estimate.kinds()
        counts = np.array([[sum(kinds[byte] == kind for byte in data) for kind in range(4)]])
        return {TOKENS: int(token_estimate.figures().tokens(counts, [token_estimate.language_one(text)])[0])}

    def annotate(self, batch: Batch) -> dict[str, pa.Array]:
        if self.tokenizer != ESTIMATE:
            return {TOKENS: pa.array(tokenizers.count(self._loaded(), batch[TEXT]))}
        counts = token_estimate.byte_counts(batch[TEXT])
        return {TOKENS: pa.array(token_estimate.figures().tokens(counts, self._languages(batch)))}

    def _languages(self, batch: Batch) -> list[str | None]:
        if self.language is None:
            return token_estimate.languages(batch[TEXT])
        given: list[str | None] = batch[self.language].to_pylist()
        lacking = np.flatnonzero([name is None for name in given])
        for row, name in zip(lacking, token_estimate.languages(batch[TEXT].take(pa.array(lacking))), strict=True):
            given[row] = name
        return given

    def _file(self) -> Path:
        return Path(self.tokenizer)

    def _loaded(self) -> tokenizers.Tokenizer:
        return tokenizers.load(self._file(), self.encoding)
