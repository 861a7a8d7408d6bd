"""JSON lines into Parquet: values keep their meaning, every line is accounted for, the same bytes come out."""

import gzip
import json
import math
import os
import struct
from collections import Counter

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import zstandard
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from curate.store import columns, jsonl, records, streams, system
from curate.store.inputs import BadFile, list_inputs
from curate.store.jsonl import import_jsonl, jsonl_head
from curate.store.quarantine import open_quarantine, read_quarantine


class Result:
    """An import, with what it wrote."""

    def __init__(self, folder, data: bytes, name="in/x.jsonl", **options):
        path = folder / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(data)
        self.file = list_inputs([str(path)]).files[0]
        self.target = folder / "out.parquet"
        with open_quarantine(folder / "bad.parquet") as quarantine:
            self.done = import_jsonl(self.file, self.target, quarantine, **options)
        self.bad = list(read_quarantine(folder / "bad.parquet"))
        self.table = pq.read_table(self.target)
        assert self.table.schema == self.done.schema
        assert self.table.num_rows == self.done.rows
        assert Counter(row.reason for row in self.bad) == self.done.bad
        assert self.done.lines == self.done.rows + len(self.bad) + self.done.blank_lines

    @property
    def rows(self):
        return self.table.to_pylist()


@pytest.fixture(scope="module", autouse=True)
def no_waiting_for_the_disk():
    """Hundreds of small files are written here, and no power cut is to be expected."""
    with pytest.MonkeyPatch.context() as patch:
        for call in ("sync", "sync_folder"):
            patch.setattr(system, call, lambda path: None)
        yield


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("jsonl")


def lines(*values, text="t") -> bytes:
    """A line for each value, as column `v`."""
    return b"".join(
        json.dumps({"id": str(n), "text": text, "v": value}).encode() + b"\n" for n, value in enumerate(values)
    )


GOOD = b'{"id": "a", "text": "good"}'


@pytest.mark.parametrize(
    ("line", "reason", "says"),
    [
        (b'{"text": "a"', "broken_json", "unexpected end"),
        (b'{"text": "a"}{"text": "b"}', "broken_json", "unexpected content"),
        (b"{'text': 'a'}", "broken_json", ""),
        (b'{"text": NaN}', "broken_json", ""),
        (b'{"text": "a\tb"}', "broken_json", "control character"),
        (b"\x00", "broken_json", ""),
        (b"[" * 5000, "broken_json", ""),
        (b'{"text": "a\xffb"}', "invalid_utf8", "byte 0xff at byte 11 of the line"),
        (b'{"text": "\xed\xa0\x80"}', "invalid_utf8", "byte 0xed"),
        (b'{"text": "\xc3', "invalid_utf8", "byte 0xc3"),
        (b'{"text": "\\ud800"}', "invalid_utf8", "surrogate"),
        (b'{"text": "\\udc00x"}', "invalid_utf8", "surrogate"),
        (b'["text"]', "not_an_object", "this is an array"),
        (b'"text"', "not_an_object", "this is a string"),
        (b"1.5", "not_an_object", "this is a number"),
        (b"null", "not_an_object", "this is null"),
        (b'{"body": "a", "id": 7}', "text_missing", "there is no 'text'; there is: body, id"),
        (b"{}", "text_missing", "there is: nothing"),
        (b'{"text": null}', "null_text", "'text' is null"),
        (b'{"text": ["a"]}', "text_not_a_string", "'text' is an array"),
        (b'{"text": 5}', "text_not_a_string", "'text' is a number"),
        (b'{"text": true}', "text_not_a_string", "'text' is true or false"),
        (b'{"text": "a", "id": {"x": 1}}', "id_not_a_string", "'id' is an object"),
        (b'{"text": "a", "id": false}', "id_not_a_string", "'id' is true or false"),
        (b'{"text": "' + b"a" * 1000 + b'"}', "line_too_long", "has 1012 bytes; the most that is read is 1000"),
    ],
)
def test_a_bad_line_is_kept_with_its_place_and_reason(folder, line, reason, says):
    size = 6000 if line.startswith(b"[[") else 1000
    result = Result(folder, GOOD + b"\n\n" + line + b"\n" + GOOD, max_line=size)
    assert [row["text"] for row in result.rows] == ["good", "good"]
    assert result.done.blank_lines == 1
    (bad,) = result.bad
    assert (bad.file, bad.row, bad.line, bad.reason) == ("x.jsonl", None, 3, reason)
    assert bad.offset == len(GOOD) + 2
    assert bad.raw == line[:size]
    assert says in bad.error
    assert bad.id == ("7" if b'"id": 7' in line else None)


