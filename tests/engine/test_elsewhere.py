"""Input and output in stores: the same bytes as on this machine, seen whole or not at all, gone on with anywhere."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time

import pyarrow.parquet as pq
import pytest

from curate import recipe as recipes
from curate.engine import driver, generations
from curate.engine.elsewhere import elsewhere
from curate.engine.events import PassStarted, RunStarted
from curate.errors import RecipeError, StoreError
from curate.executors import Inline
from curate.executors.pool import Pool
from curate.store import hold, objects
from curate.store.looking_afar import brought
from tests.engine.corpus import data_bytes, documents, recipe_text, run, write_shards
from tests.stores import CUT, SECRET

STAGES = "  - normalize\n  - sample: {share: 0.8}\n  - exact_dedup\n"
LIMITS = "on_bad_input: {max_documents: 5}"


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    """A folder with three shards and some JSON lines, and the bytes that a run over it writes here."""
    root = tmp_path_factory.mktemp("elsewhere")
    data = write_shards(root / "in", documents(200), 3, group=20)
    (data / "z.jsonl").write_text('{"id": "z", "text": "a line"}\n{broken\n')
    run(recipe_text(data, root / "out", STAGES, LIMITS))
    return data, data_bytes(root / "out")


@pytest.fixture
def place(s3, corpus):
    """The corpus in a bucket."""
    s3.system.put(str(corpus[0]), f"{s3.bucket}/in", recursive=True)
    s3.asked.clear()
    return s3


def go(source, out, stages=STAGES, *, executor=None, fresh=False, extra=LIMITS, work=None):
    """(what was said, the result) of a run as the command line does it."""
    said = []
    recipe = recipes.loads(recipe_text(source, out, stages, extra))
    if work is not None:
        recipe = recipe.model_copy(update={"output": recipe.output.model_copy(update={"work": str(work)})})
    begin = driver.run if recipe.incremental is None else generations.run
    with elsewhere(recipe, said.append, fresh=fresh) as store:
        try:
            done = begin(recipe, executor or Inline(), store.show, driver.Settings(fresh=fresh))
        except Exception:
            store.keep()
            raise
        store.publish()
    return said, done


def passes(said):
    return [event for event in said if isinstance(event, PassStarted)]


def published(s3, folder="out"):
    """The shards as who goes by the manifest sees them; None if there is no manifest."""
    there = s3.bytes_of(folder)
    if "manifest.json" not in there:
        return None
    shards = json.loads(there["manifest.json"])["output"]["shards"]
    names = [f"data/{shard['file']}" for shard in shards]
    return {name: hashlib.sha256(there[name]).hexdigest() for name in names}


def test_both_in_a_store_by_workers(place, corpus):
    with Pool(2) as pool:
        said, _ = go(f"{place.url}/in", f"{place.url}/out", executor=pool)
    assert published(place) == corpus[1]
    [began] = [event for event in said if isinstance(event, RunStarted)]
    assert began.out == f"{place.url}/out"
    writes = place.writes()
    assert writes[-3:] == ["PUT out/manifest.json", "PUT out/.seal.json", "PUT out/.curate.json"]
    assert "PUT out/pass-1/00000.ledger.parquet" in writes[: writes.index("PUT out/data/00000.parquet")]
    there = place.bytes_of("out")
    assert not [name for name in there if "evidence" in name or name.startswith("imported/")]
    assert json.loads(there["inputs.json"])["files"][0]["path"] == f"{place.url}/in/s000.parquet"
    assert place.url in there["recipe.yaml"].decode()


def test_one_of_them_in_a_store(place, corpus, tmp_path):
    go(corpus[0], f"{place.url}/out")
    assert published(place) == corpus[1]
    go(f"{place.url}/in", tmp_path / "out")
    assert data_bytes(tmp_path / "out") == corpus[1]


def test_a_finished_run_only_looks_on_another_machine_too(place, corpus, monkeypatch, tmp_path):
    go(f"{place.url}/in", f"{place.url}/out")
    for work in ("work", "another"):
        monkeypatch.setenv("CURATE_WORK", str(tmp_path / work))
        place.asked.clear()
        said, _ = go(f"{place.url}/in", f"{place.url}/out")
        assert not passes(said)
        assert place.writes() == []
    assert published(place) == corpus[1]


@pytest.mark.parametrize(
    ("lost", "content"),
    [
        (["data/00000.parquet"], None),
        (["manifest.json"], None),
        (["data/00000.parquet", "manifest.json"], None),
        (["data/00000.parquet"], b"{}"),
    ],
)
def test_what_the_store_has_lost_is_sent_again_and_nothing_else(place, lost, content):
    go(f"{place.url}/in", f"{place.url}/out")
    there = place.bytes_of("out")
    for name in lost:
        lose(place, name, content)
    place.asked.clear()
    said, _ = go(f"{place.url}/in", f"{place.url}/out")
    assert not passes(said)
    assert place.writes() == [f"PUT out/{name}" for name in (*lost, ".curate.json")]
    assert place.bytes_of("out") | {".curate.json": b""} == there | {".curate.json": b""}
    place.asked.clear()
    go(f"{place.url}/in", f"{place.url}/out")
    assert place.writes() == []
    listings = [path for method, path in place.asked if "list-type=2" in path and "prefix=out" in path]
    assert len(listings) == 1, "whether the store has it all is asked at once"
    assert len(place.asked) <= 12


def test_what_the_store_has_lost_is_sent_by_a_run_that_begins_afresh(place, corpus):
    go(f"{place.url}/in", f"{place.url}/out")
    lose(place, "data/00000.parquet", None)
    go(f"{place.url}/in", f"{place.url}/out", fresh=True)
    assert published(place) == corpus[1]


def lose(place, name, content):
    """Take an object of the output away, or put another content in its place."""
    path = f"{place.bucket}/out/{name}"
    place.system.rm(path) if content is None else place.system.pipe_file(path, content)


def test_what_the_store_has_lost_is_no_reason_to_touch_what_its_manifest_vouches_for(place, corpus, tmp_path):
    """Another recipe, whose shard takes the place of the one that is gone."""
    go(f"{place.url}/in", f"{place.url}/out")
    for name in published(place):
        place.system.rm(f"{place.bucket}/out/{name}")
    place.asked.clear()
    other = "  - normalize\n  - sample: {share: 0.3}\n"
    go(f"{place.url}/in", f"{place.url}/out", other)
    writes = place.writes()
    assert writes.index("DELETE out/manifest.json") < min(n for n, one in enumerate(writes) if "PUT out/data/" in one)
    run(recipe_text(corpus[0], tmp_path / "out", other, LIMITS))
    assert published(place) == data_bytes(tmp_path / "out")


def test_who_may_not_list_goes_by_the_note(place):
    go(f"{place.url}/in", f"{place.url}/out")
    lose(place, "manifest.json", None)
    place.fault = lambda method, path: 403 if "list-type=2" in path and "prefix=out" in path else None
    place.asked.clear()
    go(f"{place.url}/in", f"{place.url}/out")
    place.fault = lambda method, path: None
    assert place.writes() == []


def test_a_look_at_a_run_of_which_the_store_has_lost_something(place):
    go(f"{place.url}/in", f"{place.url}/out")
    url = f"{place.url}/out"
    here = brought(url)
    assert (here / "data/00000.parquet").exists()
    lose(place, "data/00000.parquet", None)
    looked = brought(url)
    assert looked != here, "what is told is told of the store"
    assert not (looked / "data/00000.parquet").exists()
    assert (looked / "data/00001.parquet").exists()
    lose(place, "manifest.json", None)
    with pytest.raises(StoreError, match="there is no finished run here"):
        brought(url)
    go(f"{place.url}/in", f"{place.url}/out")
    assert brought(url) == here


def test_another_recipe_replaces_the_output_behind_a_manifest_that_is_taken_away(place, corpus, tmp_path):
    go(f"{place.url}/in", f"{place.url}/out")
    place.asked.clear()
    other = "  - normalize\n  - sample: {share: 0.3}\n"
    go(f"{place.url}/in", f"{place.url}/out", other)
    run(recipe_text(corpus[0], tmp_path / "out", other, LIMITS))
    assert published(place) == data_bytes(tmp_path / "out")
    writes = place.writes()
    assert writes[0] == "DELETE out/manifest.json", "nothing is touched before"
    data = [number for number, one in enumerate(writes) if "/data/" in one and one.startswith("PUT")]
    gone = [number for number, one in enumerate(writes) if "/data/" in one and one.startswith("DELETE")]
    assert max(data) < writes.index("PUT out/manifest.json") < min(gone, default=len(writes))
    there = place.bytes_of("out")
    assert {name for name in there if name.startswith("data/")} == set(published(place))


def test_killed_while_it_sends_and_gone_on_with_on_another_machine(place, corpus, monkeypatch, tmp_path):
    class Killed(BaseException):
        pass

    put, sent = objects.put, []

    def dies(path, url):
        sent.append(url)
        if "/data/" in url and url.endswith("00001.parquet"):
            raise Killed
        put(path, url)

    monkeypatch.setattr(objects, "put", dies)
    with pytest.raises(Killed):
        go(f"{place.url}/in", f"{place.url}/out")
    monkeypatch.setattr(objects, "put", put)
    assert sent
    assert published(place) is None
    monkeypatch.setenv("CURATE_WORK", str(tmp_path / "another"))
    go(f"{place.url}/in", f"{place.url}/out")
    assert published(place) == corpus[1]


def test_what_was_sent_half_is_not_believed(place, corpus, monkeypatch, tmp_path):
    go(f"{place.url}/in", f"{place.url}/out")
    name = f"{place.bucket}/out/data/00000.parquet"
    content = place.system.cat_file(name)
    place.system.pipe_file(name, bytes(reversed(content)))
    monkeypatch.setenv("CURATE_WORK", str(tmp_path / "another"))
    go(f"{place.url}/in", f"{place.url}/out")
    assert published(place) == corpus[1]


@pytest.mark.parametrize("change", ["content", "gone"])
def test_an_object_that_changes_during_the_run(place, change):
    def meddle(event):
        if isinstance(event, PassStarted) and event.number == 1:
            name = f"{place.bucket}/in/s001.parquet"
            place.system.rm(name) if change == "gone" else place.system.pipe_file(name, b"x" * 10)

    recipe = recipes.loads(recipe_text(f"{place.url}/in", f"{place.url}/out", STAGES, LIMITS))
    what = "it is gone" if change == "gone" else "its size changed from"
    with elsewhere(recipe, meddle) as store, pytest.raises(StoreError, match=rf"s001.parquet: {what}.* since the run"):
        driver.run(recipe, Inline(), store.show)
    assert published(place) is None


def test_few_columns_cost_few_bytes(place, corpus, tmp_path):
    """The second pass needs no texts."""
    wide = [{**one, "text": str(one["text"]) * 3000} for one in documents(16)]
    write_shards(tmp_path / "wide", wide, 1)
    place.system.put(str(tmp_path / "wide/s000.parquet"), f"{place.bucket}/wide/s000.parquet")
    size = place.system.size(f"{place.bucket}/wide/s000.parquet")
    url = f"{place.url}/wide/s000.parquet"
    got = []
    read = objects.read
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(objects, "read", lambda *range: got.append(range[2] - range[1]) or read(*range))
        from curate.store.ranges import parquet_options, parquet_source

        with pq.ParquetFile(parquet_source(url), **parquet_options(url)) as file:
            assert file.read(["n"]).num_rows == 16
    assert sum(got) < size / 2


def test_faults_that_pass_are_waited_out(place, corpus, monkeypatch):
    monkeypatch.setattr(objects, "PAUSE", 0.01)
    counts: dict[str, int] = {}

    def fault(method, path):
        """Each request fails twice, in another way each time."""
        count = counts[path] = counts.get(path, 0) + 1
        cuts = method == "GET" and path.endswith(".parquet")
        return (503, CUT if cuts else 500)[count - 1] if count <= 2 else None

    place.fault = fault
    go(f"{place.url}/in", f"{place.url}/out")
    place.fault = lambda method, path: None
    assert published(place) == corpus[1]


@pytest.mark.parametrize(("status", "tries"), [(503, 6), (403, 1)])
def test_faults_that_stay_end_the_run_with_what_was_tried(place, monkeypatch, status, tries):
    monkeypatch.setattr(objects, "PAUSE", 0.01)
    place.fault = lambda method, path: status if "s001.parquet" in path and method == "GET" else None
    with pytest.raises(StoreError, match=r"s001\.parquet") as caught:
        go(f"{place.url}/in", f"{place.url}/out")
    place.fault = lambda method, path: None
    assert sum("s001.parquet" in path for method, path in place.asked if method == "GET") == tries
    assert ("tried 6 times" in str(caught.value)) == (status == 503)
    assert published(place) is None
    go(f"{place.url}/in", f"{place.url}/out")
    assert published(place) is not None


def test_two_at_once(place, monkeypatch):
    def second(event):
        if isinstance(event, RunStarted):
            with pytest.raises(StoreError, match=r"a run is at work here \(host .*, process \d+, last heard of"):
                go(f"{place.url}/in", f"{place.url}/out")

    recipe = recipes.loads(recipe_text(f"{place.url}/in", f"{place.url}/out", STAGES, LIMITS))
    with elsewhere(recipe, second) as store:
        driver.run(recipe, Inline(), store.show)
        store.publish()
    assert not place.system.exists(f"{place.bucket}/out/.curate.lock")


@pytest.mark.parametrize("how", ["its process is gone", "it has been silent for long"])
def test_the_lock_of_the_dead_is_taken_over(place, corpus, monkeypatch, how):
    monkeypatch.setattr(hold, "_SETTLES", 0.0)
    gone = subprocess.run([sys.executable, "-c", "import os; print(os.getpid())"], capture_output=True, check=True)
    dead = how == "its process is gone"
    host = hold.socket.gethostname() if dead else "another"
    seen = time.time() - (5 if dead else hold.STALE + 5)
    owner = {"token": "x", "host": host, "pid": int(gone.stdout), "began": 0, "seen": seen}
    place.system.pipe_file(f"{place.bucket}/out/.curate.lock", json.dumps(owner).encode())
    go(f"{place.url}/in", f"{place.url}/out")
    assert published(place) == corpus[1]


def test_who_lost_the_lock_publishes_nothing(place):
    recipe = recipes.loads(recipe_text(f"{place.url}/in", f"{place.url}/out", STAGES, LIMITS))
    with elsewhere(recipe, lambda event: None) as store:
        driver.run(recipe, Inline(), store.show)
        owner = {"token": "x", "host": "another", "pid": 1, "began": 0, "seen": time.time()}
        place.system.pipe_file(f"{place.bucket}/out/.curate.lock", json.dumps(owner).encode())
        with pytest.raises(StoreError, match="another run has taken over"):
            store.publish()
    assert published(place) is None
    assert place.system.exists(f"{place.bucket}/out/.curate.lock"), "it is not ours to remove"


def test_a_place_with_other_things_is_left_alone(place, corpus):
    place.system.pipe_file(f"{place.bucket}/out/thesis.pdf", b"x")
    with pytest.raises(RecipeError, match=r"it is no run's, and holds thesis.pdf"):
        go(corpus[0], f"{place.url}/out")
    assert place.bytes_of("out") == {"thesis.pdf": b"x"}


def test_generations(place, corpus, tmp_path, monkeypatch):
    """Three nights; the third on a machine that was not there before, where nothing new has come, then something."""
    extra = "incremental: true"
    stages = "  - normalize\n  - exact_dedup\n"
    nights = write_shards(tmp_path / "nights", documents(90, seed=3), 3)
    outs = {"here": tmp_path / "here", "there": f"{place.url}/out"}
    for night in range(3):
        name = f"s{night:03d}.parquet"
        place.system.put(str(nights / name), f"{place.bucket}/nights/{name}")
        (tmp_path / "so-far").mkdir(exist_ok=True)
        shutil.copy2(nights / name, tmp_path / "so-far" / name)
        go(tmp_path / "so-far", outs["here"], stages, extra=extra)
        if night == 2:
            shutil.rmtree(tmp_path / "w")
        place.asked.clear()
        go(f"{place.url}/nights", outs["there"], stages, extra=extra, work=tmp_path / "w")
        touched = [one for one in place.writes() if "data/gen-" in one]
        assert all(f"data/gen-{night + 1:04d}/" in one for one in touched), "what was published is not touched"
    assert go(f"{place.url}/nights", outs["there"], stages, extra=extra, work=tmp_path / "w")[1] is None
    there = place.bytes_of("out")
    here = {p.relative_to(outs["here"]).as_posix(): p.read_bytes() for p in (outs["here"] / "data").rglob("*.parquet")}
    assert len(here) == 3
    assert {name: data for name, data in there.items() if name.startswith("data/")} == here
    with pytest.raises(RecipeError, match=r"what its index remembers is of runs in the folder .*: run there|--work"):
        go(f"{place.url}/nights", outs["there"], stages, extra=extra, work=tmp_path / "otherwise")


SLOW = '''import time

from curate import Filter


class Slow(Filter):
    """Takes its time, so that there is a moment to be killed at."""

    def judge_one(self, text):
        time.sleep(0.01)
        return None
'''


def test_kill_and_secrets(place, corpus, tmp_path):
    """`kill -9` of the command, then the command again; nothing of the credentials is written or said anywhere."""
    (tmp_path / "slow.py").write_text(SLOW)
    recipe = tmp_path / "r.yaml"
    recipe.write_text(recipe_text(f"{place.url}/in", f"{place.url}/out", "  - ./slow.py\n" + STAGES, LIMITS))
    command = [sys.executable, "-m", "curate", "run", str(recipe), "--workers", "0", "--log-format", "plain"]
    first = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    deadline = time.time() + 120
    while not list((tmp_path / "work").rglob("*.ledger.parquet")) and time.time() < deadline:
        time.sleep(0.02)
    os.kill(first.pid, signal.SIGKILL)
    said = first.communicate()[0]
    assert published(place) is None
    second = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=240, check=False)
    assert second.returncode == 3, second.stdout.decode()
    assert b"an earlier run goes on" in second.stdout
    assert published(place) == corpus[1]
    there = place.bytes_of("out")
    assert {"report.html", "README.md"} <= there.keys()
    here = {str(path): path.read_bytes() for path in (tmp_path / "work").rglob("*") if path.is_file()}
    for name, content in {**there, **here, "said": said + second.stdout}.items():
        assert SECRET.encode() not in content, name
        assert b"a-key-of-nobody" not in content, name
    found = subprocess.run(
        [sys.executable, "-m", "curate", "why", f"{place.url}/out", "d00002"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert found.stdout.startswith("d00002  (s000.parquet, row 2)")


def test_a_secret_in_an_address_is_refused_and_not_told(tmp_path):
    with pytest.raises(RecipeError, match="has a password, key or signature") as caught:
        recipes.loads(recipe_text("in", "s3://key:hunter2@bucket/out", STAGES))
    assert "hunter2" not in str(caught.value)


def test_a_work_folder_is_of_one_output(place, corpus, tmp_path):
    go(corpus[0], f"{place.url}/out", work=tmp_path / "w")
    with pytest.raises(RecipeError, match="it is the work folder of"):
        go(corpus[0], f"{place.url}/deeper/out", work=tmp_path / "w")


def test_started_afresh(place):
    """What was there is forgotten, when the new output is whole."""
    go(f"{place.url}/in", f"{place.url}/out")
    before = published(place)
    said, _ = go(f"{place.url}/in", f"{place.url}/out", fresh=True)
    assert passes(said)
    assert published(place) == before
