"""Types are widened where no value changes its meaning, and clashes are named."""

import datetime
from decimal import Decimal

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from curate.store.schemas import conform, unify, widest

I8, I32, I64, U8, U32, U64 = pa.int8(), pa.int32(), pa.int64(), pa.uint8(), pa.uint32(), pa.uint64()
F16, F32, F64 = pa.float16(), pa.float32(), pa.float64()
STR, BIG = pa.string(), pa.large_string()


@pytest.mark.parametrize(
    ("a", "b", "both"),
    [
        (pa.null(), I32, I32),
        (I8, I64, I64),
        (U8, U32, U32),
        (U8, I8, pa.int16()),
        (U32, I8, I64),
        (U64, I8, None),  # no integer type holds both
        (I32, F32, F64),
        (pa.int16(), F16, F32),
        (I64, F64, F64),
        (F16, F32, F32),
        (pa.bool_(), I8, None),
        (STR, I64, None),
        (STR, BIG, BIG),
        (STR, pa.string_view(), STR),
        (STR, pa.binary(), None),
        (pa.binary(), pa.binary(4), pa.binary()),
        (pa.large_binary(), pa.binary(4), pa.large_binary()),
        (pa.dictionary(I8, STR), STR, STR),
        (pa.dictionary(I8, STR), pa.dictionary(I32, STR), STR),
        (pa.dictionary(I8, STR), BIG, BIG),
        (pa.timestamp("s"), pa.timestamp("us"), pa.timestamp("us")),
        (pa.timestamp("s", "UTC"), pa.timestamp("ms", "UTC"), pa.timestamp("ms", "UTC")),
        (pa.timestamp("s", "UTC"), pa.timestamp("s"), None),
        (pa.timestamp("s"), STR, None),
        (pa.date32(), pa.date64(), pa.date64()),
        (pa.time32("s"), pa.time64("us"), pa.time64("us")),
        (pa.duration("s"), pa.duration("ns"), pa.duration("ns")),
        (pa.decimal128(10, 2), pa.decimal128(12, 6), pa.decimal128(14, 6)),
        (pa.decimal128(38, 0), pa.decimal128(38, 10), pa.decimal256(48, 10)),
        (pa.decimal256(76, 0), pa.decimal256(76, 10), None),
        (pa.list_(I8), pa.list_(pa.null()), pa.list_(I8)),
        (pa.list_(I8), pa.large_list(I64), pa.large_list(I64)),
        (pa.list_(I8, 3), pa.list_(I64, 3), pa.list_(I64, 3)),
        (pa.list_(I8, 3), pa.list_(I8, 4), pa.list_(I8)),
        (pa.list_(I8), I8, None),
        (pa.list_(I8), pa.list_(STR), None),
        (pa.map_(STR, I8), pa.map_(STR, I64), pa.map_(STR, I64)),
        (pa.map_(STR, I8), pa.map_(STR, STR), None),
        (pa.struct([("a", I8)]), pa.struct([("a", I64), ("b", STR)]), pa.struct([("a", I64), ("b", STR)])),
        (pa.struct([("a", I8)]), pa.struct([("a", STR)]), None),
        (pa.struct([]), pa.struct([("a", STR)]), pa.struct([("a", STR)])),
    ],
)
def test_widest(a, b, both):
    assert widest(a, b) == both
    assert widest(b, a) == both
    assert widest(a, a) == a


def test_exactly():
    assert widest(I64, F64, exact=True) is None
    assert widest(pa.struct([("a", I64)]), pa.struct([("a", F64)]), exact=True) is None
    assert widest(pa.list_(I64), pa.list_(F64), exact=True) is None
    assert widest(I32, F64, exact=True) == F64