def test_blank_lines_and_line_ends_of_all_kinds(folder):
    result = Result(folder, b"\r\n" + GOOD + b"\r\n \t\n\n" + GOOD + b"\n\r")
    assert (result.done.rows, result.done.blank_lines, result.done.lines) == (2, 4, 6)


@pytest.mark.parametrize("data", [b"", b"\n\n", b"null\n"])
def test_a_file_without_documents_gives_a_table_without_rows(folder, data):
    result = Result(folder, data)
    assert result.rows == []
    assert result.table.schema == pa.schema([("id", pa.string()), ("text", pa.string())])
    assert result.done.broken is None


def test_ids(folder):
    ids = ["a", 7, 1.5, 2**64 + 1, -(10**30), None, ""]
    data = b"".join(json.dumps({"id": id, "text": "t"}).encode() + b"\n" for id in ids) + b'{"text": "t"}\n'
    result = Result(folder, data, name="in/y.jsonl")
    found = [row["id"] for row in result.rows]
    assert found == ["a", "7", "1.5", str(2**64 + 1), str(-(10**30)), "y.jsonl#6", "", "y.jsonl#8"]
    assert result.done.notes == (
        "column 'id': 4 ids are numbers; they are kept as text",
        "column 'id': 2 documents have none; theirs is 'y.jsonl#<line>'",
    )


def test_other_names_for_text_and_id(folder):
    result = Result(folder, b'{"text": 1, "content": "c", "uid": "u"}\n{"content": "d"}', text="content", id="uid")
    assert result.rows == [
        {"text": 1, "content": "c", "uid": "u"},
        {"text": None, "content": "d", "uid": "x.jsonl#2"},
    ]


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        (["00123", "2023-01-01", "true", "1e5", "2023-01-01T00:00:00Z", ""], pa.string()),
        ([1, -(2**63), 2**63 - 1], pa.int64()),
        ([1, 2.5, -0.0, 2**53], pa.float64()),
        ([1.0, 2.0], pa.float64()),
        ([1e300, -1e19, 0.1], pa.float64()),
        ([True, False, None], pa.bool_()),
        ([None, None], pa.null()),
        ([[], [1], None, [2, None]], pa.list_(pa.int64())),
        ([[], []], pa.list_(pa.null())),
        ([[1, 2.5]], pa.list_(pa.float64())),
        ([[["a"]], [[]]], pa.list_(pa.list_(pa.string()))),
        ([{"a": 1}, {"a": 2, "b": ["x"]}, None], pa.struct([("a", pa.int64()), ("b", pa.list_(pa.string()))])),
        ([{"a": 1}, {"a": 0.5}], pa.struct([("a", pa.float64())])),
        ([{"": 1, "a.b": 2, "é\x00": 3}], None),
    ],
)
def test_values_with_one_type(folder, values, kind):
    result = Result(folder, lines(*values))
    if kind is not None:
        assert result.table.schema.field("v").type == kind
    assert [same(row["v"], value) for row, value in zip(result.rows, values, strict=True)] == [True] * len(values)
    assert result.done.notes == ()


@pytest.mark.parametrize(
    "values",
    [
        [1, "1"],
        [True, 1],
        [True, 1.0],
        [[True], [0.5]],
        [{"a": [0.5]}, {"a": [False]}],
        ["a", ["a"]],
        [{"a": 1}, [1]],
        [{"a": 1}, {"a": "x"}],
        [[1, "a"]],
        [2**63],
        [-(2**63) - 1, 0.5],
        [2**64, 1, None],
        [10**25, {"n": 10**25}, [-(10**300)]],
        [2**53 + 1, 0.5],
        [[2**53 + 1], [0.5]],
        [{"n": {"m": [2**70]}}],
        [{}],
        [{"a": {}}, {"a": None}],
        [{f"word{n}": n} for n in range(60)],
        [[[[[[[[[[[[[[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]]]]]]]]]]]]]],
    ],
)
@pytest.mark.parametrize("apart", [False, True], ids=["one block", "many blocks"])
def test_values_without_a_common_type_are_json_text(folder, values, apart, monkeypatch):
    monkeypatch.setattr(columns, "MAX_FIELDS", 50)
    if apart:
        monkeypatch.setattr(jsonl, "BLOCK", 1)
    result = Result(folder, lines(*values))
    assert result.table.schema.field("v").type == pa.string()
    read = [None if row["v"] is None else json.loads(row["v"]) for row in result.rows]
    assert json.dumps(read) == json.dumps(values)
    assert result.done.notes == ("column 'v': its values have no type in common, so each is kept as JSON text",)


