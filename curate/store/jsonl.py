"""JSON lines into Parquet, once, in bounded memory: values keep their meaning, and no line is lost without a word.

A string stays a string, whatever it looks like ("00123", "2023-01-01"); true and false are bool; integers are int64,
numbers with a fraction double, integers among them too if a double holds them exactly; objects are structs, arrays
lists. A column of which the values have no type in common (a number here, a string there; integers beyond 64 bits;
objects with more than 500 names) holds each value as JSON text, and the import's notes say so. What a line does not
have is null.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson
import pyarrow as pa
import pyarrow.parquet as pq

from curate.store.columns import HUGE, MIXED, Kind, column, combined, holds_huge, look_at, settle
from curate.store.files import whole
from curate.store.inputs import BadFile, InputFile, same_as_now
from curate.store.quarantine import BadRow, Quarantine
from curate.store.streams import BLOCK, KEPT, Block, Broken, Stream, blocks

MAX_LINE = (
    256 << 20
)  # bytes; a longer line is no document but a broken file. One of this size takes about 1 GB to parse
GROUP_ROWS = 10_000  # rows in a row group at most; a block of lines (16 MiB) makes at least one
MAX_COLUMNS = 2000  # names at the top of a file's objects: with more, the file is not a table of documents
HEAD_BLOCK = 1 << 20  # bytes looked at to plan by
_BLANK = b" \t\r"


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
    than its first block showed. Memory: about ten times BLOCK, or four times the longest line.
    Raises BadFile `gone`, `no_permission`, `unreadable`, `changed` (while it was read), `too_many_columns`.
    """
    rules = _Rules(file, text, id, max_line, limit)
    count = _Count()
    with whole(target) as part:
        stream = Stream(file)
        kinds, schema = _write_as_first_block(rules, stream, part, count, quarantine)
        if schema is None:
            schema = _schema(kinds)
            _write_as(kinds, rules, part)
        change = same_as_now(file)
        if change:
            raise BadFile(file.name, "changed", f"{change} while it was read; run again when nobody writes to it")
    notes = tuple(_notes(count, kinds, rules))
    return Imported(count.rows, count.lines, count.blank, dict(sorted(count.bad.items())), schema, stream.broken, notes)


def jsonl_head(file: InputFile, lines: int = 1000, *, text: str = "text", id: str = "id") -> Head:
    """What the first lines hold, as `import_jsonl` would read them: up to `lines`, and about 1 MiB of them.

    Raises BadFile like `import_jsonl`.
    """
    rules, count, stream = _Rules(file, text, id, MAX_LINE, None), _Count(), Stream(file)
    kinds: dict[str, Kind] = {}
    size = text_bytes = 0
    complete = True
    for block in blocks(stream, max_line=MAX_LINE, size=HEAD_BLOCK):
        if count.lines >= lines:
            complete = False
            break
        first = block.lines[: lines - count.lines]
        complete = len(first) == len(block.lines)
        size += sum(map(len, first)) + len(first)
        records, raw = _documents(Block(block.line, block.offset, first, block.long, block.cut), rules, count, None)
        text_bytes += sum(len(record[text].encode()) for record in records)
        kinds, _ = _widen(kinds, _columns(records, raw, rules), rules)
        if not complete:
            break
    compressed = round(stream.consumed * min(1, size / stream.given)) if stream.given else stream.consumed
    schema = _schema(kinds or _no_rows(rules))
    return Head(
        schema,
        count.rows,
        count.lines,
        size,
        compressed,
        text_bytes,
        dict(sorted(count.bad.items())),
        stream.broken,
        complete,
    )


@dataclass(frozen=True)
class _Rules:
    file: InputFile
    text: str
    id: str
    max_line: int
    limit: int | None


@dataclass
class _Count:
    rows: int = 0
    lines: int = 0
    blank: int = 0
    bad: Counter[str] = field(default_factory=Counter)
    made_ids: int = 0
    number_ids: int = 0
    byte_order_mark: bool = False
    begins_with: bytes = b""


@dataclass
class _Column:
    values: list[Any]
    array: pa.Array | None
    kind: Kind


class _BadLine(Exception):
    def __init__(self, reason: str, error: str, id: str | None = None) -> None:
        self.reason, self.error, self.id = reason, error, id


