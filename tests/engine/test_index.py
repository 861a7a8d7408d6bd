"""An index between runs: a later run drops what earlier ones kept, and the index always says what is so."""

from __future__ import annotations

import json
import random
import re
import shutil
from itertools import pairwise

import pytest
from typer.testing import CliRunner

from curate import recipe as recipes
from curate.cli.app import app
from curate.engine import driver
from curate.engine.clusters import Clusters, publishing
from curate.engine.events import PassStarted, Warned
from curate.errors import CurateError, RecipeError, StageError, StoreError
from curate.executors import Inline
from tests.engine.alike import deduplicate, planted, read, recipe, some, write
from tests.engine.corpus import data_bytes, output, run

GREEDY = {"method": "greedy", "keep": "first"}


@pytest.fixture(scope="module")
def rows():
    return planted(300, seed=2, sizes=(1, 2, 4, 9))


def parts(rows, cuts):
    """Consecutive pieces."""
    bounds = [0, *cuts, len(rows["id"])]
    return [some(rows, range(low, high)) for low, high in pairwise(bounds)]


def header(index):
    return json.loads((index / "index.json").read_text())


def state(index):
    """All that is in an index, but for the time."""
    return {path.relative_to(index): path.read_bytes() for path in sorted(index.rglob("*")) if path.is_file()}


@pytest.mark.parametrize("verify", [True, False])
@pytest.mark.parametrize(("runs", "seed"), [(2, 0), (2, 1), (3, 2)])
def test_one_after_another_is_all_at_once(tmp_path, rows, verify, runs, seed):
    options = {**GREEDY, "verify": verify}
    chance = random.Random(seed)
    mixed = some(rows, chance.sample(range(300), 300))
    whole = deduplicate(tmp_path / "whole", mixed, options)
    cuts = sorted(chance.sample(range(20, 280), runs - 1))
    found = {}
    for number, part in enumerate(parts(mixed, cuts)):
        done = deduplicate(tmp_path / str(number), part, {**options, "index": tmp_path / "index"}, shards=number + 1)
        found |= done.verdicts
        assert header(tmp_path / "index")["runs"][-1]["documents"] == len(done.kept)
    assert found.keys() == whole.verdicts.keys()
    for name, verdict in whole.verdicts.items():
        assert found[name].like == verdict.like
        assert found[name].similarity == verdict.similarity
        assert (found[name].dropped_by is None) == (verdict.dropped_by is None)
    by_index = [name for name, verdict in found.items() if verdict.dropped_by == "minhash_dedup/in_index"]
    assert len(by_index) > 20


def test_what_was_published_stays_and_what_is_like_it_goes(tmp_path, rows):
    first, second = parts(rows, [150])
    options = {"keep": "longest", "index": tmp_path / "index"}
    one = deduplicate(tmp_path / "1", first, options)
    before = data_bytes(one.out)
    second["text"] = [f"{text} and more" for text in rows["text"][:150]]  # longer, yet not preferred
    two = deduplicate(tmp_path / "2", second, options)
    assert data_bytes(one.out) == before
    reasons = {verdict.dropped_by for verdict in two.verdicts.values()}
    assert reasons == {None, "minhash_dedup/in_index", "minhash_dedup/near_duplicate"}
    for verdict in two.verdicts.values():
        if verdict.dropped_by == "minhash_dedup/in_index":
            assert verdict.like in one.kept
    assert two.summary["dropped_by_index"] == sum(
        verdict.dropped_by == "minhash_dedup/in_index" for verdict in two.verdicts.values()
    )


@pytest.mark.parametrize(
    ("other", "complaint"),
    [
        ({"ngram": 4}, "ngram: 5 in the index, 4 here"),
        ({"bands": 20, "rows": 5}, "bands: 14 in the index, 20 here\n  rows: 8 in the index, 5 here"),
        ({"verify": False}, "verify: True in the index, False here"),
        ({"scope": "source"}, "scope: None in the index, source here"),
        ({"max_chars": 100, "seed": 2}, "max_chars: 500000 in the index, 100 here\n  seed: 1 in the index, 2 here"),
    ],
)
def test_an_index_of_another_configuration_is_refused_before_any_work(tmp_path, rows, other, complaint):
    index = tmp_path / "index"
    deduplicate(tmp_path / "1", some(rows, range(20)), {"index": index})
    before = state(index)
    with pytest.raises(RecipeError) as caught:
        deduplicate(tmp_path / "2", some(rows, range(20)), {"index": index, **other})
    assert f"index {index}: it was made with another configuration" in str(caught.value)
    assert complaint in str(caught.value)
    assert not (tmp_path / "2/out").exists()
    assert state(index) == before
    deduplicate(tmp_path / "3", some(rows, range(20)), {"index": index, "threshold": 0.7, "bands": 14, "rows": 8})