def test_as_deep_as_the_parser_goes(folder):
    deep = b"[" * 1020 + b"123456789012345678901234567890" + b"]" * 1020
    result = Result(folder, b'{"text": "t", "v": ' + deep + b"}\n")
    assert result.rows[0]["v"].encode() == deep


def test_a_column_may_come_late_and_change(folder, monkeypatch):
    monkeypatch.setattr(jsonl, "BLOCK", 1)
    data = (
        b'{"id": "0", "text": "t", "a": null, "n": 1}\n'
        b'{"id": "1", "text": "t", "a": {"x": 1}, "n": 2.5}\n'
        b'{"id": "2", "text": "t", "a": {"y": "z"}, "late": [true]}\n'
    )
    result = Result(folder, data)
    assert result.rows == [
        {"id": "0", "text": "t", "a": None, "n": 1.0, "late": None},
        {"id": "1", "text": "t", "a": {"x": 1, "y": None}, "n": 2.5, "late": None},
        {"id": "2", "text": "t", "a": {"x": None, "y": "z"}, "n": None, "late": [True]},
    ]
    assert result.done.bad == {}  # counted once, though the file is read twice


def same(found, value) -> bool:
    """Whether a value came back from Arrow: equal, and of the same kind, except that integers may be doubles."""
    if isinstance(value, dict):  # names that only other rows have are null here
        return isinstance(found, dict) and all(same(found[name], value.get(name)) for name in found.keys() | value)
    if isinstance(value, list):
        return isinstance(found, list) and len(found) == len(value) and all(map(same, found, value))
    if isinstance(value, bool) or isinstance(found, bool) or not isinstance(value, int | float):
        return type(found) is type(value) and found == value
    return isinstance(found, int | float) and found == value


NUMBERS = st.one_of(st.integers(-(2**70), 2**70), st.floats(allow_nan=False, allow_infinity=False))
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
SCALARS = st.one_of(st.none(), st.booleans(), NUMBERS, st.integers(-5, 5), TEXTS)
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("abc"), inner, max_size=3)
)
COLUMN = st.one_of(
    *[
        st.lists(kind, min_size=1, max_size=8)
        for kind in (VALUES, SCALARS, NUMBERS, TEXTS, st.lists(NUMBERS, max_size=3))
    ]
)


@settings(deadline=None)
@given(COLUMN, st.sampled_from([1, 100, 1 << 20]))
@example([-0.0, 0], 1)
@example([1e19, 10**19], 1)
@example([1.5, 10**19], 1)
@example([[None], ["a"]], 1)
def test_values_round_trip(folder, values, block):
    """Against the standard library's reading of the same line."""
    data = lines(*values)
    before, jsonl.BLOCK = jsonl.BLOCK, block
    try:
        result = Result(folder, data)
        whole = Result(folder, data)
    finally:
        jsonl.BLOCK = before
    expected = [json.loads(line)["v"] for line in data.splitlines()]
    found = [row["v"] for row in result.rows]
    if any("'v'" in note for note in result.done.notes):
        found = [None if value is None else json.loads(value) for value in found]
        assert json.dumps(found) == json.dumps(expected)
    else:
        assert all(map(same, found, expected))
    assert whole.table.equals(result.table)


