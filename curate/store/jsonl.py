"""JSON lines into Parquet, once, in bounded memory: values keep their meaning, and no line is lost without a word.

A string stays a string, whatever it looks like ("00123", "2023-01-01"); true and false are bool; integers are int64,
numbers with a fraction double, integers among them too if a double holds them exactly; objects are structs, arrays
lists. A column of which the values have no type in common (a number here, a string there; integers beyond 64 bits;
objects with more than 500 names) holds each value as JSON text, and the import's notes say so. What a line does not
have is null.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from curate.store.columns import MIXED, Kind, holds_huge
from curate.store.files import whole
from curate.store.inputs import BadFile, InputFile, same_as_now
from curate.store.lines import Count, Rules, documents, parse_exactly
from curate.store.quarantine import Held, Quarantine
from curate.store.records import as_table, columns_of, schema_of, settled, table_of, widen
from curate.store.streams import BLOCK, Block, Broken, Stream, blocks

MAX_LINE = 128 << 20  # bytes; a line of this size takes about 1 GB to import, and a longer one is no document
GROUP_ROWS = 10_000  # rows in a row group at most; a block of lines (16 MiB) makes at least one
HEAD = 4 << 20  # bytes of lines looked at to plan by


@dataclass(frozen=True)
class Imported:
    """What became of a JSONL file: lines = rows + sum(bad) + blank_lines."""

    rows: int
    lines: int
    blank_lines: int
    bad: dict[str, int]
    """Lines in quarantine, by reason."""
    schema: pa.Schema
    """Of the Parquet file."""
    broken: Broken | None
    """The end of the file is missing or damaged: a bad shard."""
    notes: tuple[str, ...]
    """What was done to values, or is odd about the file, for a person: `column 'score': …`."""


@dataclass(frozen=True)
class Head:
    """The first lines of a JSONL file, to plan by."""

    schema: pa.Schema
    rows: int
    lines: int
    bytes: int
    """Of those lines, decompressed."""
    compressed: int
    """Bytes of the file that hold them: about `bytes` in a plain file."""
    text_bytes: int
    """UTF-8 bytes of the texts."""
    bad: dict[str, int]
    without_text: tuple[str, ...]
    """Names in the first of the lines that have no text."""
    broken: Broken | None
    whole: bool
    """These are all lines of the file."""


def import_jsonl(
    file: InputFile,
    target: Path | str,
    quarantine: Quarantine,
    *,
    text: str = "text",
    id: str = "id",
    max_line: int = MAX_LINE,
    limit: int | None = None,
) -> Imported:
    """Write the documents of a JSONL file (plain, gzip or zstd) to `target`, and put its bad lines into `quarantine`.

    text, id: names of the columns. An id that is a number becomes text; a line without one gets `<name>#<line>`.
    max_line: bytes. limit: stop after so many documents.

    Bad lines have one of the reasons `broken_json`, `invalid_utf8` (also in escapes: half a surrogate pair),
    `not_an_object`, `text_missing`, `null_text`, `text_not_a_string`, `id_not_a_string`, `line_too_long`, and `cut_off`
    for what is left of a line where the file breaks. What stands before a break is kept.

    The same bytes in give the same bytes out. The file is read once; a second time if its columns turn out to be other
    than its first block showed. Memory: 250 MB, or seven times the longest line; and the window of a zstd
    frame.
    Raises BadFile `gone`, `no_permission`, `unreadable`, `changed` (while it was read), `too_many_columns`.
    """
    rules = Rules(file, text, id, max_line, limit)
    count = Count()
    with whole(target) as part:
        stream = Stream(file)
        kinds, is_written = _write_as_first_block(rules, stream, part, count, quarantine)
        if not is_written:
            _write_as(kinds, rules, part)
        _check_unchanged(file)
    return _imported(count, kinds, rules, stream)


def read_jsonl(
    file: InputFile,
    quarantine: Quarantine | Held,
    *,
    text: str = "text",
    id: str = "id",
    max_line: int = MAX_LINE,
    limit: int | None = None,
) -> tuple[Imported, pa.Table] | None:
    """The documents of a small JSONL file, as `import_jsonl` would write them; None if it has more than one block.

    In that case something may have been put into `quarantine` all the same. Raises BadFile as `import_jsonl` does.
    """
    rules, count, stream = Rules(file, text, id, max_line, limit), Count(), Stream(file)
    found = list(islice(blocks(stream, max_line=max_line, size=BLOCK), 2))
    if len(found) > 1:
        return None
    kinds: dict[str, Kind] = {}
    table: pa.Table | None = None
    for block in found:
        records, raw = documents(block, rules, count, quarantine)
        if records:
            columns = columns_of(records, raw, rules)
            kinds = widen(kinds, columns, rules)
            table = table_of(columns, kinds, len(records))
    kinds = kinds or {id: pa.string(), text: pa.string()}
    _check_unchanged(file)
    return _imported(count, kinds, rules, stream), schema_of(kinds).empty_table() if table is None else table


def _imported(count: Count, kinds: dict[str, Kind], rules: Rules, stream: Stream) -> Imported:
    notes = tuple(_notes(count, kinds, rules))
    bad = dict(sorted(count.bad.items()))
    return Imported(count.rows, count.lines, count.blank, bad, schema_of(kinds), stream.broken, notes)


def _check_unchanged(file: InputFile) -> None:
    change = same_as_now(file)
    if change:
        raise BadFile(file.name, "changed", f"{change} while it was read; run again when nobody writes to it")


def jsonl_head(file: InputFile, lines: int = 1000, *, text: str = "text", id: str = "id") -> Head:
    """What the first lines hold, as `import_jsonl` would read them: up to `lines`, and about 4 MiB of them.

    Raises BadFile like `import_jsonl`.
    """
    rules, count, stream = Rules(file, text, id, MAX_LINE, None), Count(), Stream(file)
    kinds: dict[str, Kind] = {}
    size = text_bytes = 0
    complete = True
    for block in blocks(stream, max_line=MAX_LINE, size=HEAD // 4):
        if count.lines >= lines or size >= HEAD:
            complete = False
            break
        first = block.lines[: lines - count.lines]
        complete = len(first) == len(block.lines)
        size += sum(map(len, first)) + len(first)
        records, raw = documents(replace(block, lines=first, cut=block.cut and complete), rules, count, None)
        text_bytes += sum(len(record[text].encode()) for record in records)
        kinds = widen(kinds, columns_of(records, raw, rules), rules)
        if not complete:
            break
    compressed = round(stream.consumed * min(1, size / stream.given)) if stream.given else stream.consumed
    schema = schema_of(kinds or {id: pa.string(), text: pa.string()})
    bad = dict(sorted(count.bad.items()))
    return Head(
        schema, count.rows, count.lines, size, compressed, text_bytes, bad, count.without_text, stream.broken, complete
    )


def _write_as_first_block(
    rules: Rules, stream: Stream, part: Path, count: Count, quarantine: Quarantine
) -> tuple[dict[str, Kind], bool]:
    """Write with the schema of the first block of documents, for as long as all blocks have it.

    Returns the kinds of the whole file, and whether all of it is written.
    """
    kinds: dict[str, Kind] = {}
    written: dict[str, Kind] = {}
    writer: pq.ParquetWriter | None = None
    fits = True
    try:
        for block in _blocks(rules, stream, count):
            records, raw = documents(block, rules, count, quarantine)
            if not records:
                continue
            columns = columns_of(records, raw, rules)
            kinds = widen(kinds, columns, rules)
            if writer is None:
                written = settled(kinds)
                writer = _writer(part, schema_of(kinds), rules)
            fits = fits and settled(kinds) == written  # not the schemas: JSON text is a string there, like strings
            if fits:
                writer.write_table(table_of(columns, kinds, len(records)), row_group_size=GROUP_ROWS)
        if writer is None:
            kinds = {rules.id: pa.string(), rules.text: pa.string()}
            writer = _writer(part, schema_of(kinds), rules)
    finally:
        if writer is not None:
            writer.close()
    return kinds, fits


def _write_as(kinds: dict[str, Kind], rules: Rules, part: Path) -> None:
    """Read the file again, and write it with the kinds that the first reading found."""
    mixed = [name for name, kind in settled(kinds).items() if kind is MIXED]
    count = Count()
    with _writer(part, schema_of(kinds), rules) as writer:
        for block in _blocks(rules, Stream(rules.file), count):
            records, raw = documents(block, rules, count, None)
            if not records:
                continue
            if any(holds_huge([record.get(name) for record in records], None) for name in mixed):
                parse_exactly(records, raw, rules)
            writer.write_table(as_table(records, kinds), row_group_size=GROUP_ROWS)


def _blocks(rules: Rules, stream: Stream, count: Count) -> Iterator[Block]:
    """The blocks of a file, until `limit` documents were found."""
    for block in blocks(stream, max_line=rules.max_line, size=BLOCK):
        yield block
        if rules.limit is not None and count.rows >= rules.limit:
            return


def _writer(part: Path, schema: pa.Schema, rules: Rules) -> pq.ParquetWriter:
    return document_writer(part, schema, rules.id, rules.text)


def document_writer(part: Path, schema: pa.Schema, id: str, text: str) -> pq.ParquetWriter:
    """Texts and ids do not repeat: a dictionary of them costs time, and their least and greatest tell nothing."""
    others = [name for name in schema.names if name not in (id, text)]
    return pq.ParquetWriter(
        part, schema, compression="zstd", compression_level=1, use_dictionary=others, write_statistics=others
    )


def _notes(count: Count, kinds: dict[str, Kind], rules: Rules) -> Iterator[str]:
    for name, kind in settled(kinds).items():
        if kind is MIXED:
            yield f"column '{name}': its values have no type in common, so each is kept as JSON text"
    if count.number_ids:
        yield f"column '{rules.id}': {count.number_ids} ids are numbers; they are kept as text"
    if count.made_ids:
        yield f"column '{rules.id}': {count.made_ids} documents have none; theirs is '{rules.file.name}#<line>'"
    if count.byte_order_mark:
        yield "the file begins with a byte order mark, which was passed over"
    if not count.rows and count.begins_with.startswith((b"\xff\xfe", b"\xfe\xff")):
        yield "the file seems to be UTF-16; make it UTF-8: iconv -f UTF-16 -t UTF-8"
    if not count.rows and (count.begins_with.startswith(b"[") or count.begins_with == b"{"):
        yield "the file seems to be one JSON value over many lines; make it JSON lines: jq -c '.[]' or jq -c ."
