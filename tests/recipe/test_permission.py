"""A recipe alone runs no program that lies elsewhere, whatever way it names it."""

from __future__ import annotations

import os

import pytest

from curate import recipe as recipes
from curate.errors import RecipeError
from curate.recipe import permission

MARK = """from pathlib import Path

from curate import Filter

Path({mark!r}).touch()


class Own(Filter):
    \"\"\"Leaves a mark when it is loaded.\"\"\"

    def judge_one(self, text):
        return None
"""


@pytest.fixture(autouse=True)
def nothing_named(monkeypatch):
    """Permissions of one test are not those of the next."""
    monkeypatch.setattr(permission, "_named", set())
    monkeypatch.delenv(permission.VARIABLE, raising=False)


@pytest.fixture
def place(tmp_path):
    """Folders `home`, of the recipe, and `away`, each with a stage that leaves the file `mark` when it is run."""
    for folder in ("home", "away"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "own.py").write_text(MARK.format(mark=str(tmp_path / "mark")))
    return tmp_path


def load(place, stage):
    return recipes.loads(f"input: in\noutput: out\nstages: ['{stage}']", source=place / "home/r.yaml")


def test_a_stage_in_the_recipes_folder_runs(place):
    (place / "home/sub").mkdir()
    (place / "home/own.py").rename(place / "home/sub/own.py")
    for name in ("./sub/own.py", "./sub/../sub/own.py", f"{place}/home/sub/own.py"):
        load(place, name)
    assert (place / "mark").exists()


def test_a_stage_elsewhere_does_not(place):
    (place / "home/link.py").symlink_to(place / "away/own.py")
    (place / "home/folder").symlink_to(place / "away")
    (place / "home2").mkdir()
    (place / "home/own.py").rename(place / "home2/own.py")
    ways = ("../away/own.py", f"{place}/away/own.py", "./link.py", "./folder/own.py", "./folder/../home2/own.py")
    for name in (*ways, "../home2/own.py"):
        with pytest.raises(RecipeError, match=r"outside of the recipe's folder.*--allow-code /"):
            load(place, name)
    assert not (place / "mark").exists()


@pytest.mark.parametrize("named", ["away/own.py", "away", "away/../away/own.py"])
def test_a_person_may_name_it_or_its_folder(place, named):
    recipes.allow_code([place / named])
    load(place, "../away/own.py")
    assert (place / "mark").exists()


def test_naming_one_allows_no_other(place):
    (place / "away/other.py").write_text("raise SystemExit")
    recipes.allow_code([place / "away/other.py"])
    with pytest.raises(RecipeError, match="--allow-code"):
        load(place, "../away/own.py")


def test_it_may_be_named_in_the_environment(place, monkeypatch):
    monkeypatch.setenv(permission.VARIABLE, os.pathsep.join(["/nowhere", str(place / "away")]))
    load(place, "../away/own.py")


def test_a_recipe_that_came_in_a_run_folder_may_run_nothing(place):
    """The copy of a recipe names its stages by their full paths; a folder from somebody else may name any."""
    copy = recipes.dump(load(place, "./own.py"))
    (place / "mark").unlink()
    (place / "out").mkdir()
    (place / "out/recipe.yaml").write_text(copy)
    with pytest.raises(RecipeError, match="--allow-code"):
        recipes.load(place / "out/recipe.yaml")
    assert not (place / "mark").exists()
