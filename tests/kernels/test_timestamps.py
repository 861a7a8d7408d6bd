"""Times as strings: against Arrow and the standard library, and the fast form against the plain one."""

import datetime as dt

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from curate.kernels.timestamps import microseconds, microseconds_one

EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)


def since(*when, **zone):
    """Microseconds from 1970 to a moment."""
    return (dt.datetime(*when, tzinfo=dt.timezone(dt.timedelta(**zone))) - EPOCH) // dt.timedelta(microseconds=1)


TIMES = {
    "2024": since(2024, 1, 1),
    "2024-05": since(2024, 5, 1),
    "2024-05-31": since(2024, 5, 31),
    "20240531": since(2024, 5, 31),
    " 2024-05-31T12 ": since(2024, 5, 31, 12),
    "2024-05-31 12:34": since(2024, 5, 31, 12, 34),
    "2024-05-31t12:34:56.7z": since(2024, 5, 31, 12, 34, 56, 700_000),
    "2024-05-31T12:34:56,123456789": since(2024, 5, 31, 12, 34, 56, 123_456),
    "20240531T123456Z": since(2024, 5, 31, 12, 34, 56),
    "20240531123456": since(2024, 5, 31, 12, 34, 56),
    "2024-05-31 12:34:56 +0530": since(2024, 5, 31, 12, 34, 56, hours=5, minutes=30),
    "2024-05-31T12:34:56-03": since(2024, 5, 31, 12, 34, 56, hours=-3),
    "2024-05-31T12:34-03:30": since(2024, 5, 31, 12, 34, hours=-3, minutes=-30),
    "1969-12-31T23:59:59.999999": -1,
    "1970-01-01": 0,
    "0000-01-01": -62_167_219_200_000_000,
}
NONE = [
    "", " ", "soon", "24", "202405", "2024-13", "2024-02-30", "2024-05-31T24:00", "2024-05-31T12:60", "2024-5-31",
    "2024-0531", "2024-05-3112:34", "2024-05-31Z", "2024-05T12", "12024-05-31", "2024-W05", "2024-05-31T12:34:60",
    "2024-05-31T12+25", "２０２４", "٢٠٢٤", "2024-05-31\0", "2024-05-31\n12", "1717158896", "2024-05-31T12:00Zulu",
]  # fmt: skip

likely = st.tuples(
    st.sampled_from(["2024", "1969", "0000", "9999", "24"]),
    st.sampled_from(["-01", "-12", "-2", "05", "-13"]),
    st.sampled_from(["-01", "-28", "-29", "-31", "07"]), st.sampled_from(["", "T", " "]),
    st.sampled_from(["", "12", "00:00", "1234", "23:59:59", "235960", "12:00:00.5", "12:34:56.123456", "1:2"]),
    st.sampled_from(["", "Z", "+02:00", "-0130", "+14", "-24", " Z"]),
).map("".join)  # fmt: skip


@pytest.mark.parametrize(("text", "expected"), TIMES.items())
def test_times(text, expected):
    assert microseconds_one(text) == expected


@pytest.mark.parametrize("text", NONE)
def test_what_is_no_time(text):
    assert microseconds_one(text) is None


@settings(deadline=None, max_examples=500)
@given(likely)
def test_what_arrow_reads_is_read_alike(text):
    for kind in (pa.timestamp("us"), pa.timestamp("us", "UTC")):
        try:
            arrows = pa.array([text]).cast(kind).cast(pa.int64())[0].as_py()
        except pa.ArrowInvalid:
            continue
        assert microseconds_one(text) == arrows


@settings(deadline=None)
@given(
    st.datetimes(timezones=st.none() | st.integers(-1439, 1439).map(lambda m: dt.timezone(dt.timedelta(minutes=m)))),
    st.sampled_from(["T", " "]),
)
def test_what_python_writes_is_read(when, sep):
    aware = when if when.tzinfo else when.replace(tzinfo=dt.UTC)
    assert microseconds_one(when.isoformat(sep)) == (aware - EPOCH) // dt.timedelta(microseconds=1)


@settings(deadline=None, max_examples=300)
@given(st.lists(likely | st.text(max_size=5) | st.none() | st.sampled_from([*TIMES, *NONE]), max_size=12))
def test_fast_form_is_plain_form(texts):
    found = microseconds(pa.array(texts, pa.large_string()))
    assert found.type == pa.int64()
    assert found.to_pylist() == [None if text is None else microseconds_one(text) for text in texts]
