import inspect

import pytest
from pydantic import BaseModel, Field

from curate import catalog
from curate.cli import screen
from curate.cli.stage_pages import kind
from curate.errors import RecipeError

OWN = '''
"""Drop what shouts."""
from typing import Literal

from pydantic import Field

from curate import Filter


class Loud(Filter):
    """Drop what shouts.

    As in:

        - loud: {mode: [a, b]}

    It takes two lines
    to say this.
    """

    limit: float = Field(0.5, gt=0, le=1)
    """Largest share of capitals, 0 to 1."""
    mode: list[Literal["a", "b"]]
    """What is [bold]counted[/bold]."""

    examples = {"AAA": "loud", "aaa": None}

    def judge_one(self, text):
        return None
'''


@pytest.mark.parametrize("name", catalog.names())
def test_a_page_names_every_option(name, capsys):
    screen.print_stage(name)
    out = capsys.readouterr().out
    stage = catalog.stage_class(name)
    assert out.startswith(f"{name}  {catalog.kind_of(stage)}")
    for option, field in stage.model_fields.items():
        line = next(line for line in out.splitlines() if line.startswith(f"  {field.alias or option}  "))
        assert "anything" not in line


def test_the_list_has_every_stage_with_its_summary(capsys):
    screen.print_stages()
    out = " ".join(capsys.readouterr().out.split())
    for name in catalog.names():
        assert f"{name} {catalog.kind_of(catalog.stage_class(name))} " in out


def test_a_stage_that_cannot_be_loaded_says_why(capsys, monkeypatch):
    def refuse(name):
        raise RecipeError("it needs the package 'nothing'")

    monkeypatch.setattr(catalog, "stage_class", refuse)
    screen.print_stages()
    assert "it needs the package 'nothing'" in capsys.readouterr().out


def test_the_page_of_a_stage_of_ones_own(tmp_path, capsys):
    path = tmp_path / "loud.py"
    path.write_text(OWN)
    screen.print_stage(str(path))
    assert [line.rstrip() for line in capsys.readouterr().out.splitlines()] == inspect.cleandoc(
        """
        loud  filter

        Drop what shouts.

        As in:

            - loud: {mode: [a, b]}

        It takes two lines to say this.

        options
          limit  number above 0 and at most 1; default 0.5
              Largest share of capitals, 0 to 1.
          mode  list of a | b; required
              What is [bold]counted[/bold].

        columns
          reads  text

        examples
          "AAA" → "loud"
          "aaa" → null
        """
    ).splitlines()


class Inner(BaseModel):
    depth: int = 0


class Options(BaseModel):
    share: float = Field(0.5, ge=0, le=1)
    count: int | None = Field(None, ge=1)
    either: int | float | str = 1
    inner: Inner = Inner()
    switch: bool = True


@pytest.mark.parametrize(
    ("option", "words"),
    [
        ("share", "number 0 to 1"),
        ("count", "integer at least 1 or null"),
        ("either", "number or string"),
        ("inner", "object"),
        ("switch", "boolean"),
    ],
)
def test_what_an_option_takes_in_words(option, words):
    schema = Options.model_json_schema()
    assert kind(schema["properties"][option], schema.get("$defs", {})) == words
