"""`curate recipes`: what comes with the program can be seen, taken, and run where there is no checkout."""

from __future__ import annotations

import pytest

from curate.cli import examples
from curate.recipe import load
from tests.cli.test_commands import ROOT, curate

NAMES = {path.stem for path in (ROOT / "configs").glob("*.yaml")} - {"smoke"}


def test_each_is_listed_with_what_it_is():
    done = curate("recipes")
    assert done.returncode == 0, done.stderr
    listed = dict(line.split(None, 1) for line in done.stdout.split("\n\n")[0].splitlines())
    assert set(listed) == NAMES
    assert all(len(words) > 10 for words in listed.values())
    assert listed["preselect"].startswith("PreSelect (Shum et al. 2025")
    assert listed["quickstart"].startswith("The quickstart: real documents")


def test_one_is_printed_as_it_is():
    text = (ROOT / "configs/quickstart.yaml").read_text(encoding="utf-8")
    assert curate("recipes", "quickstart").stdout == curate("recipes", "quickstart.yaml").stdout == text


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["quikstart"], "curate recipes: there is no recipe 'quikstart'; did you mean quickstart?"),
        (["smoke"], "curate recipes: there is no recipe 'smoke'; there are: "),
        (["quickstart", "--to", "."], "--to copies all; leave out quickstart"),
    ],
)
def test_what_is_wrong_is_said(words, said):
    done = curate("recipes", *words)
    assert done.returncode == 2
    assert said in done.stderr


def test_the_copies_run_elsewhere_and_nothing_is_overwritten(tmp_path, monkeypatch):
    done = curate("recipes", "--to", tmp_path)
    assert done.stdout == f"wrote {tmp_path}/configs; now: cd {tmp_path} && curate run configs/quickstart.yaml\n"
    assert {path.stem for path in (tmp_path / "configs").glob("*.yaml")} == NAMES
    monkeypatch.chdir(tmp_path)
    assert load("configs/preselect.yaml").stages  # the model that it names is there
    ran = curate("run", "configs/own_stage.yaml", "--workers", 0, "--no-report", "--limit", 20, cwd=tmp_path)
    assert ran.returncode == 0, ran.stderr
    again = curate("recipes", "--to", ".", cwd=tmp_path)
    assert (again.returncode, again.stdout) == (2, "")
    assert again.stderr == "configs: it is already there; name another folder: --to FOLDER, or remove it first\n"


def test_a_package_without_them_says_so(monkeypatch, tmp_path):
    monkeypatch.setattr(examples, "__file__", str(tmp_path / "curate/cli/examples.py"))
    with pytest.raises(Exception, match="install curate again from its wheel"):
        examples._folder()