@settings(deadline=None)
@given(
    st.lists(
        st.one_of(
            st.just(GOOD),
            st.binary(max_size=20).map(lambda line: line.replace(b"\n", b"")),
            st.dictionaries(st.sampled_from(["id", "text", "v"]), VALUES).map(lambda value: json.dumps(value).encode()),
            TEXTS.map(lambda text: json.dumps({"text": text}, ensure_ascii=False).encode()),
        ),
        max_size=12,
    ),
    st.sampled_from([1, 30, 1 << 20]),
)
def test_every_line_is_a_row_or_bad_or_blank(folder, given_, block):
    data = b"\n".join(given_)
    assume(data[:2] != b"\x1f\x8b")
    before, jsonl.BLOCK = jsonl.BLOCK, block
    try:
        result = Result(folder, data)
    finally:
        jsonl.BLOCK = before
    assert result.done.lines == len(data.split(b"\n")) - (data.endswith(b"\n") or not data)
    split = data.split(b"\n")
    for bad in result.bad:
        assert bad.raw == split[bad.line - 1]
        assert data[bad.offset :].startswith(bad.raw)
    good = [line for line in map(readable, split) if line is not None]
    assert [row["text"] for row in result.rows] == good


def readable(line: bytes) -> str | None:
    """The text of a good line, by the standard library."""
    try:
        value = json.loads(line.decode(), parse_constant=lambda _: 1 / 0)
        text, id = value["text"], value.get("id")
        line.decode()
        text.encode()
        json.dumps(value, ensure_ascii=False).encode()  # no half surrogates anywhere
        infinite = math.inf in list(numbers(value)) or -math.inf in list(numbers(value))
    except (ValueError, KeyError, TypeError, AttributeError, ZeroDivisionError):
        return None
    return None if infinite or isinstance(id, bool | list | dict) or not isinstance(text, str) else text


def numbers(value):
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list):
        for one in value:
            yield from numbers(one)
    elif isinstance(value, float):
        yield value


MANY = b"".join(
    json.dumps({"id": str(n), "text": f"é {os.urandom(30).hex()}", "n": n}, ensure_ascii=False).encode() + b"\n"
    for n in range(5000)
)
PACKED = {
    "x.jsonl.gz": gzip.compress(MANY[:100_000]) + gzip.compress(MANY[100_000:]),
    "x.jsonl.zst": zstandard.compress(MANY[:100_000]) + zstandard.compress(MANY[100_000:]),
}


@pytest.mark.parametrize("name", PACKED)
def test_the_same_from_all_compressions(folder, name):
    plain = Result(folder, MANY)
    packed = Result(folder, PACKED[name], f"in/{name}")
    assert packed.table.equals(plain.table)
    assert packed.done.broken is None


@pytest.mark.parametrize("name", PACKED)
@pytest.mark.parametrize("share", [0, 0.001, 0.3, 0.31, 0.6, 0.99, 0.9999])
def test_a_truncated_file_keeps_its_documents_and_is_reported(folder, name, share):
    data = PACKED[name]
    result = Result(folder, data[: int(share * len(data))], f"in/{name}")
    assert result.done.broken.reason == "truncated_stream"
    whole = MANY[: result.done.broken.offset]
    assert result.done.rows == whole.count(b"\n")
    assert result.rows == [json.loads(line) for line in whole.split(b"\n")[:-1]]
    rest = whole.split(b"\n")[-1]
    assert [(bad.reason, bad.raw, bad.line) for bad in result.bad] == (
        [("cut_off", rest, result.done.rows + 1)] if rest else []
    )
    if share > 0.5:
        assert result.done.rows > 1000


@pytest.mark.parametrize("name", PACKED)
@settings(deadline=None, max_examples=20)
@given(place=st.floats(0.01, 0.999), byte=st.integers(1, 255))
def test_a_flipped_byte_loses_nothing_that_came_before(folder, name, place, byte):
    data = bytearray(PACKED[name])
    at = int(place * len(data))
    data[at] ^= byte
    result = Result(folder, bytes(data), f"in/{name}")
    cut = Result(folder, PACKED[name][:at], f"in/{name}")
    sure = max(0, cut.done.rows - 1)  # of the last line, all but the line end may be known
    if name.endswith(".gz"):  # every byte is guarded by a checksum; zstandard's default has none
        assert result.done.broken is not None or result.table["text"].equals(Result(folder, MANY).table["text"])
    assert result.table["text"][:sure].equals(cut.table["text"][:sure])


def test_a_whole_last_line_before_a_break_is_a_document(folder):
    data = gzip.compress(GOOD + b"\n" + GOOD)
    result = Result(folder, data[:-8], "in/x.jsonl.gz")  # all but checksum and size
    assert result.done.broken.reason == "truncated_stream"
    assert result.done.rows == 2