def _write_as_first_block(
    rules: _Rules, stream: Stream, part: Path, count: _Count, quarantine: Quarantine
) -> tuple[dict[str, Kind], pa.Schema | None]:
    """Write with the schema of the first block of documents, for as long as all blocks have it.

    Returns the kinds of the whole file, and the schema written, or None if another one is needed.
    """
    kinds: dict[str, Kind] = {}
    writer: pq.ParquetWriter | None = None
    schema: pa.Schema | None = None
    fits = True
    try:
        for block in _blocks(rules, stream, count):
            records, raw = _documents(block, rules, count, quarantine)
            if not records:
                continue
            columns = _columns(records, raw, rules)
            kinds, same = _widen(kinds, columns, rules)
            if schema is None:
                schema = _schema(kinds)
                writer = _writer(part, schema, rules)
            fits = fits and (same or schema.equals(_schema(kinds)))
            if fits and writer is not None:
                arrays = [_filled(columns.get(name), kinds[name], len(records)) for name in schema.names]
                writer.write_table(pa.table(arrays, schema=schema), row_group_size=GROUP_ROWS)
        if schema is None:
            kinds = _no_rows(rules)
            schema = _schema(kinds)
            writer = _writer(part, schema, rules)
    finally:
        if writer is not None:
            writer.close()
    return kinds, schema if fits else None


def _write_as(kinds: dict[str, Kind], rules: _Rules, part: Path) -> None:
    """Read the file again, and write it with the kinds that the first reading found."""
    schema = _schema(kinds)
    mixed = [name for name, kind in kinds.items() if settle(kind) is MIXED]
    count = _Count()
    with _writer(part, schema, rules) as writer:
        for block in _blocks(rules, Stream(rules.file), count):
            records, raw = _documents(block, rules, count, None)
            if not records:
                continue
            if any(holds_huge((record.get(name) for record in records), None) for name in mixed):
                _parse_exactly(records, raw, rules)
            arrays = [column([record.get(name) for record in records], settle(kind)) for name, kind in kinds.items()]
            writer.write_table(pa.table(arrays, schema=schema), row_group_size=GROUP_ROWS)


def _blocks(rules: _Rules, stream: Stream, count: _Count) -> Iterator[Block]:
    """The blocks of a file, until `limit` documents were found."""
    for block in blocks(stream, max_line=rules.max_line, size=BLOCK):
        yield block
        if rules.limit is not None and count.rows >= rules.limit:
            return


def _documents(
    block: Block, rules: _Rules, count: _Count, quarantine: Quarantine | None
) -> tuple[list[dict[str, Any]], list[bytes]]:
    """The documents of a block, and their lines."""
    records: list[dict[str, Any]] = []
    raw: list[bytes] = []
    offset = block.offset
    for number, line in enumerate(block.lines, block.line):
        if rules.limit is not None and count.rows >= rules.limit:
            break
        count.lines += 1
        try:
            record = _document(line, number, block, rules, count)
        except _BadLine as bad:
            is_cut = block.cut and number == block.line + len(block.lines) - 1
            reason = "cut_off" if is_cut else bad.reason
            count.bad[reason] += 1
            if quarantine is not None:
                quarantine.add(
                    BadRow(rules.file.name, None, number, offset, reason, bad.error, bad.id, _shown(line, rules))
                )
        else:
            if record is None:
                count.blank += 1
            else:
                count.rows += 1
                records.append(record)
                raw.append(line)
        offset += len(line) + 1
    return records, raw


def _document(line: bytes, number: int, block: Block, rules: _Rules, count: _Count) -> dict[str, Any] | None:
    """The document on a line, with a text id; None if the line is blank. Raises _BadLine."""
    size = block.long or len(line)
    if size > rules.max_line:
        raise _BadLine("line_too_long", f"the line has {size} bytes; the most that is read is {rules.max_line}")
    if number == 1 and line.startswith(b"\xef\xbb\xbf"):
        count.byte_order_mark = True
        line = line[3:]
    count.begins_with = count.begins_with or line[:64].strip(_BLANK)
    try:
        record = orjson.loads(line)
    except orjson.JSONDecodeError as error:
        if not line.strip(_BLANK):
            return None
        raise _not_json(line, error) from error
    if type(record) is not dict:
        raise _BadLine("not_an_object", f"a line must be a JSON object {{…}}; this is {_called(record)}")
    id = _id(record.get(rules.id), line, rules, count)
    text = record.get(rules.text)
    if type(text) is not str:
        if rules.text not in record:
            names = ", ".join(list(record)[:10]) or "nothing"
            raise _BadLine("text_missing", f"there is no '{rules.text}'; there is: {names}", id)
        if text is None:
            raise _BadLine("null_text", f"'{rules.text}' is null", id)
        raise _BadLine("text_not_a_string", f"'{rules.text}' is {_called(text)}; it must be a string", id)
    if id is None:
        count.made_ids += 1
        id = f"{rules.file.name}#{number}"
    record[rules.id] = id
    return record


