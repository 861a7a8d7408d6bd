"""Sketches against lists: the values of any documents, from any units."""

from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from curate.errors import StoreError
from curate.store.sketches import SketchFiles, SketchPaths, SketchWriter

KINDS = {"uint32": pa.uint32(), "uint64": pa.uint64()}
documents = st.lists(st.lists(st.integers(0, 2**32 - 1), max_size=6), max_size=12)


def schema(kind):
    return pa.schema({"id": pa.large_string(), "copies": pa.int64(), "values": pa.large_list(KINDS[kind])})


def write(folder, number, kind, lists, gaps=1, sizes=(2, 5)):
    """A unit whose documents have every `gaps`-th address, written some at a time."""
    paths = SketchPaths(Path(folder) / f"{number}.arrow", Path(folder) / f"{number}.bin")
    addresses = (np.uint64(number) << np.uint64(32)) + np.arange(len(lists), dtype=np.uint64) * np.uint64(gaps)
    with SketchWriter(paths, schema(kind), {"unit": number}) as writer:
        at = 0
        while at < len(lists):
            some = lists[at : at + sizes[at % len(sizes)]]
            ids = [f"{number}-{place}" for place in range(at, at + len(some))]
            rows = pa.record_batch([ids, [len(values) for values in some], some], schema=schema(kind))
            writer.write(addresses[at : at + len(some)], rows)
            at += len(some)
    return (number << 32, paths), dict(zip(addresses.tolist(), lists, strict=True))


@settings(deadline=None, max_examples=60)
@given(
    kind=st.sampled_from(sorted(KINDS)),
    units=st.lists(documents, min_size=1, max_size=4),
    gaps=st.integers(1, 3),
    chance=st.randoms(use_true_random=False),
)
def test_any_documents_are_found(kind, units, gaps, chance):
    with TemporaryDirectory() as folder:
        made = [write(folder, number, kind, lists, gaps) for number, lists in enumerate(units)]
        files = [file for file, _ in made]
        chance.shuffle(files)
        found = SketchFiles(files, schema(kind))
        everything = {address: values for _, values in made for address, values in values.items()}
        assert [a for some in found.documents() for a in some.tolist()] == sorted(everything)
        wanted = sorted(chance.sample(sorted(everything), chance.randint(0, len(everything))))
        asked = np.array(wanted, np.uint64)
        table = found.of(asked, ["copies", "id"])
        assert table.column_names == ["copies", "id"]
        assert table["copies"].to_pylist() == [len(everything[address]) for address in wanted]
        places = found.places(asked)
        offsets, values = found.values(places)
        assert values.dtype == kind
        lists = [values[low:high].tolist() for low, high in pairwise(offsets)]
        assert lists == [everything[address] for address in wanted]
        if wanted:
            rows = np.array(sorted(chance.sample(range(len(wanted)), chance.randint(1, len(wanted)))))
            offsets, values = found.values(places.take(rows))
            assert values.tolist() == [value for row in rows for value in everything[wanted[row]]]


def test_a_document_without_a_sketch_is_named(tmp_path):
    file, _ = write(tmp_path, 3, "uint32", [[1], [2, 3]], gaps=2)
    found = SketchFiles([file], schema("uint32"))
    for missing in (1, 5):
        with pytest.raises(StoreError, match=rf"3\.arrow: document {(3 << 32) + missing:#x} is not in it"):
            found.of(np.array([(3 << 32) + missing], np.uint64), ["id"])


def test_values_that_are_cut_short_are_named(tmp_path):
    file, all_values = write(tmp_path, 0, "uint64", [[1], [2, 3], [4]])
    found = SketchFiles([file], schema("uint64"))
    places = found.places(np.array(sorted(all_values), np.uint64))
    file[1].values.write_bytes(file[1].values.read_bytes()[:-3])
    with pytest.raises(StoreError, match=r"0\.bin: it is shorter than its table says"):
        found.values(places)


def test_a_writer_that_fails_leaves_nothing(tmp_path):
    paths = SketchPaths(tmp_path / "a.arrow", tmp_path / "a.bin")
    with pytest.raises(KeyError), SketchWriter(paths, schema("uint32"), {}) as writer:
        fail(writer)
    assert list(tmp_path.iterdir()) == []


def fail(writer):
    rows = pa.record_batch([["x"], [1], [[1, 2]]], schema=schema("uint32"))
    writer.write(np.array([0], np.uint64), rows)
    raise KeyError
