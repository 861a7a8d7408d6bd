"""An index on disk: who is in it, who sees whom, and what is cleared away. The runs are made up."""

import fcntl
import json
from dataclasses import asdict

import pytest

from curate.errors import RecipeError, StoreError
from curate.store import index
from curate.store.index import EARLIER, Earlier, Record

CONFIGURATION = {"ngram": 5}


def look(path, output, files="files", *, fresh=False, configuration=CONFIGURATION):
    return index.look(path, configuration, output, files, fresh=fresh)


def write(record):
    for file in (record.keys, record.sketches.table, record.sketches.values):
        file.write_bytes(b"something")
    return 7


def add(seen, output, fingerprint="abcdef", how=write):
    record = Record(seen.number, "", output, seen.files, 0, fingerprint, "")
    return index.add(seen, CONFIGURATION, record, how)


def publish(path, output, files="files", fingerprint="abcdef", *, fresh=False):
    return add(look(path, output, files, fresh=fresh), output, fingerprint)


def runs(path):
    return [(one["number"], one["output"]) for one in json.loads((path / "index.json").read_text())["runs"]]


def test_a_new_index_is_seen_empty_and_not_made_by_looking(tmp_path):
    seen = look(tmp_path / "index", "a")
    assert seen == Earlier(str(tmp_path / "index"), "files", (), 1)
    assert not (tmp_path / "index").exists()


def test_each_run_sees_those_before_it_whenever_it_looks(tmp_path):
    for output in "abc":
        publish(tmp_path, output)
    assert runs(tmp_path) == [(1, "a"), (2, "b"), (3, "c")]
    assert [[one.output for one in look(tmp_path, output).records] for output in "abcd"] == [
        [], ["a"], ["a", "b"], ["a", "b", "c"],
    ]  # fmt: skip
    assert [look(tmp_path, output).number for output in "abcd"] == [1, 2, 3, 4]
    addresses = [record.first for record in look(tmp_path, "d").records]
    assert addresses == [EARLIER | number << 32 for number in (1, 2, 3)]
    assert all(record.documents == 7 for record in look(tmp_path, "d").records)


def test_what_is_stored_is_read_again(tmp_path):
    publish(tmp_path, "a")
    seen = look(tmp_path, "b")
    assert Earlier.from_dict(json.loads(json.dumps(asdict(seen)))) == seen


def test_what_is_there_is_left_as_it_is(tmp_path):
    first = publish(tmp_path, "a")

    def not_again(record):
        raise AssertionError

    assert add(look(tmp_path, "a"), "a", how=not_again) == first


def test_another_decision_takes_the_place_of_the_first(tmp_path):
    old = publish(tmp_path, "a")
    publish(tmp_path, "b")
    new = publish(tmp_path, "a", fingerprint="fedcba")
    assert runs(tmp_path) == [(1, "a"), (2, "b")]
    assert old.folder != new.folder
    assert sorted(path.name for path in tmp_path.iterdir() if path.is_dir()) == ["000001-fedcba", "000002-abcdef"]


def test_other_input_needs_fresh_and_takes_a_new_number(tmp_path):
    publish(tmp_path, "a")
    publish(tmp_path, "b")
    with pytest.raises(RecipeError, match=r"(?s)an earlier run into a added 7 documents of other input .*--fresh"):
        look(tmp_path, "a", "other")
    publish(tmp_path, "a", "other", "123456", fresh=True)
    assert runs(tmp_path) == [(2, "b"), (3, "a")]
    assert [record.output for record in look(tmp_path, "a", "other").records] == ["b"]


def test_numbers_are_never_used_again(tmp_path):
    publish(tmp_path, "a")
    publish(tmp_path, "a", "other", "123456", fresh=True)
    publish(tmp_path, "a", "files", "abcdef", fresh=True)
    assert runs(tmp_path) == [(3, "a")]
    assert look(tmp_path, "b").number == 4


def test_a_run_that_was_added_meanwhile(tmp_path):
    seen = look(tmp_path, "a")
    publish(tmp_path, "b")
    with pytest.raises(StoreError, match="another run was added to it while this one was at work; run again"):
        add(seen, "a")
    assert runs(tmp_path) == [(1, "b")]
    publish(tmp_path, "a")
    assert runs(tmp_path) == [(1, "b"), (2, "a")]


def test_another_run_over_the_same_input_that_was_added_meanwhile(tmp_path):
    one, other = look(tmp_path, "a"), look(tmp_path, "b")
    add(one, "a")
    with pytest.raises(StoreError, match="run again"):
        add(other, "b")  # decided from the same, and published the same
    assert look(tmp_path, "b").records[0].output == "a"


def test_one_at_a_time(tmp_path):
    publish(tmp_path, "a")
    seen = look(tmp_path, "b")
    with open(tmp_path / ".lock", "rb+") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with pytest.raises(StoreError, match="another run is adding to it"):
            add(seen, "b")
    add(seen, "b")


def test_a_failure_leaves_what_was_there(tmp_path):
    publish(tmp_path, "a")

    def fail(record):
        write(record)
        raise StoreError("disk full")

    with pytest.raises(StoreError, match="disk full"):
        add(look(tmp_path, "b"), "b", how=fail)
    assert runs(tmp_path) == [(1, "a")]
    publish(tmp_path, "c")
    assert sorted(path.name for path in tmp_path.iterdir() if path.is_dir()) == ["000001-abcdef", "000002-abcdef"]


def test_what_is_not_ours_is_left_alone(tmp_path):
    publish(tmp_path, "a")
    (tmp_path / "notes").mkdir()
    (tmp_path / "notes.txt").write_text("mine")
    publish(tmp_path, "b")
    assert (tmp_path / "notes").exists()
    assert (tmp_path / "notes.txt").exists()


def test_another_configuration(tmp_path):
    publish(tmp_path, "a")
    with pytest.raises(RecipeError, match=r"(?s)another configuration.*\n  ngram: 5 in the index, 6 here\n"):
        look(tmp_path, "b", configuration={"ngram": 6})
    with pytest.raises(RecipeError, match=r"more: None in the index, x here"):
        look(tmp_path, "b", configuration={"ngram": 5, "more": "x"})
    with pytest.raises(RecipeError, match="another configuration"):
        look(tmp_path, "a", fresh=True, configuration={"ngram": 6})


def test_a_file_by_its_name(tmp_path):
    (tmp_path / "index").write_text("no folder")
    with pytest.raises(RecipeError, match="it is there, but is no index"):
        look(tmp_path / "index", "a")
