"""url_dedup against a dict of canonical URLs."""

import datetime as dt

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from curate.documents import TEXT
from curate.kernels.web_addresses import canonical_one
from curate.stages.url_dedup import UrlDedup
from tests.stages.harness import batch_of, cut, run

FORMS = {"canonical": canonical_one, "lowercase": str.lower}
urls = st.sampled_from(
    [None, "", "  ", "\u3000", "http://e.com/A", "https://www.e.com/A/", "http://e.com/a", "HTTP://E.COM/a", "e.com/a",
     "E.com/A", "http://e.com/a?y=1&x=2", "http://e.com/a?x=2&y=1&utm_id=3", "http://É.com", "http://é.com", "ΣΑΣ",
     "σας"]
)  # fmt: skip


@pytest.mark.parametrize("level", FORMS)
@settings(deadline=None, max_examples=60)
@given(
    rows=st.lists(st.tuples(urls, st.integers(0, 3), st.sampled_from([None, "x", "y"])), min_size=1, max_size=30),
    sizes=st.lists(st.integers(1, 9), max_size=6),
    ranges=st.integers(1, 4),
)
def test_keeps_the_longest_of_each_url_and_scope(level, rows, sizes, ranges):
    given_urls = pa.array([url for url, _, _ in rows], pa.string())
    scopes = pa.array([scope for _, _, scope in rows], pa.string())
    batch = batch_of(["é" * length for _, length, _ in rows], url=given_urls, crawl=scopes)
    found = run(UrlDedup(level=level, scope="crawl"), [[unit] for unit in cut(batch, sizes)], ranges)
    groups = {}
    for i, (url, _, scope) in enumerate(rows):
        groups.setdefault((FORMS[level](url), scope) if url and url.strip() else i, []).append(i)
    for members in groups.values():
        (kept,) = (i for i in members if f"d{i}" in found.kept)
        assert rows[kept][1] == max(rows[i][1] for i in members)
        for i in members:
            assert found.columns["url_copies"][f"d{i}"] == len(members)
            assert found.columns["same_url_as"][f"d{i}"] == (None if i == kept else f"d{kept}")
            assert found.reasons[f"d{i}"] == (None if i == kept else "duplicate_url")


def test_newest_needs_no_text():
    days = [dt.date(2020, 1, 1), dt.date(2021, 1, 1), None]
    batch = batch_of(["long text", "b", "c"], link=["http://e.com/"] * 3, day=days)
    stage = UrlDedup(url_column="link", keep="newest", column="day")
    assert TEXT not in stage.columns_read()
    assert TEXT in UrlDedup().columns_read()
    del batch.columns[TEXT]
    (part,) = [stage.observe(batch)]
    assert part["prefer"].to_numpy().argmin() == 1


@pytest.mark.parametrize("kind", [pa.string_view(), pa.large_string(), pa.dictionary(pa.int32(), pa.string())])
def test_types_of_strings(kind):
    addresses = pa.array(["http://e.com", None, "http://e.com/"]).cast(kind)
    assert len(run(UrlDedup(), [[batch_of(["a", "b", "cc"], url=addresses)]]).kept & {"d1", "d2"}) == 2


def test_no_urls_at_all():
    found = run(UrlDedup(), [[batch_of(["a", "a"], url=pa.nulls(2))]])
    assert found.kept == {"d0", "d1"}
    assert found.artifact.num_rows == 0


def test_numbers_are_no_urls():
    with pytest.raises(ValueError, match="url_column 'url' is int64; URLs are strings"):
        UrlDedup().keys(batch_of(["a"], url=[1]))
