"""What became of documents that were asked about: as a journal notes it, and as a table shows it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from hashlib import blake2b
from typing import Any

import pyarrow as pa

from curate.annotation.drawing import Document
from curate.annotation.form import DOMAIN, SCORES, Malformed, parsed

MALFORMED = "malformed"
"""The answers had not the form that was asked for."""
NO_ANSWER = "no_answer"
"""The replies had no answer in them."""
FAILED = "failed"
"""There was no reply; it is asked about again in the next run."""

SCHEMA = pa.schema(
    {
        "id": pa.large_string(),
        **dict.fromkeys(SCORES, pa.int8()),
        DOMAIN: pa.string(),
        "reason": pa.string(),  # null: rated
        "problem": pa.string(),
        "answer": pa.large_string(),  # as it came
        "requests": pa.int32(),
    }
)


@dataclass(frozen=True)
class Outcome:
    """Of one document."""

    id: str
    text: str
    """A digest of what was sent, as an answer about another text is none about this one."""
    reason: str | None
    """None: it was rated."""
    problem: str
    answer: str | None
    """What the model said, or the server where the model said nothing."""
    requests: int

    @staticmethod
    def of(document: Document, reason: str | None, problem: str, answer: str | None, requests: int) -> Outcome:
        """The outcome of a document. Half surrogates, which JSON can hold and UTF-8 cannot, become question marks."""
        kept = None if answer is None else answer.encode("utf-8", "replace").decode()
        problem = problem.encode("utf-8", "replace").decode()
        return Outcome(document.id, digest(document.text), reason, problem, kept, requests)

    def entry(self) -> dict[str, Any]:
        """As a line of the journal."""
        return asdict(self)


def digest(text: str) -> str:
    """Of a text, 32 hexadecimal digits."""
    return blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()


def known(entries: Iterable[Mapping[str, Any]], documents: Sequence[Document]) -> dict[str, Outcome]:
    """Id → the last outcome that a journal has of each of the documents, if it is about the same text.

    A rating that is none, by the rules of today, is not known.
    """
    wanted = {document.id: digest(document.text) for document in documents}
    found: dict[str, Outcome] = {}
    for entry in entries:
        try:
            outcome = Outcome(**entry)
            if outcome.reason is None:
                parsed(outcome.answer or "")
        except (TypeError, Malformed):
            continue
        if wanted.get(outcome.id) == outcome.text:
            found[outcome.id] = outcome
    return found


def table(outcomes: Iterable[Outcome]) -> pa.Table:
    """A row for each outcome, as SCHEMA has it: scores and domain are null where there is a reason."""
    rows = []
    for outcome in outcomes:
        row: dict[str, Any] = {"id": outcome.id, "reason": outcome.reason, "requests": outcome.requests}
        row |= {"answer": outcome.answer, "problem": outcome.problem or None}
        if outcome.reason is None:
            answer = parsed(outcome.answer or "")
            row |= dict(zip(SCORES, answer.scores, strict=True)) | {DOMAIN: answer.domain}
        rows.append(row)
    return pa.Table.from_pylist(rows, SCHEMA)