def test_the_same_bytes_in_the_same_bytes_out(folder):
    first = Result(folder, MANY).target.read_bytes()
    again = Result(folder, MANY).target.read_bytes()
    packed = Result(folder, PACKED["x.jsonl.zst"], "in/x.jsonl.zst").target.read_bytes()
    assert first == again == packed


def test_row_groups(folder, monkeypatch):
    monkeypatch.setattr(jsonl, "GROUP_ROWS", 100)
    result = Result(folder, MANY)
    groups = pq.ParquetFile(result.target).metadata
    assert {groups.row_group(n).num_rows for n in range(groups.num_row_groups)} == {100}


def test_a_limit(folder):
    result = Result(folder, b"null\n\n" + MANY, limit=10)
    assert [row["id"] for row in result.rows] == [str(n) for n in range(10)]
    assert (result.done.lines, result.done.bad, result.done.blank_lines) == (12, {"not_an_object": 1}, 1)


def test_a_byte_order_mark(folder):
    result = Result(folder, b"\xef\xbb\xbf" + lines(10**25, 1))
    assert [row["v"] for row in result.rows] == [str(10**25), "1"]
    assert "the file begins with a byte order mark, which was passed over" in result.done.notes
    result = Result(folder, '{"text": "a"}\n'.encode("utf-16"))
    assert result.done.rows == 0
    assert any("UTF-16" in note for note in result.done.notes)


@pytest.mark.parametrize("data", [json.dumps([{"text": "a"}], indent=1), json.dumps({"text": "a"}, indent=1)])
def test_a_file_that_is_json_but_not_lines(folder, data):
    result = Result(folder, data.encode())
    assert result.done.rows == 0
    assert any("jq" in note for note in result.done.notes)


def test_too_many_columns(folder, monkeypatch):
    monkeypatch.setattr(records, "MAX_COLUMNS", 10)
    with pytest.raises(BadFile, match="more than 10 different names") as caught:
        Result(folder, b"".join(b'{"text": "a", "k%d": 1}\n' % n for n in range(10)))
    assert caught.value.reason == "too_many_columns"
    assert not list(folder.glob(".*.part"))


def test_a_file_that_changes_while_it_is_read(folder, monkeypatch):
    def blocks(stream, **options):
        with open(stream.file.path, "ab") as file:
            file.write(GOOD)
        return streams.blocks(stream, **options)

    monkeypatch.setattr(jsonl, "blocks", blocks)
    target = folder / "out.parquet"
    target.unlink(missing_ok=True)
    with pytest.raises(BadFile, match="its size changed") as caught:
        Result(folder, GOOD)
    assert caught.value.reason == "changed"
    assert not target.exists()


def test_head(folder):
    result = Result(folder, b"\nnull\n" + MANY)
    head = jsonl_head(result.file, 1000)
    assert (head.lines, head.rows, head.bad, head.whole) == (1000, 998, {"not_an_object": 1}, False)
    assert head.schema == result.done.schema
    start = b"\n".join((b"\nnull\n" + MANY).split(b"\n")[:1000]) + b"\n"
    assert head.bytes == len(start)
    assert head.compressed == head.bytes
    assert head.text_bytes == sum(len(row["text"].encode()) for row in result.rows[:998])
    assert jsonl_head(result.file, 5002).whole
    packed = Result(folder, PACKED["x.jsonl.zst"], "in/x.jsonl.zst")
    head = jsonl_head(packed.file, 1000)
    assert head.rows * packed.file.size / head.compressed == pytest.approx(5000, rel=0.2)
    cut = Result(folder, PACKED["x.jsonl.zst"][:500], "in/x.jsonl.zst")
    assert jsonl_head(cut.file).broken.reason == "truncated_stream"
    assert jsonl_head(Result(folder, b"").file).whole


def test_head_looks_at_little(folder, monkeypatch):
    monkeypatch.setattr(jsonl, "HEAD", 4000)
    head = jsonl_head(Result(folder, MANY).file)
    assert 4000 <= head.bytes < 6000
    assert not head.whole


def test_doubles_are_exact(folder):
    values = [struct.unpack("<d", os.urandom(8))[0] for _ in range(500)]
    values = [value for value in values if math.isfinite(value)]
    assert [row["v"] for row in Result(folder, lines(*values)).rows] == values