def test_a_run_again_is_the_same(tmp_path, rows):
    first, second, third = parts(rows, [100, 200])
    index = tmp_path / "index"
    datas = [write(tmp_path / f"in{i}", part) for i, part in enumerate((first, second, third))]
    texts = [recipe(data, tmp_path / f"out{i}", {"index": index}) for i, data in enumerate(datas)]
    for text in texts:
        run(text)
    before, index_before = [data_bytes(tmp_path / f"out{i}") for i in range(3)], state(index)
    for text in (*texts, texts[0]):
        run(text)
    assert [data_bytes(tmp_path / f"out{i}") for i in range(3)] == before
    assert state(index) == index_before
    shutil.rmtree(tmp_path / "out1/pass-1")  # and from the beginning
    run(texts[1])
    assert data_bytes(tmp_path / "out1") == before[1]
    assert state(index) == index_before


def test_other_input_into_the_same_output(tmp_path, rows):
    first, second = parts(rows, [150])
    index, out = tmp_path / "index", tmp_path / "out"
    data = write(tmp_path / "in", first)
    run(recipe(data, out, {"index": index}))
    before = state(index), data_bytes(out)
    shutil.rmtree(data)
    write(data, second)
    with pytest.raises(RecipeError, match=rf"index {index}: an earlier run into {out} added \d+ documents of other"):
        run(recipe(data, out, {"index": index}))
    assert (state(index), data_bytes(out)) == before
    run(recipe(data, out, {"index": index}), fresh=True)
    alone = deduplicate(tmp_path / "alone", second, {})
    assert read(out).kept == alone.kept
    (only,) = header(index)["runs"]
    assert only["documents"] == len(alone.kept)
    assert [path.name for path in index.iterdir() if path.is_dir()] == [only["folder"]]


def test_a_run_that_fails_adds_nothing(tmp_path, rows):
    index = tmp_path / "index"
    data = write(tmp_path / "in", rows)
    steps = f"  - minhash_dedup: {{index: {index}}}\n  - drop: {{column: n, above: 10, missing: keep"
    with pytest.raises(StageError, match="expected"):
        run(f"input: {data}\noutput: {tmp_path / 'out'}\nstages:\n{steps}, expect: {{drop: 0%..1%}}}}")
    assert not index.exists() or not (index / "index.json").exists()
    run(f"input: {data}\noutput: {tmp_path / 'out'}\nstages:\n{steps}}}")
    (only,) = header(index)["runs"]
    assert only["documents"] == len(read(tmp_path / "out", 2).kept | late(tmp_path / "out"))
    assert only["documents"] > output(tmp_path / "out").num_rows > 0  # it holds what the stage kept


def late(out):
    """Ids of documents that a later step dropped."""
    return {name for name, verdict in read(out, 2).verdicts.items() if (verdict.dropped_by or "").startswith("drop/")}


def test_a_limit_is_other_input(tmp_path, rows):
    data = write(tmp_path / "in", rows)
    text = recipe(data, tmp_path / "out", {"index": tmp_path / "index"})
    run(text, limit=50)
    with pytest.raises(RecipeError, match="of other input"):
        run(text)


def test_another_run_adds_to_it_meanwhile(tmp_path, rows):
    first, second = parts(rows, [150])
    index = tmp_path / "index"
    slow = recipe(write(tmp_path / "in1", first), tmp_path / "out1", {**GREEDY, "index": index})
    quick = recipe(write(tmp_path / "in2", second), tmp_path / "out2", {**GREEDY, "index": index})

    def meanwhile(event):
        if isinstance(event, PassStarted) and event.title == "write":
            run(quick)

    with pytest.raises(StoreError, match=f"index {index}: another run was added to it while this one was at work"):
        driver.run(recipes.loads(slow), Inline(), meanwhile)
    assert [one["output"] for one in header(index)["runs"]] == [str(tmp_path / "out2")]
    run(slow)
    turned = some(rows, [*range(150, 300), *range(150)])
    whole = deduplicate(tmp_path / "whole", turned, GREEDY)
    assert read(tmp_path / "out1").kept | read(tmp_path / "out2").kept == whole.kept
    assert [one["number"] for one in header(index)["runs"]] == [1, 2]


