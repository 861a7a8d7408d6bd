"""Checks the columns that steps read and write, before any work is done."""

from __future__ import annotations

import re
from collections.abc import Iterator
from difflib import get_close_matches

import pyarrow as pa

from curate.documents import CHARS, DROPPED_BY, ID, IS_DROPPED, PLACE, ROW, SIZE, TEXT
from curate.errors import CurateError
from curate.recipe import Recipe, Step
from curate.stage import Global

RESERVED = (ID, TEXT, DROPPED_BY, ROW)
"""Columns that no stage may write; nor those whose names begin with _."""


WORKING = (CHARS, SIZE, PLACE, IS_DROPPED)
"""Columns that batches have beside the user's: one of the input by such a name goes through, but no stage sees it."""


class Columns:
    """The columns that there are between steps, and what is wrong with what steps do to them."""

    def __init__(self, recipe: Recipe, schema: pa.Schema | None) -> None:
        """Before the first step."""
        self.recipe, self.schema = recipe, schema
        self.problems: list[str] = []
        self.written: dict[str, Step] = {}
        given = {field.name: field.type for field in schema} if schema is not None else {}
        self.types: dict[str, pa.DataType] = {**given, ID: pa.large_string(), TEXT: pa.large_string()}
        text = recipe.input.text
        if schema is not None and text not in given:
            self._problem(None, f"input.text = {text}; the input has no such column{_near(text, list(given))}")

    def output(self) -> Iterator[str]:
        """Columns of the documents that are written: the input's, then what was added."""
        id, text = self.recipe.input.id, self.recipe.input.text
        given = self.schema.names if self.schema is not None else [id, text]
        yield from given if id in given else [id, *given]
        yield from (name for name, step in self.written.items() if name not in step.kept_back())

    def pass_through(self, step: Step) -> None:
        """Check what a step reads and writes; then it is done."""
        for name in step.read():
            self._check_read(step, name)
        if self._has_files(step):
            self._check_types(step)
        self._check_written(step)
        self._check_parts(step)
        for name, kind in step.written().items():
            self.types[name] = kind
            self.written.setdefault(name, step)

    def _has_files(self, step: Step) -> bool:
        """Whether the files are there that the stage needs; without them it is not asked what it thinks of columns."""
        try:
            missing = [path for path in step.stage.files() if not path.exists()]
        except (ValueError, CurateError) as error:
            self._problem(step, f": {error}")
            return False
        for path in missing:
            self._problem(step, f" needs the file {path}, which does not exist")
        return not missing

    def _check_read(self, step: Step, name: str) -> None:
        text = self.recipe.input.text
        if name == text != TEXT and name not in self.written:
            self._problem(step, f" reads column '{name}', which is the text; stages call it '{TEXT}'")
        if name == TEXT and isinstance(step.stage, Global) and step.stage.sees_dropped:
            self._problem(step, " sees dropped documents, and of these there is no text; it cannot read it")
        if name in WORKING:
            self._problem(step, f" reads column '{name}', but that name is curate's own; give the column another one")
        if name in self.types:
            return
        later = next((other for other in self.recipe.stages if name in other.written()), None)
        if later is not None and later.index > step.index:
            self._problem(step, f" reads column '{name}', which is written later, by {_name(later)}; move that one up")
        elif later is step:
            self._problem(step, f" reads column '{name}', which it writes itself; its input must have that column")
        elif self.schema is not None:
            known = [known for known in self.types if known != text or text == TEXT]
            what = "which the input does not have and no earlier stage writes"
            self._problem(step, f" reads column '{name}', {what}{_near(name, known)}")

    def _check_types(self, step: Step) -> None:
        """Let the stage look at the types of the columns that it reads, as far as they are known."""
        try:
            step.stage.check_columns({name: self.types[name] for name in step.read() if name in self.types})
        except (ValueError, CurateError) as error:
            self._problem(step, f": {error}")

    def _check_written(self, step: Step) -> None:
        """Complain of names that are taken: those that are so for one reason, together."""
        taken: dict[str, list[str]] = {}
        for name in step.written():
            taken.setdefault(self._taken(name), []).append(name)
        for why, names in taken.items():
            if why:
                columns = f"column{'s' if len(names) > 1 else ''} {_some(names)}"
                self._problem(step, f" writes {columns}, {why}; {_rename(step)}")

    def _check_parts(self, step: Step) -> None:
        """How the output is cut into parts, and what is repeated in it, can be said by one step only."""
        other = next((other for other in self.recipe.stages[: step.index - 1] if other.parts()), None)
        if step.parts() and other is not None:
            self._problem(step, f" says which documents are written how often, as {_name(other)} does; keep one")

    def _taken(self, name: str) -> str:
        """Why a name cannot be given to a new column; "" if it can."""
        if name in RESERVED or name in WORKING:
            return "but that name is curate's own"
        if name.startswith("_"):
            return "but names with _ before them are curate's own"
        if name in self.written:
            return f"as {_name(self.written[name])} does"
        given = self.schema.names if self.schema is not None else []
        return "which the input has already" if name in (*given, self.recipe.input.id, self.recipe.input.text) else ""

    def _problem(self, step: Step | None, what: str) -> None:
        place = where(self.recipe, step) if step else f"{self.recipe.source or 'recipe'}: "
        self.problems.append(f"{place}{what}")


def where(recipe: Recipe, step: Step) -> str:
    """How a message about a step begins."""
    line = f":{step.line}" if step.line is not None else ""
    return f"{recipe.source or 'recipe'}{line}: {_name(step)}"


def _name(step: Step) -> str:
    return f"stage {step.index} '{step.label}'"


def _near(name: str, known: list[str]) -> str:
    """A suggestion, else the columns that there are."""
    close = get_close_matches(name, known, 1)
    if close:
        return f"; did you mean '{close[0]}'?"
    return f"; there are {', '.join(known[:12])}{', …' if len(known) > 12 else ''}"


def _some(names: list[str]) -> str:
    """'a' · 'a' and 'b' · 'a', 'b' and 6 others"""
    shown = [f"'{name}'" for name in names]
    if len(shown) > 3:
        shown = [*shown[:2], f"{len(shown) - 2} others"]
    return f"{', '.join(shown[:-1])} and {shown[-1]}" if len(shown) > 1 else shown[0]


def _rename(step: Step) -> str:
    """How to give the columns of a step other names."""
    base = step.label.strip("_")
    name = f"{base}_2" if step.named or not re.search("-[0-9]+$", base) else base.replace("-", "_")
    columns = list(step.stage.columns_written())
    becomes = name if len(columns) == 1 else f"{name}_{columns[0]}"
    return f"name this step, as in as: {name}, and it writes '{becomes}'{' and so on' if len(columns) > 1 else ''}"