def _shown(line: bytes, rules: _Rules) -> bytes:
    return line if len(line) <= rules.max_line else line[:KEPT]


def _id(value: Any, line: bytes, rules: _Rules, count: _Count) -> str | None:
    if value is None or type(value) is str:
        return value
    if type(value) is float and abs(value) >= HUGE:
        value = json.loads(line)[rules.id]
    if type(value) in (int, float):
        count.number_ids += 1
        return json.dumps(value)
    raise _BadLine("id_not_a_string", f"'{rules.id}' is {_called(value)}; it must be a string or a number")


def _not_json(line: bytes, error: orjson.JSONDecodeError) -> _BadLine:
    try:
        line.decode()
    except UnicodeDecodeError as wrong:
        byte = line[wrong.start]
        return _BadLine("invalid_utf8", f"byte 0x{byte:02x} at byte {wrong.start} of the line: {wrong.reason}")
    half_a_pair = "surrogate" in error.msg or "hex escape" in error.msg
    return _BadLine(
        "invalid_utf8" if half_a_pair else "broken_json", f"{error.msg}, at character {error.pos} of the line"
    )


def _called(value: Any) -> str:
    names = {bool: "true or false", int: "a number", float: "a number", str: "a string", list: "an array"}
    return "null" if value is None else names.get(type(value), "an object")


def _columns(records: list[dict[str, Any]], raw: list[bytes], rules: _Rules) -> dict[str, _Column]:
    """The columns of some documents, as Arrow finds them, with integers of any size exact."""
    columns = _look(records, rules)
    if any(holds_huge(one.values, one.array) for one in columns.values()):
        _parse_exactly(records, raw, rules)
        columns = _look(records, rules)
    return columns


def _look(records: list[dict[str, Any]], rules: _Rules) -> dict[str, _Column]:
    names: dict[str, None] = {}
    for record in records:
        if not names.keys() >= record.keys():
            names |= dict.fromkeys(record)
            _check_width(len(names), rules)
    columns = {}
    for name in names:
        values = [record.get(name) for record in records]
        columns[name] = _Column(values, *look_at(values))
    return columns


def _parse_exactly(records: list[dict[str, Any]], raw: list[bytes], rules: _Rules) -> None:
    """Parse again, integers of any size as such: orjson makes doubles of those beyond 64 bits."""
    for record, line in zip(records, raw, strict=True):
        exact = json.loads(line.removeprefix(b"\xef\xbb\xbf"))
        record |= {name: value for name, value in exact.items() if name != rules.id}


def _widen(kinds: dict[str, Kind], columns: dict[str, _Column], rules: _Rules) -> tuple[dict[str, Kind], bool]:
    """The kinds of what was read so far and these columns; and whether they are as before."""
    wider = dict(kinds)
    for name, one in columns.items():
        wider[name] = combined(kinds[name], one.kind) if name in kinds else one.kind
    _check_width(len(wider), rules)
    return wider, wider == kinds


def _check_width(columns: int, rules: _Rules) -> None:
    if columns > MAX_COLUMNS:
        raise BadFile(
            rules.file.name,
            "too_many_columns",
            f"its objects have more than {MAX_COLUMNS} different names at the top; put what varies into one object",
        )


def _filled(one: _Column | None, kind: Kind, rows: int) -> pa.Array:
    settled = settle(kind)
    if one is None:
        return pa.nulls(rows, pa.string() if settled is MIXED else settled)
    return column(one.values, settled, one.array)


def _no_rows(rules: _Rules) -> dict[str, Kind]:
    return {rules.id: pa.string(), rules.text: pa.string()}


def _schema(kinds: dict[str, Kind]) -> pa.Schema:
    settled = {name: settle(kind) for name, kind in kinds.items()}
    return pa.schema([(name, pa.string() if kind is MIXED else kind) for name, kind in settled.items()])


def _writer(part: Path, schema: pa.Schema, rules: _Rules) -> pq.ParquetWriter:
    """Texts and ids do not repeat: a dictionary of them costs time, and their least and greatest tell nothing."""
    others = [name for name in schema.names if name not in (rules.id, rules.text)]
    return pq.ParquetWriter(
        part, schema, compression="zstd", compression_level=1, use_dictionary=others, write_statistics=others
    )


def _notes(count: _Count, kinds: dict[str, Kind], rules: _Rules) -> Iterator[str]:
    for name, kind in kinds.items():
        if settle(kind) is MIXED:
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