def test_an_earlier_run_is_made_anew_while_this_one_decides(tmp_path, rows, monkeypatch):
    first, second = parts(rows, [150])
    one, two = (recipe(write(tmp_path / name, part), tmp_path / f"{name}-out", {"index": tmp_path / "index"})
                for name, part in (("one", first), ("two", second)))  # fmt: skip
    run(one)

    def stop(self, task):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(Clusters, "_edges", stop)
        with pytest.raises(KeyboardInterrupt):
            run(two)
    run(one, fresh=True)  # the same documents, but by other addresses
    run(two)
    shutil.rmtree(tmp_path / "index")
    run(one, fresh=True)
    before = read(tmp_path / "two-out").verdicts
    run(two, fresh=True)
    assert read(tmp_path / "two-out").verdicts == before
    assert any(verdict.dropped_by == "minhash_dedup/in_index" for verdict in before.values())


def test_two_steps_cannot_share_an_index(tmp_path, rows):
    data = write(tmp_path / "in", rows)
    step = f"  - minhash_dedup: {{index: {tmp_path / 'index'}"
    with pytest.raises(RecipeError, match="'again' has the index of 'minhash_dedup'"):
        run(f"input: {data}\noutput: {tmp_path / 'out'}\nstages:\n{step}}}\n{step}, as: again}}\n")
    assert not (tmp_path / "out").exists()


def damage_header(index):
    (index / "index.json").write_text("{")


def older_header(index):
    (index / "index.json").write_text(json.dumps({**header(index), "schema": 99}))


def odd_header(index):
    (index / "index.json").write_text(json.dumps({"schema": 1}))


def remove(name):
    return lambda index: next(index.glob(f"*/{name}")).unlink()


def cut(name):
    def shorten(index):
        path = next(index.glob(f"*/{name}"))
        path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])

    return shorten


@pytest.mark.parametrize(
    ("damage", "named"),
    [
        (damage_header, "index.json"),
        (older_header, "index.json"),
        (odd_header, "index.json"),
        (remove("keys.arrow"), "keys.arrow"),
        (remove("sketches.arrow"), "sketches.arrow"),
        (remove("values.bin"), "values.bin"),
        (cut("keys.arrow"), "keys.arrow"),
        (cut("values.bin"), "values.bin"),
    ],
    ids=["no JSON", "newer", "odd", "no keys", "no sketches", "no values", "half the keys", "half the values"],
)
def test_damage_is_named(tmp_path, rows, damage, named):
    index = tmp_path / "index"
    part = some(rows, range(100))
    deduplicate(tmp_path / "1", part, {"index": index})
    damage(index)
    with pytest.raises(CurateError) as caught:
        deduplicate(tmp_path / "2", part, {"index": index})
    assert re.search(rf"{index}\S*{named}: ", str(caught.value))
    assert not (tmp_path / "2/out").exists()
    assert "--fresh" not in str(caught.value)  # it would not help


def test_it_does_not_matter_how_much_is_copied_at_a_time(tmp_path, rows, monkeypatch):
    made = []
    for name, values in (("whole", 1 << 22), ("pieces", 70)):
        monkeypatch.setattr(publishing, "_VALUES", values)
        deduplicate(tmp_path / name, rows, {"index": tmp_path / name / "index"})
        made.append(state(tmp_path / name / "index"))
    flat = [next(found for path, found in one.items() if path.name == "values.bin") for one in made]
    assert flat[0] == flat[1]
    again = deduplicate(tmp_path / "again", rows, {"index": tmp_path / "pieces/index"})
    assert again.kept == set()


def test_a_folder_that_is_no_index_is_left_alone(tmp_path, rows):
    (tmp_path / "index").mkdir()
    (tmp_path / "index/thesis.docx").write_text("years of work")
    with pytest.raises(RecipeError, match="it is there, but is no index"):
        deduplicate(tmp_path / "1", some(rows, range(10)), {"index": tmp_path / "index"})
    assert (tmp_path / "index/thesis.docx").exists()


