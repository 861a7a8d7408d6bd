"""rehydrate: FineWeb-2's published tables, a table worked out by hand, and what becomes of documents."""

import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from curate.documents import IS_DROPPED
from curate.errors import StageError
from curate.stages.rehydrate import Rehydrate, repetitions
from tests.stages.harness import Evidence, batch_of, cut, observe, run

PUBLISHED = json.loads(Path(__file__).with_name("fineweb2_clusters.json").read_text())["languages"]


def batch(sizes, dropped=None, **columns):
    """Documents with these sizes of clusters."""
    flags = pa.array([False] * len(sizes) if dropped is None else dropped, pa.bool_())
    given_sizes = pa.array(sizes, pa.int64())
    return batch_of(["t"] * len(sizes), cluster_size=given_sizes, **{IS_DROPPED: flags}, **columns)


def counted(rows):
    """Evidence of (value, size, documents, removed)."""
    names = ["value", "size", "documents", "removed"]
    kinds = {name: Rehydrate.evidence.field(name).type for name in names}
    table = pa.table({name: pa.array([row[i] for row in rows], kinds[name]) for i, name in enumerate(names)})
    return Evidence([table.append_column("key", pa.array(np.zeros(len(rows), np.uint64)))])


@pytest.mark.parametrize("language", PUBLISHED)
@pytest.mark.parametrize("most", [3, 6, 10])
def test_the_published_tables(language, most):
    given_rows = PUBLISHED[language]
    rows = zip(given_rows["size"], given_rows["documents"], given_rows["removed"], strict=True)
    found = Rehydrate(repeats="auto", max_repeats=most).resolve(counted([(None, *row) for row in rows]))
    (table,) = found.tables
    assert table.repeats == {int(size): times for size, times in given_rows["repeats"][str(most)].items()}
    assert table.copies == given_rows["copies"][str(most)]
    assert [one.size for one in table.classes] == given_rows["size"]


def test_the_largest_clusters_are_one_class():
    rows = [(None, 1, 6000, 3000), (None, 2, 3000, 300), (None, 40, 989, 496)]
    rows += [(None, 50, 7, 4), (None, 60, 3, 0), (None, 70, 1, 0)]  # 11 of 10,000; 4 from 60 on
    (table,) = Rehydrate(repeats="auto").resolve(counted(rows)).tables
    assert [(one.size, one.documents, one.removed) for one in table.classes][-2:] == [(40, 989, 496), (50, 11, 4)]
    rows[-1] = (None, 70, 11, 1)  # with more than one in a thousand, it stands alone
    (table,) = Rehydrate(repeats="auto").resolve(counted(rows)).tables
    assert [one.size for one in table.classes] == [1, 2, 40, 50, 60, 70]


def test_a_table_by_hand():
    # f:  0.8   0.5   0.2   0.3   0.7   0.6   0.9; F = 40/70 = 0.5714
    removed = [8, 5, 2, 3, 7, 6, 9]
    # unsmoothed, to 4 repeats: 1 + 3 (f - F) / (0.2 - F)
    #     1     1.577 4     3.192 1     1     1
    # smoothed from the third to the fifth: (1+1.577+4+3.192+1)/5 = 2.154, 10.769/5 = 2.154, 10.192/5 = 2.038
    rows = [("de", size, 10, gone) for size, gone in enumerate(removed, 1)]
    found = Rehydrate(repeats="auto", max_repeats=4, by="lang").resolve(counted([*rows, (None, 1, 5, 1)]))
    german, rest = found.tables
    assert [one.repeats for one in german.classes] == [1, 2, 2, 2, 2, 1, 1]
    assert german.repeats == {1: 1, 2: 2, 6: 1}
    assert (german.value, german.documents, german.removed, german.copies) == ("de", 70, 40, 30 + 5 + 8 + 7 + 3)
    assert (rest.value, rest.repeats, rest.copies) == (None, {1: 1}, 4)
    assert found.summary == "34 documents become 57, by 2 tables"


def test_without_differences_nothing_is_repeated():
    for removed in ([3, 6, 9], [0, 0, 0], [10, 20, 30]):
        assert repetitions(np.array([10, 20, 30]), np.array(removed), 10).tolist() == [1, 1, 1]


