import pytest
from hypothesis import given
from hypothesis import strategies as st

from curate.recipe import parse_share, parse_size, size_text
from curate.recipe.quantities import percent, share_text


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("256MB", 256_000_000),
        ("1GiB", 1 << 30),
        ("40kB", 40_000),
        ("1.5 GB", 1_500_000_000),
        ("2m", 2_000_000),
        ("1Ki", 1024),
        ("7B", 7),
        ("1_000", 1000),
        (12, 12),
    ],
)
def test_sizes(text, size):
    assert parse_size(text) == size


@pytest.mark.parametrize("value", ["", "MB", "-1MB", "1XB", "1 MB MB", True, None, [1]])
def test_what_is_no_size(value):
    with pytest.raises(ValueError, match=r"size|unit"):
        parse_size(value)


@given(st.integers(0, 2**60))
def test_sizes_are_written_as_they_are_read(size):
    assert parse_size(size_text(size)) == size


def test_sizes_are_written_in_the_largest_unit_that_fits():
    assert [size_text(size) for size in (0, 5, 1024, 3000, 256_000_000, 3 << 30)] == [
        "0",
        "5",
        "1KiB",
        "3kB",
        "256MB",
        "3GiB",
    ]


@pytest.mark.parametrize(
    ("text", "share"), [("5%", 0.05), ("0.1%", 0.001), (0.5, 0.5), ("0.5", 0.5), (1, 1), ("29%", 0.29)]
)
def test_shares(text, share):
    assert parse_share(text) == share


@pytest.mark.parametrize("value", ["", "%", "5 %", "x", "101%", -0.1, True, None, "nan"])
def test_what_is_no_share(value):
    with pytest.raises(ValueError, match="share"):
        parse_share(value)


def test_a_share_above_1_was_likely_meant_in_percent():
    with pytest.raises(ValueError, match=r"did you mean 5%\?$"):
        parse_share("5")


@given(st.floats(0, 1))
def test_shares_are_written_as_they_are_read(share):
    assert percent(share_text(share)) == share
