import inspect

import pytest

from curate import catalog
from curate.cli import screen
from curate.errors import RecipeError

OWN = '''
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

    limit: float = Field(0.5, ge=0, le=1)
    """Largest share of capitals, 0 to 1."""
    mode: list[int]
    """What is [bold]counted[/bold]."""

    examples = {"AAA": "loud", "aaa": None}

    def judge_one(self, text):
        return None
'''


@pytest.mark.parametrize("name", catalog.names())
def test_a_page_names_every_option_and_column(name, capsys):
    screen.print_stage(name)
    out = capsys.readouterr().out
    facts = catalog.describe(name)
    assert out.splitlines()[0].rstrip() == f"{name}  {facts.kind.lower()}"
    for option in facts.options:
        assert any(line.startswith(f"  {option.name}  ") for line in out.splitlines()), option.name
    for column in (*facts.reads, *facts.writes):
        assert column in out


def test_the_list_has_every_stage_with_its_summary(capsys):
    screen.print_stages()
    out = " ".join(capsys.readouterr().out.split())
    for name in catalog.names():
        assert f"{name} {' '.join(catalog.summary(name).split()[:3])}" in out


def test_a_stage_that_is_not_there_is_refused():
    with pytest.raises(RecipeError, match="no stage is named 'nope'"):
        screen.print_stage("nope")


def test_the_page_of_a_stage_of_ones_own(tmp_path, capsys):
    path = tmp_path / "loud.py"
    path.write_text(OWN)
    screen.print_stage(str(path))
    expected = inspect.cleandoc(
        """
        loud  filter

        Drop what shouts.

        As in:

            - loud: {mode: [a, b]}

        It takes two lines to say this.

        options
          limit  a number, 0 to 1; default: 0.5
              Largest share of capitals, 0 to 1.
          mode  a list of whole numbers; required
              What is [bold]counted[/bold].

        columns
          reads  text

        examples
          "AAA" → "loud"
          "aaa" → null
        """
    )
    assert [line.rstrip() for line in capsys.readouterr().out.splitlines()] == expected.splitlines()
