"""The sample is a property of the documents."""

import random

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from curate.annotation.drawing import draw
from curate.errors import RecipeError
from curate.kernels.hashing import hash64_one
from curate.store.reading import Reader

DOCUMENTS = [(f"d{i}", f"Text of number {i}.") for i in range(400)]


def shards(folder, documents, pieces):
    folder.mkdir()
    for k in range(pieces):
        some = documents[k::pieces]
        pq.write_table(pa.table({"id": [a for a, _ in some], "text": [b for _, b in some]}), folder / f"{k}.parquet")
    return str(folder)


def drawn(paths, count, *, seed=0, prepare=str.strip, **names):
    with Reader([paths], **names) as reader:
        return draw(reader, count, seed=seed, prepare=prepare)


def test_the_same_for_any_shards_and_order(tmp_path):
    expected = sorted(DOCUMENTS, key=lambda one: hash64_one(one[0], 0))[:30]
    shuffled = random.Random(1).sample(DOCUMENTS, len(DOCUMENTS))
    for name, documents, pieces in (("a", DOCUMENTS, 1), ("b", shuffled, 7)):
        found = drawn(shards(tmp_path / name, documents, pieces), 30)
        assert [(one.id, one.text) for one in found.documents] == expected
        assert found.there == 400


def test_a_larger_sample_has_the_smaller_one_in_front_and_a_seed_changes_it(tmp_path):
    path = shards(tmp_path / "a", DOCUMENTS, 2)
    small, large = drawn(path, 20).documents, drawn(path, 50).documents
    assert large[:20] == small
    assert drawn(path, 20, seed=1).documents != small
    assert len(drawn(path, 1000).documents) == 400


def test_many_documents_and_few_drawn(tmp_path):
    many = [(f"d{i}", f"Text {i}.") for i in range(5000)]
    expected = sorted(many, key=lambda one: hash64_one(one[0], 3))[:10]
    found = drawn(shards(tmp_path / "a", many, 3), 10, seed=3)
    assert [(one.id, one.text) for one in found.documents] == expected


def test_documents_without_anything_to_ask_about_are_passed_over(tmp_path):
    some = [("a", " "), ("b", "x"), ("c", None), ("d", "")]
    assert [one.id for one in drawn(shards(tmp_path / "a", some, 1), 10).documents] == ["b"]


def test_without_ids_the_texts_are_hashed(tmp_path):
    path = shards(tmp_path / "a", DOCUMENTS, 1)
    other = shards(tmp_path / "b", DOCUMENTS[::-1], 5)
    first, second = (drawn(one, 25, id="none").documents for one in (path, other))
    assert [one.text for one in first] == [one.text for one in second]


def test_an_id_of_two_texts_is_refused(tmp_path):
    with pytest.raises(RecipeError, match="the id 'x' is that of two documents with different texts"):
        drawn(shards(tmp_path / "a", [("x", "one"), ("x", "two"), ("y", "three")], 1), 3)
    assert len(drawn(shards(tmp_path / "b", [("x", "one"), ("x", "one"), ("y", "three")], 1), 3).documents) == 2
