"""Recipe → Plan, pure data: fuse per-batch steps into passes, cut at global stages, check columns before any work."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Literal

import pyarrow as pa

from curate.documents import DROPPED_BY, ID, ROW, TEXT
from curate.errors import CurateError, RecipeError
from curate.recipe import Recipe, Step, inline, size_text
from curate.stage import Annotate, Filter, Global, PerBatch, Stage

Verb = Literal["process", "observe", "apply"]

RESERVED = (ID, TEXT, DROPPED_BY, ROW)
"""Columns that no stage may write; nor those whose names begin with _."""
_WIDTH = 100  # characters of a line in `describe`


@dataclass(frozen=True)
class Action:
    """One verb of one step."""

    step: int
    """Index into `recipe.stages`, from 0."""
    verb: Verb


@dataclass(frozen=True)
class Pass:
    """What is done with each document in one reading of the shards."""

    number: int
    """From 1."""
    actions: tuple[Action, ...]
    reads: tuple[str, ...]
    """Columns needed of the input or of earlier passes: always `id`; `text` only if an action reads it."""
    adds: tuple[tuple[str, pa.DataType], ...]
    """Columns for the ledger of this pass, `dropped_by` apart."""
    edits_text: bool


@dataclass(frozen=True)
class Plan:
    """The passes of a recipe; the survivors are written after the last one."""

    passes: tuple[Pass, ...]
    input_schema: pa.Schema | None
    output_columns: tuple[str, ...]
    """Of the documents that are written; of the input's only id and text if its schema is not known."""


@dataclass(frozen=True)
class Estimate:
    """How much there is to do."""

    files: int
    bytes: int
    """On disk."""
    documents: int
    text_bytes: int
    """UTF-8."""
    exact: bool = True
    """False if documents and text were guessed from the first lines of files."""


def make(recipe: Recipe, schema: pa.Schema | None) -> Plan:
    """The plan of a recipe over input with this schema; None: not known. Raises RecipeError, all errors in one."""
    columns = _Columns(recipe, schema)
    for step in recipe.stages:
        columns.pass_through(step)
    if columns.problems:
        raise RecipeError("\n".join(columns.problems))
    passes = tuple(_pass(number, actions, recipe) for number, actions in enumerate(_cut(recipe), 1))
    return Plan(passes, schema, tuple(columns.output()))


def edits_text(stage: Stage) -> bool:
    """Whether a stage may change texts: what its `edits_text` says, else what its kind does."""
    return bool(getattr(stage, "edits_text", not isinstance(stage, Annotate | Filter | Global)))


def _cut(recipe: Recipe) -> list[list[Action]]:
    """The actions of each pass: a global stage ends one by `observe`, and opens the next by `apply`."""
    passes: list[list[Action]] = [[]]
    for index, step in enumerate(recipe.stages):
        match step.stage:
            case PerBatch():
                passes[-1].append(Action(index, "process"))
            case Global():
                passes[-1].append(Action(index, "observe"))
                passes.append([Action(index, "apply")])
            case _:
                raise RecipeError(
                    f"{_where(recipe, step)}: it is a {type(step.stage).__mro__[1].__name__}, no kind of stage"
                )
    return passes


def _pass(number: int, actions: list[Action], recipe: Recipe) -> Pass:
    adds: dict[str, pa.DataType] = {}
    reads: dict[str, None] = {}
    for action in actions:
        step = recipe.stages[action.step]
        reads |= dict.fromkeys(name for name in _needed(step.stage, action.verb) if name not in adds)
        if action.verb != "observe":
            adds |= step.written()
    order = [ID, *([TEXT] if TEXT in reads else []), *(name for name in reads if name not in (ID, TEXT))]
    edits = any(edits_text(recipe.stages[action.step].stage) for action in actions if action.verb != "observe")
    return Pass(number, tuple(actions), tuple(order), tuple(adds.items()), edits)


def _needed(stage: Stage, verb: Verb) -> tuple[str, ...]:
    """The columns that one action reads."""
    return stage.columns_applied() if verb == "apply" and isinstance(stage, Global) else stage.columns_read()


class _Columns:
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
        yield from self.written

    def pass_through(self, step: Step) -> None:
        """Check what a step reads and writes; then it is done."""
        for name in step.read():
            self._check_read(step, name)
        self._check_types(step)
        for name, kind in step.written().items():
            self._check_write(step, name)
            self.types[name] = kind
            self.written.setdefault(name, step)
        for path in step.stage.files():
            if not path.exists():
                self._problem(step, f" needs the file {path}, which does not exist")

    def _check_read(self, step: Step, name: str) -> None:
        text = self.recipe.input.text
        if name == text != TEXT and name not in self.written:
            self._problem(step, f" reads column '{name}', which is the text; stages call it '{TEXT}'")
        if name in self.types:
            return
        later = next((other for other in self.recipe.stages if name in other.written()), None)
        if later is not None and later.index > step.index:
            self._problem(step, f" reads column '{name}', which is written later, by {_name(later)}; move that one up")
        elif later is step:
            self._problem(step, f" reads column '{name}', which it writes itself; its input must have that column")
        elif self.schema is not None:
            known = [name for name in self.types if name != text]
            what = "which the input does not have and no earlier stage writes"
            self._problem(step, f" reads column '{name}', {what}{_near(name, known)}")

    def _check_types(self, step: Step) -> None:
        """Let the stage look at the types of the columns that it reads, as far as they are known."""
        try:
            step.stage.check_columns({name: self.types[name] for name in step.read() if name in self.types})
        except (ValueError, CurateError) as error:
            self._problem(step, f": {error}")

    def _check_write(self, step: Step, name: str) -> None:
        given = self.schema.names if self.schema is not None else []
        if name in RESERVED or name.startswith("_"):
            why = "begins with _, as curate's own do" if name.startswith("_") else "is curate's own"
            self._problem(step, f" writes column '{name}', but that name {why}; {_rename(step)}")
        elif name in self.written:
            self._problem(step, f" writes column '{name}', as {_name(self.written[name])} does; {_rename(step)}")
        elif name in (*given, self.recipe.input.id, self.recipe.input.text):
            self._problem(step, f" writes column '{name}', which the input has already; {_rename(step)}")

    def _problem(self, step: Step | None, what: str) -> None:
        where = _where(self.recipe, step) if step else f"{self.recipe.source or 'recipe'}: "
        self.problems.append(f"{where}{what}")


