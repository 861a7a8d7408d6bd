"""What a line of a JSONL file says: a document, or what is wrong with it."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import orjson

from curate.store.columns import HUGE, room_to_nest
from curate.store.inputs import InputFile
from curate.store.quarantine import BadRow, Held, Quarantine
from curate.store.streams import KEPT, Block

_BLANK = b" \t\r"
_MARK = b"\xef\xbb\xbf"  # byte order mark of UTF-8


@dataclass(frozen=True)
class Rules:
    """What to read of a file, and as what."""

    file: InputFile
    text: str
    """Name of the column of texts."""
    id: str
    """Name of the column of ids."""
    max_line: int
    """Bytes; longer lines are bad."""
    limit: int | None
    """Documents to stop after."""


@dataclass
class Count:
    """What was found so far: lines = rows + blank + sum(bad)."""

    rows: int = 0
    lines: int = 0
    blank: int = 0
    bad: Counter[str] = field(default_factory=Counter)
    """Lines by reason."""
    made_ids: int = 0
    number_ids: int = 0
    byte_order_mark: bool = False
    begins_with: bytes = b""
    """Of the first line that is not blank."""
    without_text: tuple[str, ...] = ()
    """Names in the first line that has no text."""


def documents(
    block: Block, rules: Rules, count: Count, quarantine: Quarantine | Held | None
) -> tuple[list[dict[str, Any]], list[bytes]]:
    """The documents of a block, with text ids, and their lines. Bad lines go to `quarantine`, if there is one."""
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


class _BadLine(Exception):
    def __init__(self, reason: str, error: str, id: str | None = None) -> None:
        self.reason, self.error, self.id = reason, error, id


def _document(line: bytes, number: int, block: Block, rules: Rules, count: Count) -> dict[str, Any] | None:
    """The document on a line, with a text id; None if the line is blank. Raises _BadLine."""
    size = block.long or len(line)
    if size > rules.max_line:
        raise _BadLine("line_too_long", f"the line has {size} bytes; the most that is read is {rules.max_line}")
    if number == 1 and line.startswith(_MARK):
        count.byte_order_mark = True
        line = line[len(_MARK) :]
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
            count.without_text = count.without_text or tuple(record)
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


def _shown(line: bytes, rules: Rules) -> bytes:
    return line if len(line) <= rules.max_line else line[: min(KEPT, rules.max_line)]


def _id(value: Any, line: bytes, rules: Rules, count: Count) -> str | None:
    if value is None or type(value) is str:
        return value
    if type(value) is float and abs(value) >= HUGE:
        with room_to_nest():
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


def parse_exactly(records: list[dict[str, Any]], raw: list[bytes], rules: Rules) -> None:
    """Parse again, in place, integers of any size as such: orjson makes doubles of those beyond 64 bits."""
    with room_to_nest():
        for record, line in zip(records, raw, strict=True):
            exact = json.loads(line.removeprefix(_MARK))
            record |= {name: value for name, value in exact.items() if name != rules.id}
