"""An index on disk: who is in it, who sees whom, and what is cleared away. The runs are made up."""

import json
from dataclasses import asdict
from pathlib import Path

import pytest

from curate.documents import EARLIER
from curate.errors import RecipeError, StoreError
from curate.store import index
from curate.store.index import Earlier, Record
from curate.store.lock import alone

CONFIGURATION = {"ngram": 5}
FIRST, SECOND = "0123456789abcdef" * 2, "fedcba9876543210" * 2


def look(path, output, files="files", *, fresh=False, configuration=CONFIGURATION):
    return index.look(path, configuration, Path("/outputs") / output, files, fresh=fresh)


def write(record):
    for file in (record.keys, record.sketches.table, record.sketches.values):
        file.write_bytes(b"something")
    return 7


def add(seen, output, fingerprint=FIRST, how=write):
    assert seen.output == f"/outputs/{output}"
    record = Record(seen.number, "", seen.output, seen.files, 0, fingerprint, "")
    return index.add(seen, CONFIGURATION, record, how)[0]


def publish(path, output, files="files", fingerprint=FIRST, *, fresh=False):
    return add(look(path, output, files, fresh=fresh), output, fingerprint)


def folders(path):
    return sorted(entry.name for entry in path.iterdir() if entry.is_dir())


def runs(path):
    return [(one["number"], Path(one["output"]).name) for one in json.loads((path / "index.json").read_text())["runs"]]


def test_a_new_index_is_seen_empty_and_not_made_by_looking(tmp_path):
    seen = look(tmp_path / "index", "a")
    assert seen == Earlier(str(tmp_path / "index"), "/outputs/a", "files", (), 1)
    assert not (tmp_path / "index").exists()


def test_each_run_sees_those_before_it_whenever_it_looks(tmp_path):
    for output in "abc":
        publish(tmp_path, output)
    assert runs(tmp_path) == [(1, "a"), (2, "b"), (3, "c")]
    assert [[Path(one.output).name for one in look(tmp_path, output).records] for output in "abcd"] == [
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
    new = publish(tmp_path, "a", fingerprint=SECOND)
    assert runs(tmp_path) == [(1, "a"), (2, "b")]
    assert old.folder != new.folder
    assert folders(tmp_path) == [
        f"000001-{SECOND[:12]}",
        f"000002-{FIRST[:12]}",
    ]


def test_other_input_needs_fresh_and_takes_a_new_number(tmp_path):
    publish(tmp_path, "a")
    publish(tmp_path, "b")
    with pytest.raises(RecipeError, match=r"(?s)run into /outputs/a added 7 documents of other input .*--fresh"):
        look(tmp_path, "a", "other")
    publish(tmp_path, "a", "other", SECOND, fresh=True)
    assert runs(tmp_path) == [(2, "b"), (3, "a")]
    assert [record.output for record in look(tmp_path, "a", "other").records] == ["/outputs/b"]


def test_numbers_are_never_used_again(tmp_path):
    publish(tmp_path, "a")
    publish(tmp_path, "a", "other", SECOND, fresh=True)
    publish(tmp_path, "a", "files", FIRST, fresh=True)
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
    assert look(tmp_path, "b").records[0].output == "/outputs/a"


def test_one_at_a_time(tmp_path):
    publish(tmp_path, "a")
    seen = look(tmp_path, "b")
    with alone(tmp_path / ".lock"), pytest.raises(StoreError, match="another run is adding to it"):
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
    assert folders(tmp_path) == [
        f"000001-{FIRST[:12]}",
        f"000002-{FIRST[:12]}",
    ]


def test_what_is_not_ours_is_left_alone(tmp_path):
    publish(tmp_path, "a")
    (tmp_path / "notes").mkdir()
    (tmp_path / "notes.txt").write_text("mine")
    others = [tmp_path / name for name in ("notes", ".git", "999999-ab", "000001-0123456789ac")]
    for other in others:
        other.mkdir(exist_ok=True)
    publish(tmp_path, "b")
    publish(tmp_path, "a", fingerprint=SECOND)
    assert [other for other in others if not other.exists()] == [tmp_path / "000001-0123456789ac"]  # of a killed run
    assert (tmp_path / "notes.txt").exists()


def test_later_runs_are_named_when_an_earlier_one_changes(tmp_path):
    for output in "abc":
        publish(tmp_path, output)
    seen = look(tmp_path, "b")
    record = Record(seen.number, "", seen.output, seen.files, 0, SECOND, "")
    assert index.add(seen, CONFIGURATION, record, write)[1] == ("/outputs/c",)
    assert index.add(seen, CONFIGURATION, record, write)[1] == ()  # nothing has changed


@pytest.mark.parametrize("inside", ["/outputs/a/index", "/outputs", "/outputs/a"])
def test_an_index_and_an_output_are_apart(inside):
    with pytest.raises(RecipeError, match="must not lie in the output of one"):
        look(Path(inside), "a")


def test_what_fresh_settled_holds_when_the_run_goes_on(tmp_path):
    publish(tmp_path, "a")
    begun = look(tmp_path, "a", "other", fresh=True)
    again = index.look(tmp_path, CONFIGURATION, Path("/outputs/a"), "other", fresh=False, before=begun)
    assert again == begun
    with pytest.raises(RecipeError, match="of other input"):
        index.look(tmp_path, CONFIGURATION, Path("/outputs/a"), "a third", fresh=False, before=begun)


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
