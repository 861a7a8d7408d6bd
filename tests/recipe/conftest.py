from pathlib import Path

import pytest

from curate.errors import RecipeError
from curate.recipe import loads
from tests.own_stages import write_stages


@pytest.fixture(scope="session")
def folder(tmp_path_factory):
    """A folder with stages of a user's own."""
    return write_stages(tmp_path_factory.mktemp("recipes"))


@pytest.fixture
def complaints(folder):
    """All that is wrong with a recipe, as it is printed, with the folder left out."""

    def of(text, *overrides, env=None):
        with pytest.raises(RecipeError) as error:
            loads(text, source=folder / "web.yaml", overrides=overrides, env=env or {})
        return str(error.value).replace(f"{folder}{Path('/')}", "").split("\n")

    return of


@pytest.fixture
def load_text(folder):
    """A recipe given as text, that lies in the folder."""

    def of(text, *overrides, env=None):
        return loads(text, source=folder / "web.yaml", overrides=overrides, env=env or {})

    return of
