"""Arrow files: whole or not there, and what is in them is found again."""

import pyarrow as pa
import pytest

from curate.errors import StoreError
from curate.store import arrow
from curate.store.arrow import ArrowFile, Writer

SCHEMA = pa.schema({"n": pa.int64(), "name": pa.large_string()})


def rows(*numbers):
    return pa.table({"n": list(numbers), "name": [str(n) for n in numbers]}, schema=SCHEMA)


def test_what_was_written_is_read_batch_by_batch(tmp_path):
    path = tmp_path / "deep" / "a.arrow"
    with Writer(path, SCHEMA, {"fingerprint": "x", "counts": {"a": 1}}) as writer:
        writer.write(rows(1, 2))
        writer.write(rows())
        writer.write(rows(3).to_batches()[0])
        assert not path.exists()
        writer.commit()
    file = ArrowFile(path)
    assert [batch.num_rows for batch in file] == [2, 1]
    assert pa.Table.from_batches(list(file)).equals(rows(1, 2, 3))
    assert (file.rows, file.schema) == (3, SCHEMA)
    assert file.facts == arrow.facts(path) == {"fingerprint": "x", "counts": {"a": 1}}


def test_a_file_without_rows(tmp_path):
    arrow.write(tmp_path / "a.arrow", rows(), {})
    file = ArrowFile(tmp_path / "a.arrow")
    assert (file.rows, list(file), file.facts) == (0, [], {})


def test_other_types_are_cast_and_what_cannot_be_is_an_error(tmp_path):
    with Writer(tmp_path / "a.arrow", SCHEMA, {}) as writer:
        writer.write(pa.record_batch({"n": pa.array([5], pa.int32()), "name": pa.array(["x"])}))
        writer.commit()
    assert ArrowFile(tmp_path / "a.arrow").schema == SCHEMA
    with pytest.raises(ValueError, match=r"(?i)names|field"), Writer(tmp_path / "b.arrow", SCHEMA, {}) as writer:
        writer.write(pa.record_batch({"other": [1], "name": ["x"]}))
    assert [path.name for path in tmp_path.iterdir()] == ["a.arrow"]


def test_what_is_not_committed_never_was(tmp_path):
    arrow.write(tmp_path / "a.arrow", rows(7), {"old": True})
    with Writer(tmp_path / "a.arrow", SCHEMA, {}) as writer:
        writer.write(rows(1))
    for error in (KeyboardInterrupt, ValueError):
        with pytest.raises(error), Writer(tmp_path / "a.arrow", SCHEMA, {}) as writer:
            fail(writer, error)
    assert [path.name for path in tmp_path.iterdir()] == ["a.arrow"]
    assert arrow.facts(tmp_path / "a.arrow") == {"old": True}


def fail(writer, error):
    writer.write(rows(1))
    raise error


def test_no_file_has_no_facts_and_a_broken_one_is_named(tmp_path):
    path = tmp_path / "a.arrow"
    assert arrow.facts(path) is None
    with pytest.raises(StoreError, match=r"a\.arrow: cannot read it"):
        ArrowFile(path)
    arrow.write(path, rows(*range(1000)), {})
    path.write_bytes(path.read_bytes()[:500])
    with pytest.raises(StoreError, match=r"a\.arrow: cannot read it .*; run again with --fresh"):
        ArrowFile(path)
    path.write_bytes(b"")
    with pytest.raises(StoreError, match=r"a\.arrow: cannot read it"):
        arrow.facts(path)
