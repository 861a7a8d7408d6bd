"""Evidence and artifacts against lists: any range of keys from all units, any range of documents from all parts."""

from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from curate.store import arrow, evidence
from curate.store.evidence import DOCUMENT, KEY, EvidenceFiles, EvidenceWriter

SCHEMA = evidence.stored_schema(pa.schema({"row": pa.int64(), "key": pa.uint64(), "more": pa.int8()}))
keys = st.sampled_from([0, 1, 2, 7, 2**63 - 1, 2**63, 2**64 - 2, 2**64 - 1]) | st.integers(0, 2**64 - 1)
units = st.lists(st.lists(st.tuples(keys, keys, st.integers(-9, 9)), max_size=12), min_size=1, max_size=4)


def table(rows):
    columns = zip(*rows, strict=True) if rows else [[], [], []]
    return pa.table([pa.array(list(c), f.type) for c, f in zip(columns, SCHEMA, strict=True)], schema=SCHEMA)


def files(folder, given_units):
    paths = []
    for number, rows in enumerate(given_units):
        paths.append(Path(folder) / f"{number}.arrow")
        with EvidenceWriter(paths[-1], SCHEMA, {"unit": number}) as writer:
            for at in range(0, len(rows), 3):
                writer.add(table(rows[at : at + 3]))
    return EvidenceFiles(paths[::-1])


def plain(tables):
    return sorted(tuple(row.values()) for one in tables for row in one.to_pylist())


def test_the_stored_schema_has_the_address_in_place_of_the_row():
    assert SCHEMA.names == [KEY, DOCUMENT, "more"]
    assert SCHEMA.field(DOCUMENT).type == pa.uint64()


@settings(deadline=None, max_examples=60)
@given(given_units=units, low=keys, high=keys, run=st.sampled_from([1, 100, 1 << 20]))
def test_any_range_of_keys_is_found(given_units, low, high, run):
    with TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        patch.setattr(evidence, "RUN_BYTES", run)
        found = files(folder, given_units)
        inside = sorted(row for rows in given_units for row in rows if low <= row[0] <= high)
        assert plain(found.scan(SCHEMA.names, low, high)) == inside
        assert plain(found.scan(SCHEMA.names)) == sorted(row for rows in given_units for row in rows)
        ordered = found.sorted_range(SCHEMA, low, high)
        assert [row[:2] for row in zip(*(c.to_pylist() for c in ordered.columns), strict=True)] == [
            row[:2] for row in inside
        ]
        wanted = sorted({low, high, *(row[0] for row in given_units[0][::2])})
        matching = sorted(row for rows in given_units for row in rows if row[0] in wanted)
        assert plain(found.matching(np.array(wanted, np.uint64), SCHEMA.names)) == matching
        assert found.rows == sum(map(len, given_units))
        assert found.bytes == sum(path.stat().st_size for path in found.paths)
        for path in found.paths:
            assert arrow.facts(path) == {"unit": int(path.stem)}
            for batch in arrow.ArrowFile(path):
                own = batch.select([KEY, DOCUMENT]).to_pylist()
                assert own == sorted(own, key=lambda row: (row[KEY], row[DOCUMENT]))


@given(size=st.integers(0, 10**6), range_bytes=st.integers(1, 10**6))
def test_ranges_are_all_keys_once(size, range_bytes):
    range_bytes = max(range_bytes, size // 1000)
    cuts = evidence.ranges(size, range_bytes)
    assert (cuts[0][0], cuts[-1][1]) == (0, 2**64 - 1)
    assert all(after[0] == before[1] + 1 for before, after in pairwise(cuts))
    assert len(cuts) == max(1, -(-size // range_bytes))
    widths = [high - low for low, high in cuts]
    assert max(widths) - min(widths) <= 1


@settings(deadline=None, max_examples=40)
@given(documents=st.lists(keys, unique=True, max_size=30), low=keys, high=keys)
def test_an_artifact_is_found_by_documents(documents, low, high):
    with TemporaryDirectory() as folder:
        path = Path(folder) / "000.parquet"
        rows = {DOCUMENT: pa.array(documents, pa.uint64()), "x": pa.array([d % 7 for d in documents], pa.int64())}
        evidence.write_artifact(path, pa.table(rows), {"fingerprint": "f"})
        found = evidence.read_artifact(path, low, high)
        inside = sorted(document for document in documents if low <= document <= high)
        assert found[DOCUMENT].to_pylist() == inside
        assert found["x"].to_pylist() == [document % 7 for document in inside]
        assert evidence.read_artifact(path).num_rows == len(documents)