def test_every_file_can_be_read_as_the_common_schema():
    files = {
        "a": pa.table({"id": ["1"], "text": ["x"], "n": pa.array([1], I8), "m": [{"p": 1}]}),
        "b": pa.table({"text": pa.array(["y"], BIG), "n": [1.5], "m": [{"q": "z", "p": 2}], "l": [[{"r": 1}]]}),
        "c": pa.table({"text": pa.array(["z"]).dictionary_encode(), "n": pa.nulls(1), "l": [[{"s": "t", "r": 2}]]}),
    }
    schema, problems = unify([(name, table.schema) for name, table in files.items()])
    assert problems == []
    assert schema == pa.schema(
        [
            ("id", STR),
            ("text", BIG),
            ("n", F64),
            ("m", pa.struct([("p", I64), ("q", STR)])),
            ("l", pa.list_(pa.struct([("r", I64), ("s", STR)]))),
        ]
    )
    together = pa.concat_tables([conform(table, schema) for table in files.values()])
    assert together.to_pylist() == [
        {"id": "1", "text": "x", "n": 1.0, "m": {"p": 1, "q": None}, "l": None},
        {"id": None, "text": "y", "n": 1.5, "m": {"p": 2, "q": "z"}, "l": [{"r": 1, "s": None}]},
        {"id": None, "text": "z", "n": None, "m": None, "l": [{"r": 2, "s": "t"}]},
    ]


def test_a_file_that_does_not_fit_is_named_with_both_types_and_adds_nothing():
    schema, problems = unify(
        [
            ("a", pa.schema([("text", STR)])),
            ("b", pa.schema([("text", STR), ("score", F64)])),
            ("c", pa.schema([("new", STR), ("text", STR), ("score", STR)])),
            ("d", pa.schema([("text", STR), ("text", STR)])),
            ("e", pa.schema([("text", STR), ("score", F32)])),
        ]
    )
    assert schema == pa.schema([("text", STR), ("score", F64)])
    assert problems == [
        ("c", "column 'score' is string here, and double in b"),
        ("d", "column 'text' is there twice"),
    ]


def test_null_is_allowed_where_any_file_allows_it_or_lacks_the_column():
    never = pa.field("a", I8, nullable=False)
    both, _ = unify([("x", pa.schema([never])), ("y", pa.schema([never]))])
    assert not both.field("a").nullable
    for other in (pa.schema([never.with_nullable(True)]), pa.schema([("b", I8)])):
        assert unify([("x", pa.schema([never])), ("y", other)])[0].field("a").nullable
        assert unify([("y", other), ("x", pa.schema([never]))])[0].field("a").nullable


def test_metadata_stay_if_all_agree():
    plain = pa.schema([("a", I8)])
    noted = plain.with_metadata({"k": "v"})
    assert unify([("x", noted), ("y", noted)])[0].metadata == {b"k": b"v"}
    assert unify([("x", noted), ("y", plain)])[0].metadata is None
    assert unify([]) == (pa.schema([]), [])


def test_a_cast_that_would_change_a_value_is_refused():
    with pytest.raises(pa.ArrowInvalid):
        conform(pa.table({"n": [2**53 + 1]}), pa.schema([("n", F64)]))


VALUES = {
    pa.null(): None,
    pa.bool_(): True,
    I8: -3,
    U8: 200,
    I32: -(2**31),
    U32: 2**32 - 1,
    I64: 2**53,
    U64: 2**53,
    F32: 0.5,
    F64: 0.1,
    STR: "é",
    BIG: "ß",
    pa.binary(): b"\xff",
    pa.binary(2): b"ab",
    pa.date32(): datetime.date(2023, 1, 2),
    pa.timestamp("s"): datetime.datetime(2023, 1, 2, 3, 4, 5),
    pa.timestamp("us"): datetime.datetime(2023, 1, 2, 3, 4, 5, 6),
    pa.decimal128(5, 2): Decimal("123.45"),
    pa.decimal128(9, 4): Decimal("12345.6789"),
    pa.list_(I8): [1, None],
    pa.list_(F64): [],
    pa.list_(I8, 2): [1, 2],
    pa.struct([("a", I8), ("b", STR)]): {"a": 1, "b": "x"},
    pa.struct([("b", BIG), ("c", F64)]): {"b": "y", "c": None},
}
KINDS = st.sampled_from(list(VALUES))


@settings(deadline=None)
@given(KINDS, KINDS)
def test_what_is_widened_holds_the_values_of_both(a, b):
    both = widest(a, b)
    if both is None:
        return
    for kind in (a, b):
        table = pa.table({"v": pa.array([VALUES[kind], None], kind)})
        wide = conform(table, pa.schema([("v", both)])).column("v").to_pylist()
        if isinstance(VALUES[kind], dict):
            wide = [{name: row[name] for name in VALUES[kind]} if row else None for row in wide]
        assert wide == [VALUES[kind], None]
