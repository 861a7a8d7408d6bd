"""`curate doctor` says what is, and of what is wrong what to do; each kind of trouble is made here."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from collections import namedtuple
from pathlib import Path

from curate import catalog, models
from curate.cli import health, self_test
from curate.engine import warm
from curate.store import system

ROOT = Path(__file__).parents[2]


def doctor(*words: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "curate", "doctor", *map(str, words)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120)


def test_all_is_well_here(tmp_path):
    done = doctor("--json", "--no-test", "-o", tmp_path / "not/yet/there")
    assert done.returncode == 0, done.stdout
    told = json.loads(done.stdout)
    assert told["ok"]
    found = {one["name"]: one for one in told["findings"]}
    assert {"cores", "memory", "disk", "writing", "locks", "workers", "kernels", "model raters"} <= set(found)
    assert str(tmp_path) in found["disk"]["text"]
    assert "not/yet" not in found["disk"]["text"]
    assert list(tmp_path.iterdir()) == []


def test_what_is_wrong_comes_with_what_to_do_and_exit_code_1(tmp_path):
    (tmp_path / "file").write_text("")
    done = doctor("--no-test", "-o", "/proc/nowhere")
    assert done.returncode == 1
    [line] = [line for line in done.stdout.splitlines() if line.startswith(" BAD  writing")]
    assert "name another output.path" in line
    assert "to be mended: " in done.stdout.splitlines()[-1]
    assert "Traceback" not in done.stderr


def bad(findings):
    """Name → what to do, of what is wrong."""
    found = {one.name: one for one in findings}
    assert all(one.remedy for one in found.values() if one.state != "good")
    return {name: one.remedy for name, one in found.items() if one.state == "bad"}


def test_a_library_that_is_too_old_or_missing(monkeypatch):
    needs = ["numpy>=1.26", "no-such-thing>=2", "rich>=999.1", "httpx>=0.27; extra == 'annotate'"]
    monkeypatch.setattr(health.metadata, "requires", lambda name: needs)
    [wrong] = [one for one in health.versions() if one.state == "bad"]
    assert "no-such-thing is missing (at least 2)" in wrong.text
    assert "(at least 999.1)" in wrong.text
    assert "numpy" not in wrong.text
    [extras] = health.extras()
    assert set(extras.facts) == {"annotate"}


def test_little_disk_and_little_memory(monkeypatch, tmp_path):
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(health.shutil, "disk_usage", lambda path: usage(10, 9, 5 << 20))
    assert bad(health.place(tmp_path)) == {"disk": "make room, or name another output.path"}
    monkeypatch.setattr(health, "cores", lambda: 16)
    monkeypatch.setattr(health, "_memory", lambda: 2 << 30)
    monkeypatch.setattr(health, "_quota", lambda: 1.5)
    notes = {one.name: one.remedy for one in health.machine()}
    assert notes == {"cores": "in recipes: workers: 1", "memory": "in recipes: workers: 3"}


def test_a_file_system_without_locks(monkeypatch, tmp_path):
    def none(handle):
        raise OSError(37, "No locks available")

    monkeypatch.setattr(system, "try_lock", none)
    assert "mount it with locks" in bad(health.place(tmp_path))["locks"]
    monkeypatch.setattr(system, "try_lock", lambda handle: True)
    assert "mount it with locks" in bad(health.place(tmp_path))["locks"]


def test_a_model_that_is_not_the_one_of_its_card(monkeypatch, tmp_path):
    (tmp_path / "__init__.py").touch()
    good = b"a model"
    for name in ("good", "changed", "cardless"):
        (tmp_path / f"{name}.npz").write_bytes(good if name != "changed" else b"another")
    for name in ("good", "changed"):
        (tmp_path / f"{name}.md").write_text(f"| file | SHA-256 `{hashlib.sha256(good).hexdigest()}` |")
    monkeypatch.setattr(models, "__file__", str(tmp_path / "__init__.py"))
    assert set(bad(health.bundled())) == {"model changed", "model cardless"}


def test_a_cache_that_cannot_be_written(monkeypatch):
    monkeypatch.setattr(warm, "place", lambda: Path("/proc/none"))
    assert "NUMBA_CACHE_DIR" in bad(health.kernels())["kernels"]


def test_the_self_test_measures_and_tells_of_a_stage_that_fails(monkeypatch):
    monkeypatch.setattr(self_test, "EACH", 0.01)
    families = (("exact", "exact_dedup", {}), ("broken", "sample", {"share": 1.0}))
    monkeypatch.setattr(self_test, "FAMILIES", families)
    monkeypatch.setattr(warm, "is_compiled", lambda name, kind: True)
    monkeypatch.setattr(warm, "mark", lambda name, kind: None)

    def fail(self, batch):
        raise ValueError("no")

    monkeypatch.setattr(catalog.stage_class("sample"), "judge", fail)
    exact, broken = self_test.measure()
    assert exact.state == "good"
    assert exact.facts["megabytes_per_second"] > 0
    assert (broken.state, broken.text) == ("bad", "sample: ValueError: no")
    monkeypatch.setattr(warm, "is_compiled", lambda name, kind: False)
    assert {one.state for one in self_test.measure()} == {"note"}


def test_every_family_of_the_self_test_is_a_stage():
    for _, name, options in self_test.FAMILIES:
        assert catalog.stage_class(name)(**options)
