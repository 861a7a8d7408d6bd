"""`curate report`, and the page that every run writes at its end."""

from __future__ import annotations

import json

import pytest

from curate.cli import reporting
from curate.engine.events import RunDone, Warned
from tests.cli.test_commands import curate
from tests.engine.corpus import documents, recipe_text, write_shards


@pytest.fixture
def recipe(tmp_path):
    """A recipe over sixty documents."""
    data = write_shards(tmp_path / "in", documents(60), 2)
    path = tmp_path / "r.yaml"
    path.write_text(recipe_text(data, tmp_path / "out", "  - normalize\n  - exact_dedup\n"))
    return path


def test_a_run_leaves_a_page_and_says_where(recipe):
    done = curate("run", recipe, "--workers", 0)
    assert done.returncode == 0, done.stderr
    page = recipe.parent / "out/report.html"
    assert f"report: {page}" in done.stderr
    assert (recipe.parent / "out/README.md").read_text().startswith('---\npretty_name: "out"\n')
    first = page.stat().st_mtime_ns
    again = curate("run", recipe, "--workers", 0)
    assert again.returncode == 0
    assert page.stat().st_mtime_ns == first, "a page that tells of the same is left alone"
    changed = curate("run", recipe, "--workers", 0, "--set", "stages.exact_dedup.level=raw", "--log-format", "json")
    assert page.stat().st_mtime_ns != first
    assert json.loads(changed.stderr.splitlines()[-1])["report"] == str(page)


def test_a_run_without_a_page(recipe):
    done = curate("run", recipe, "--workers", 0, "--no-report", "--log-format", "json")
    assert json.loads(done.stderr.splitlines()[-1])["report"] is None
    assert not (recipe.parent / "out/report.html").exists()
    done = curate("report", recipe.parent / "out", "--by", "n", "-o", recipe.parent / "there/page.html")
    assert done.stdout == f"wrote {recipe.parent / 'there/page.html'}\nwrote {recipe.parent / 'out/README.md'}\n"
    assert "<h3>n<small>  the 15 most frequent of 60</small></h3>" in (recipe.parent / "there/page.html").read_text()


def test_fresh_removes_the_page_first(recipe):
    curate("run", recipe, "--workers", 0)
    done = curate("run", recipe, "--workers", 0, "--fresh", "--no-report")
    assert done.returncode == 0, done.stderr
    assert not (recipe.parent / "out/report.html").exists()
    assert not (recipe.parent / "out/README.md").exists()


def test_a_page_that_cannot_be_written_fails_no_run(tmp_path):
    said: list[object] = []
    done = RunDone((), 1.0, str(tmp_path / "no run"), 0)
    assert reporting.after(done, said.append) == done
    assert len(said) == 1
    assert isinstance(said[0], Warned)
    assert "the report was not written" in said[0].text
    assert "curate report" in said[0].text


def test_a_folder_without_a_run_is_said_to_be_none(tmp_path):
    done = curate("report", tmp_path)
    assert done.returncode == 1
    assert "this is not the output folder of a run" in done.stderr