def test_a_fixed_table():
    sizes = [1, 2, 3, 4, 5, 99, 100, 999, 1000, 10**12, None]
    found = run(Rehydrate(), [cut(batch(sizes), [3, 4])])
    assert list(found.columns["repeats"].values()) == [1, 2, 3, 3, 5, 5, 8, 8, 1, 1, 1]
    assert found.artifact.summary == "10 documents become 37; repeats by size {1: 1, 2: 2, 3: 3, 5: 5, 100: 8, 1000: 1}"
    assert found.kept == {f"d{i}" for i in range(11)}
    (table,) = found.artifact.tables
    assert [(one.size, one.documents, one.repeats) for one in table.classes] == [
        (1, 1, 1), (2, 1, 2), (3, 2, 3), (5, 2, 5), (100, 2, 8), (1000, 2, 1)
    ]  # fmt: skip
    few = run(Rehydrate(repeats={4: 7, 1: 2}), [[batch([5, 3, 1])]])
    assert list(few.columns["repeats"].values()) == [7, 2, 2]
    assert [one.size for one in few.artifact.tables[0].classes] == [1, 4]


def test_values_have_their_own_tables():
    languages = ["de", "en", None] * 40
    sizes = [1 + (i // 3) % 2 for i in range(120)]
    gone = [i % 3 == sizes[i] - 1 and i % 4 < 3 for i in range(120)]  # of "de", some of 1; of "en", some of 2
    for values in (pa.array(languages), pa.array(languages).dictionary_encode()):
        stage = Rehydrate(repeats="auto", max_repeats=3, by="lang")
        found = run(stage, [[batch(sizes, gone, lang=values)]])
        assert [table.value for table in found.artifact.tables] == ["de", "en", None]
        assert [table.repeats for table in found.artifact.tables] == [{1: 1, 2: 3}, {1: 3, 2: 1}, {1: 1}]
        wanted = {("de", 2): 3, ("en", 1): 3}
        expected = [wanted.get(pair, 1) for pair in zip(languages, sizes, strict=True)]
        assert list(found.columns["repeats"].values()) == expected
    numbers = run(Rehydrate(repeats="auto", by="n"), [[batch([1, 2], n=[7, 8])]])
    assert [table.value for table in numbers.artifact.tables] == ["7", "8"]


@settings(deadline=None, max_examples=40)
@given(
    rows=st.lists(st.tuples(st.sampled_from([None, 1, 2, 3, 9]), st.booleans(), st.sampled_from([None, "a", ""]))),
    sizes=st.lists(st.integers(1, 9), max_size=6),
)
def test_counts_do_not_depend_on_batches(rows, sizes):
    whole = batch(
        [row[0] for row in rows], [row[1] for row in rows], by=pa.array([row[2] for row in rows], pa.string())
    )
    stage = Rehydrate(repeats="auto", by="by")
    evidence = observe(stage, [[piece] for piece in cut(whole, sizes)])
    tables = {table.value: table for table in stage.resolve(evidence).tables}
    assert set(tables) == {value for size, _, value in rows if size is not None}
    for value, table in tables.items():
        mine = [(size, gone) for size, gone, other in rows if other == value and size is not None]
        assert {one.size: (one.documents, one.removed) for one in table.classes} == {
            size: (sum(s == size for s, _ in mine), sum(gone for s, gone in mine if s == size)) for size, _ in mine
        }


def test_nothing_to_see():
    found = run(Rehydrate(repeats="auto"), [[batch([None, None])]])
    assert list(found.columns["repeats"].values()) == [1, 1]
    assert found.artifact.summary == "0 documents become 0, by 0 tables"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"repeats": {2: 3}}, "what becomes of clusters of 1"),
        ({"repeats": {}}, "what becomes of clusters of 1"),
        ({"repeats": {1: 0}}, "greater than or equal to 1"),
        ({"repeats": {0: 1, 1: 1}}, "greater than or equal to 1"),
        ({"repeats": "automatic"}, "auto"),
        ({"repeats": "auto", "max_repeats": 0}, "greater than or equal to 1"),
    ],
)
def test_options_that_make_no_sense(options, message):
    with pytest.raises(ValidationError, match=message):
        Rehydrate(**options)


def test_columns_that_do_not_fit():
    with pytest.raises(StageError, match="rehydrate: column 'cluster_size' has 0; sizes of clusters are 1 or more"):
        Rehydrate().observe(batch([1, 0]))
    with pytest.raises(ValueError, match="column 'cluster_size' is double; sizes of clusters are integers"):
        Rehydrate().observe(batch_of(["t"], cluster_size=[1.0], **{IS_DROPPED: [False]}))
    with pytest.raises(ValueError, match="by 'q' is double; tables are made for strings, integers or booleans"):
        Rehydrate(by="q").observe(batch([1], q=[0.5]))