def test_an_output_is_known_by_whatever_path(tmp_path, rows, monkeypatch):
    data, index = write(tmp_path / "in", some(rows, range(60))), tmp_path / "index"
    (tmp_path / "link").symlink_to(tmp_path)
    (tmp_path / "below").mkdir()
    kept = []
    for place, out in (("", "out"), ("", "./below/../out"), ("below", "../out"), ("below", tmp_path / "link/out")):
        monkeypatch.chdir(tmp_path / place)
        run(recipe(data, out, {"index": index}))
        kept.append(read(tmp_path / "out").kept)
    assert [one == kept[0] for one in kept] == [True] * 4
    assert len(header(index)["runs"]) == 1
    monkeypatch.chdir(tmp_path)
    run(recipe(data, tmp_path / "out", {"index": "below/../index"}))
    assert len(header(index)["runs"]) == 1


def test_a_check_adds_nothing(tmp_path, rows):
    first, second = parts(rows, [150])
    index = tmp_path / "index"
    deduplicate(tmp_path / "1", first, {"index": index})
    before = state(index)
    text = recipe(write(tmp_path / "in", second), tmp_path / "out", {"index": index})
    (tmp_path / "recipe.yaml").write_text(text)
    done = CliRunner().invoke(app, ["check", str(tmp_path / "recipe.yaml")])
    assert done.exit_code == 0, done.output
    assert "in_index" in done.output
    assert state(index) == before


def test_groups_of_another_decision_are_not_believed(tmp_path, rows, monkeypatch):
    data, index = write(tmp_path / "in", rows), tmp_path / "index"

    def asked(threshold):
        return recipe(data, tmp_path / "out", {"threshold": threshold, "bands": 30, "rows": 3, "index": index})

    def stop(self, task):
        raise KeyboardInterrupt

    run(asked(0.95))
    kept = len(read(tmp_path / "out").kept)
    shutil.rmtree(index)
    with monkeypatch.context() as patch:
        patch.setattr(Clusters, "_verdicts", stop)
        with pytest.raises(KeyboardInterrupt):
            run(asked(0.3))
    run(asked(0.95))
    (only,) = header(index)["runs"]
    assert only["documents"] == len(read(tmp_path / "out").kept) == kept


def test_a_run_begun_with_fresh_goes_on_without(tmp_path, rows, monkeypatch):
    first, second = parts(rows, [150])
    index, out = tmp_path / "index", tmp_path / "out"
    data = write(tmp_path / "in", first)
    run(recipe(data, out, {"index": index}))
    shutil.rmtree(data)
    write(data, second)

    def stop(self, task):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(Clusters, "_edges", stop)
        with pytest.raises(KeyboardInterrupt):
            run(recipe(data, out, {"index": index}), fresh=True)
    run(recipe(data, out, {"index": index}))
    assert read(out).kept == deduplicate(tmp_path / "alone", second, {}).kept
    (only,) = header(index)["runs"]
    assert only["documents"] == len(read(out).kept)


def test_who_decided_by_what_has_changed_is_named(tmp_path, rows):
    first, second = parts(rows, [150])
    index = tmp_path / "index"
    data = write(tmp_path / "in", first)
    run(recipe(data, tmp_path / "out1", {"index": index}))
    deduplicate(tmp_path / "2", second, {"index": index})
    less = recipe(data, tmp_path / "out1", {"index": index}).replace("stages:\n", "stages:\n  - sample: {share: 0.3}\n")
    shown = []
    driver.run(recipes.loads(less), Inline(), shown.append)
    (warning,) = [event.text for event in shown if isinstance(event, Warned)]
    assert warning.endswith(f"run these again, in this order: {tmp_path / '2/out'}")


def test_what_a_step_left_goes_with_it(tmp_path, rows):
    data, out = write(tmp_path / "in", rows), tmp_path / "out"
    steps = "  - minhash_dedup: {as: near}\n  - keep_best: {column: n, share: 0.5, missing: keep}"
    run(f"input: {data}\noutput: {out}\nstages:\n{steps}")
    names = {path.name for path in (out / "artifacts").iterdir()}
    assert {"near", "near.json", "keep_best.json"} <= names
    run(f"input: {data}\noutput: {out}\nstages:\n  - exact_dedup")
    assert {path.name for path in (out / "artifacts").iterdir()} == {"exact_dedup", "ids"}
