"""A finished run that is asked the same again only looks; whatever has changed, it does what must be done."""

from __future__ import annotations

import json

import pytest

from curate import recipe as recipes
from curate.engine import driver, shard_pass
from curate.engine.events import PassStarted, Quarantined, RunStarted
from curate.executors import Inline
from tests.engine.corpus import data_bytes, documents, recipe_text, write_shards

STAGES = "  - normalize\n  - sample: {share: 0.8}\n  - exact_dedup\n"


@pytest.fixture
def place(tmp_path):
    """A finished run over three shards and some JSON lines, of which one is broken."""
    data = write_shards(tmp_path / "in", documents(90), 3)
    (data / "z.jsonl").write_text('{"id": "z", "text": "a line"}\n{broken\n')
    go(tmp_path)
    return tmp_path


def go(place, stages=STAGES, **settings):
    """(what was said, the result) of a run."""
    text = recipe_text(place / "in", place / "out", stages, "on_bad_input: {max_documents: 5}")
    said = []
    recipe = recipes.loads(text, source=place / "r.yaml")
    done = driver.run(recipe, Inline(), said.append, driver.Settings(**settings))
    return said, done


def passes(said):
    return [event for event in said if isinstance(event, PassStarted)]


def test_nothing_is_done_twice_and_the_same_is_said(place):
    said, first = go(place, fresh=True)
    written = {path: path.stat().st_mtime_ns for path in (place / "out").rglob("*") if path.name != ".lock"}
    again, second = go(place)
    assert not passes(again)
    [begun] = [event for event in again if isinstance(event, RunStarted)]
    assert begun.finished
    assert begun.documents == 92
    assert second.funnel == first.funnel
    for name in ("exit_code", "shards", "bytes_out", "quarantined", "rows", "out"):
        assert getattr(second, name) == getattr(first, name), name
    assert [e for e in again if isinstance(e, Quarantined)] == [e for e in said if isinstance(e, Quarantined)]
    assert {path: path.stat().st_mtime_ns for path in written} == written


def change_a_shard(place):
    path = place / "in/s001.parquet"
    path.write_bytes(path.read_bytes())


def write_the_manifest(place):
    (place / "out/manifest.json").write_text(json.dumps({"schema": 1, "versions": {"curate": "0"}, "state": "done"}))


CHANGES = {
    "an input file was written again": change_a_shard,
    "an input file is gone": lambda place: (place / "in/s002.parquet").unlink(),
    "an input file is new": lambda place: (place / "in/new.jsonl").write_text('{"id": "new", "text": "words"}\n'),
    "an output shard is gone": lambda place: (place / "out/data/00000.parquet").unlink(),
    "a ledger is gone": lambda place: (place / "out/pass-1/00001.ledger.parquet").unlink(),
    "the manifest was written": write_the_manifest,
    "the seal is no JSON": lambda place: (place / "out/.seal.json").write_text("{"),
}


@pytest.mark.parametrize("change", CHANGES)
def test_what_has_changed_is_noticed(place, change):
    CHANGES[change](place)
    said, _ = go(place)
    assert passes(said)
    before = data_bytes(place / "out")
    go(place, fresh=True)
    assert data_bytes(place / "out") == before
    said, _ = go(place)
    assert not passes(said)


def test_other_options_are_another_question(place):
    assert passes(go(place, STAGES.replace("0.8", "0.7"))[0])
    assert passes(go(place, limit=10)[0])
    assert not passes(go(place, limit=10)[0])
    assert passes(go(place)[0])


def test_a_stage_of_the_users_own_that_was_edited_is_another_program(tmp_path):
    write_shards(tmp_path / "in", documents(20), 1)
    own = "from curate import Filter\n\n\nclass Own(Filter):\n    '''One.'''\n\n    def judge_one(self, text):\n"
    (tmp_path / "own.py").write_text(own + "        return None\n")
    go(tmp_path, "  - ./own.py\n")
    assert not passes(go(tmp_path, "  - ./own.py\n")[0])
    (tmp_path / "own.py").write_text(own + "        return 'all'\n")
    said, done = go(tmp_path, "  - ./own.py\n")
    assert passes(said)
    assert done.funnel[-1].documents_out == 0


def test_a_run_with_an_index_looks_at_it_each_time(tmp_path):
    write_shards(tmp_path / "in", documents(20), 1)
    stages = f"  - exact_dedup: {{index: {tmp_path / 'index'}}}\n"
    go(tmp_path, stages)
    assert passes(go(tmp_path, stages)[0])


def test_a_run_that_failed_has_no_seal(place, monkeypatch):
    change_a_shard(place)

    def stop(_task):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(shard_pass, "run", stop)
        with pytest.raises(KeyboardInterrupt):
            go(place)
    assert passes(go(place)[0])
