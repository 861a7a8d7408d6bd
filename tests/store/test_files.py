"""A file is whole or absent, whatever happens to its writer."""

import errno
import os
import signal
import subprocess
import sys

import pytest

from curate.errors import StoreError
from curate.store import files, system
from curate.store.files import Fingerprint, fingerprint, read_json, sha256, sweep, whole, write_json


def test_the_file_appears_when_the_block_ends(tmp_path):
    target = tmp_path / "new" / "data.txt"
    with whole(target) as part:
        part.write_text("half")
        assert part.parent == target.parent
        assert part.name.startswith(".")
        assert not target.exists()
    assert target.read_text() == "half"
    assert os.listdir(target.parent) == ["data.txt"]


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_an_exception_leaves_what_was_there(tmp_path, error):
    target = tmp_path / "data.txt"
    target.write_text("old")

    def write() -> None:
        with whole(target) as part:
            part.write_text("new")
            raise error

    with pytest.raises(error):
        write()
    assert target.read_text() == "old"
    assert os.listdir(tmp_path) == ["data.txt"]


def test_two_writers_of_one_file_do_not_meet(tmp_path):
    target = tmp_path / "data.txt"
    with whole(target) as one, whole(target) as other:
        one.write_text("first")
        other.write_text("second")
    assert target.read_text() == "first"  # the outer block ends last
    assert os.listdir(tmp_path) == ["data.txt"]


def test_a_long_name_has_room_for_the_part(tmp_path):
    target = tmp_path / ("長" * 84)  # 252 bytes: the file system takes 255
    with whole(target) as part:
        part.write_text("x")
    assert target.exists()


def test_the_file_has_the_usual_permissions(tmp_path):
    plain = tmp_path / "plain"
    plain.touch()
    with whole(tmp_path / "data") as part:
        part.touch()
    assert (tmp_path / "data").stat().st_mode == plain.stat().st_mode


def test_a_full_disk_is_named(tmp_path):
    def fill() -> None:
        with whole(tmp_path / "data"):
            raise OSError(errno.ENOSPC, "No space left on device")

    with pytest.raises(StoreError, match=r"data: cannot write it: No space left.*make room and run again"):
        fill()
    assert os.listdir(tmp_path) == []


def test_a_folder_that_cannot_be_made_is_named(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(StoreError, match=r"data: cannot write it"), whole(tmp_path / "file" / "data"):
        pass


def test_sweep_takes_what_a_killed_writer_left_and_nothing_else(tmp_path):
    script = (
        "import sys, time\n"
        "from curate.store.files import whole\n"
        "with whole(sys.argv[1]) as part:\n"
        "    part.write_text('half')\n"
        "    print('ready', flush=True)\n"
        "    time.sleep(60)\n"
    )
    target = tmp_path / "deep" / "data.txt"
    writer = subprocess.Popen([sys.executable, "-c", script, str(target)], stdout=subprocess.PIPE, text=True)
    with writer:
        assert writer.stdout.readline() == "ready\n"
        assert sweep(tmp_path) == []  # it lives
        writer.send_signal(signal.SIGKILL)
    left = list(target.parent.iterdir())
    assert [part.suffix for part in left] == [files.PART]
    (tmp_path / "shard.part").write_text("somebody's own")
    assert sweep(tmp_path) == left
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["deep", "shard.part"]


def test_sweep_leaves_a_writer_of_this_process_alone(tmp_path):
    with whole(tmp_path / "data") as part:
        part.write_text("x")
        assert sweep(tmp_path) == []
    assert (tmp_path / "data").read_text() == "x"


def test_a_sweep_between_making_and_locking_the_part_does_no_harm(tmp_path, monkeypatch):
    lock = system.try_lock
    swept = []

    def late(handle):
        if not swept:
            swept.append(True)
            next(tmp_path.iterdir()).unlink()
        return lock(handle)

    monkeypatch.setattr(system, "try_lock", late)
    with whole(tmp_path / "data") as part:
        part.write_text("x")
    assert (tmp_path / "data").read_text() == "x"


def test_json_for_people(tmp_path):
    path = tmp_path / "note.json"
    write_json(path, {"b": [1, None], "a": "é"})
    assert path.read_text(encoding="utf-8") == '{\n  "a": "é",\n  "b": [\n    1,\n    null\n  ]\n}\n'
    assert read_json(path) == {"b": [1, None], "a": "é"}
    with pytest.raises(ValueError, match="Out of range"):
        write_json(path, float("nan"))
    assert read_json(path) == {"b": [1, None], "a": "é"}


def test_unreadable_json_is_named(tmp_path):
    with pytest.raises(StoreError, match=r"none\.json: cannot read it: No such file"):
        read_json(tmp_path / "none.json")
    (tmp_path / "half.json").write_text('{"a": ')
    with pytest.raises(StoreError, match=r"half\.json: it is not JSON"):
        read_json(tmp_path / "half.json")


def test_fingerprint_and_hash(tmp_path):
    path = tmp_path / "data"
    path.write_bytes(b"abc")
    os.utime(path, ns=(5, 7))
    assert fingerprint(path) == Fingerprint(3, 7)
    assert sha256(path) == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"  # FIPS 180-4, example
    for look in (fingerprint, sha256):
        with pytest.raises(StoreError, match="none: cannot"):
            look(tmp_path / "none")
