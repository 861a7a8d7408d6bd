"""Files that options name in a store, and recipes that lie in one."""

from __future__ import annotations

from pathlib import Path

import fsspec
import pytest

from curate import recipe as recipes
from curate.cli.places import brought_recipe
from curate.errors import RecipeError
from curate.store import objects
from curate.store.fetched import fetched

TEXT = "input: in\noutput: out\nstages:\n  - badwords: {lists: 'memory://lists/%s'}\n"


@pytest.fixture
def bucket(monkeypatch, tmp_path):
    """A store in memory with lists of words."""
    monkeypatch.setenv("CURATE_WORK", str(tmp_path / "cache"))
    system = fsspec.filesystem("memory")
    system.store.clear()
    system.pipe("/lists/words/en", b"one\n")
    system.pipe("/lists/words/de", b"zwei\n")
    yield system
    system.store.clear()


def test_a_file_and_a_folder_come_once_for_each_content(bucket, monkeypatch, tmp_path):
    file = Path(fetched("memory://lists/words/en"))
    assert (file.name, file.read_bytes()) == ("en", b"one\n")
    folder = Path(fetched("memory://lists/words"))
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == {"en": b"one\n", "de": b"zwei\n"}
    with monkeypatch.context() as patch:
        patch.setattr(objects, "fetch", lambda url, path: pytest.fail("it is here already"))
        assert fetched("memory://lists/words/") == str(folder)
    bucket.pipe("/lists/words/en", b"two\n")
    again = Path(fetched("memory://lists/words/en"))
    assert again.read_bytes() == b"two\n"
    assert file.read_bytes() == b"one\n", "what a run may be reading stays"


def test_an_option_names_a_file_in_a_store(bucket):
    [step] = recipes.loads(TEXT % "words", fetch=fetched).stages
    assert (step.stage.lists / "en").read_text() == "one\n"
    copy = recipes.dump(recipes.loads(TEXT % "words", fetch=fetched))
    assert recipes.loads(copy).stages[0].stage == step.stage, "workers fetch nothing"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (
            TEXT % "none",
            r"recipe:4: stage 1 'badwords': lists = memory://lists/none; there is no 'memory://lists/none'",
        ),
        (
            TEXT.replace("memory://", "s3://k:hunter2@") % "x",
            r"lists = s3://\*\*\*@lists/x; 's3://\*\*\*@lists/x' has a",
        ),
        (TEXT.replace("badwords: {lists:", "exact_dedup: {index:") % "x", "an index is a folder on this machine"),
    ],
)
def test_what_cannot_be_fetched(bucket, text, says):
    with pytest.raises(RecipeError, match=says) as caught:
        recipes.loads(text, fetch=fetched)
    assert "hunter2" not in str(caught.value)


def test_without_a_way_to_fetch_it_is_refused(bucket):
    with pytest.raises(RecipeError, match="it must be on this machine: bring it here first"):
        recipes.loads(TEXT % "words")


def test_a_recipe_in_a_store(bucket):
    bucket.pipe("/recipes/r.yaml", b"input: in\noutput: out\nstages: [normalize]\n")
    path = brought_recipe("memory://recipes/r.yaml")
    assert path.name == "r.yaml"
    assert recipes.load(path).output.path == "out"
    assert brought_recipe("hier/r.yaml") == Path("hier/r.yaml")