def _where(recipe: Recipe, step: Step) -> str:
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


def _rename(step: Step) -> str:
    """How to give the columns of a step other names."""
    name = f"{step.label.replace('-', '_')}_2"
    columns = list(step.stage.columns_written())
    becomes = f"then it is '{name}'" if len(columns) == 1 else f"then it is '{name}_{columns[0]}'"
    return f"name this step, as in as: {name}; {becomes}"


def describe(plan: Plan, recipe: Recipe, estimate: Estimate | None = None) -> str:
    """What `curate plan` prints: each pass, what it reads, and what each step does in it."""
    steps, passes = len(recipe.stages), len(plan.passes)
    lines = [
        f"{recipe.source or 'recipe'} -> {recipe.output.path}: {steps} {'stage' if steps == 1 else 'stages'} in"
        f" {passes} {'pass' if passes == 1 else 'passes'}",
        "",
        *_wrapped("input", _input(recipe, estimate)),
    ]
    width = max(len(_title(step)) for step in recipe.stages)
    for this_pass in plan.passes:
        reads = ", ".join(this_pass.reads) + ("" if TEXT in this_pass.reads else "; no text")
        lines += _wrapped(f"pass {this_pass.number}", f"reads {reads}")
        for action in this_pass.actions:
            lines += _action(action, recipe, width)
        deciding = [recipe.stages[action.step].label for action in this_pass.actions if action.verb == "observe"]
        lines += [f"         then {label} decides, for the whole corpus" for label in deciding]
    size, compression = size_text(recipe.output.shard_size), recipe.output.compression
    level = f" {recipe.output.compression_level}" if recipe.output.compression_level is not None else ""
    lines += _wrapped("write", f"Parquet ({compression}{level}), a new file after {size} of text")
    rest = "" if plan.input_schema is not None else ", and what else the input has"
    lines += _wrapped("columns", ", ".join(plan.output_columns) + rest)
    return "\n".join(lines)


def _input(recipe: Recipe, estimate: Estimate | None) -> str:
    if estimate is None:
        return ", ".join(recipe.input.paths)
    files = f"{estimate.files:,} {'file' if estimate.files == 1 else 'files'}, {_amount(estimate.bytes)}"
    about = "" if estimate.exact else "about "
    return f"{files}: {about}{estimate.documents:,} documents, {about}{_amount(estimate.text_bytes)} of text"


def _title(step: Step) -> str:
    """The label, and the stage behind it where these differ."""
    stage = step.name.rsplit("/", 1)[-1]
    return step.label if step.label == stage.removesuffix(".py") else f"{step.label} ({stage})"


def _action(action: Action, recipe: Recipe, width: int) -> list[str]:
    """What is done, and with which options; then what comes of it."""
    step = recipe.stages[action.step]
    head = f"{step.index:>5}  {_title(step):<{width}}  {action.verb:<7}  "
    options, results = "", []
    if action.verb != "apply":
        given = step.stage.model_dump(mode="json", by_alias=True, exclude_defaults=True)
        options = inline(given).removeprefix("{").removesuffix("}")
    if action.verb != "observe":
        results += ["edits the text"] if edits_text(step.stage) else []
        results += [f"adds {_few(list(step.written()))}"] if step.written() else []
        results += [f"expects to drop {step.expect}"] if step.expect else []
    room = max(_WIDTH - len(head), 40)
    notes = [note for text in (options, "; ".join(results)) for note in textwrap.wrap(text, room)]
    return [f"{' ' * len(head) if place else head}{note}".rstrip() for place, note in enumerate(notes or [""])]


def _few(names: list[str]) -> str:
    return ", ".join(names) if len(names) < 5 else f"{names[0]}, … {names[-1]} ({len(names)} columns)"


def _wrapped(name: str, text: str) -> list[str]:
    return textwrap.wrap(text, _WIDTH, initial_indent=f"{name:<7}  ", subsequent_indent=" " * 9)


def _amount(count: float) -> str:
    """9,731,072 → "9.7 MB"."""
    for unit in ("B", "kB", "MB", "GB"):
        if count < 1000:
            return f"{count:.0f} {unit}" if unit == "B" else f"{count:.1f} {unit}"
        count /= 1000
    return f"{count:.1f} TB"
