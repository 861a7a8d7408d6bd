"""A recipe: YAML in, a validated model out. Every error has file, line, option, what was expected, and a suggestion."""

from __future__ import annotations

import difflib
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import pyarrow as pa
import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from curate import catalog
from curate.errors import RecipeError
from curate.quantities import Expect, Limit, Size
from curate.recipe_yaml import Tree, override, parse
from curate.stage import Stage

STEP_KEYS = ("as", "expect")


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)


class Input(_Section):
    """What to read."""

    paths: tuple[str, ...] = Field(min_length=1)
    """Folders (with all below them), globs, or files: .parquet, .jsonl, .jsonl.gz, .jsonl.zst. Relative to the current folder."""
    format: Literal["auto", "parquet", "jsonl"] = "auto"
    """`auto`: by the ending of the file's name."""
    id: str = "id"
    """Column with the documents' ids. Where there is none, an id is made of the file's name and the row."""
    text: str = "text"
    """Column with the texts."""


class Output(_Section):
    """Where the survivors go, and all that the run remembers."""

    path: str
    """Folder of the run; it should hold nothing else."""
    shard_size: Size = 256_000_000
    """Bytes of text in an output shard, before compression: 256MB, 1GiB."""
    compression: Literal["zstd", "snappy", "gzip", "lz4", "none"] = "zstd"
    """Of the output shards."""
    compression_level: int | None = Field(None, ge=1, le=22)
    """1 to 22 for zstd, 1 to 9 for gzip; null: the library's default."""


class OnBadInput(_Section):
    """How much of the input may be unreadable before the run stops."""

    max_documents: Limit = 0.001
    """A share (0.1%, or 0 to 1) or, from 2 on or as a whole number, a count. What is within it is kept in quarantine."""
    max_shards: int = Field(0, ge=0)
    """Files that cannot be read, or not to their end."""

    def documents(self, total: int) -> float:
        """The largest number of unreadable documents of `total` that is allowed."""
        return self.max_documents if isinstance(self.max_documents, int) else self.max_documents * total


@dataclass(frozen=True)
class Step:
    """A stage in its place in a recipe."""

    index: int
    """From 1."""
    name: str
    """Of the stage, or the path of a user's own."""
    label: str
    """Its name in this recipe: in `dropped_by`, in file names, in messages."""
    stage: Stage
    renames: dict[str, str]
    """Column that the stage writes → its name in this recipe."""
    expect: Expect | None = None
    line: int | None = None

    def written(self) -> dict[str, pa.DataType]:
        """The columns that this step adds."""
        return {self.renames.get(name, name): kind for name, kind in self.stage.columns_written().items()}

    def read(self) -> tuple[str, ...]:
        """The columns that this step reads."""
        return self.stage.columns_read()

    def without_expectation(self) -> Step:
        """The step, whatever it drops."""
        return replace(self, expect=None)


class Recipe(_Section):
    """What is asked for."""

    model_config = ConfigDict(arbitrary_types_allowed=True)

    source: Path | None = None
    input: Input
    output: Output
    workers: int | Literal["auto"] = "auto"
    on_bad_input: OnBadInput = OnBadInput()
    stages: tuple[Step, ...]


def load(path: str | Path, overrides: Sequence[str] = (), env: Mapping[str, str] = os.environ) -> Recipe:
    """Read a recipe file. Raises RecipeError with everything that is wrong with it, a line each."""
    path = Path(path)
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        near = difflib.get_close_matches(path.name, [p.name for p in path.parent.glob("*.y*ml")], 1)
        guess = f"; did you mean {path.with_name(near[0])}?" if near else "; a starter recipe: curate init"
        raise RecipeError(f"{path}: there is no such file{guess}") from None
    except (OSError, UnicodeDecodeError) as error:
        raise RecipeError(f"{path}: cannot read it: {error}") from None
    return loads(text, path, overrides, env)


def loads(
    text: str,
    source: str | Path | None = None,
    overrides: Sequence[str] = (),
    env: Mapping[str, str] = os.environ,
) -> Recipe:
    """Read a recipe from a string; `source` names it in messages, and paths of a user's own stages are relative to it."""
    where = Path(source) if source is not None else None
    tree = parse(text, str(where or "recipe"), env)
    override(tree, overrides)
    return _Builder(tree, where).build()


class _Builder:
    """Turns a tree into a recipe, and gathers all that is wrong on the way."""

    def __init__(self, tree: Tree, source: Path | None) -> None:
        self.tree, self.source = tree, source
        self.name = str(source or "recipe")
        self.errors: list[tuple[int, str]] = []

    def error(self, path: tuple[str | int, ...], message: str) -> None:
        line = self.tree.line(path)
        self.errors.append((line or 0, f"{self.name}:{line}: {message}" if line else f"{self.name}: {message}"))

    def build(self) -> Recipe:
        value = self.tree.value
        if not isinstance(value, dict):
            raise RecipeError(f"{self.name}: a recipe has the keys input, output and stages; a starter: curate init")
        keys = ("input", "output", "workers", "on_bad_input", "stages")
        for key in value:
            if key not in keys:
                self.error((key,), f"a recipe has no '{key}'; {_meant(key, keys)}")
        parts: dict[str, Any] = {"source": self.source}
        parts["input"] = self._section("input", Input, _as_mapping(value.get("input"), "paths"))
        parts["output"] = self._section("output", Output, _as_mapping(value.get("output"), "path"))
        parts["on_bad_input"] = self._section("on_bad_input", OnBadInput, value.get("on_bad_input", {}))
        parts["workers"] = self._workers(value.get("workers", "auto"))
        parts["stages"] = self._steps(value.get("stages"))
        if self.errors:
            raise RecipeError("\n".join(message for _, message in sorted(self.errors)))
        return Recipe.model_construct(**parts)

    def _section(self, name: str, model: type[_Section], given: Any) -> Any:
        if given is None:
            self.error((), f"it has no '{name}'; for example, {name}: {'data/' if name == 'input' else 'out/'}")
            return None
        if not isinstance(given, dict):
            self.error((name,), f"{name} = {given!r}; expected a mapping with: {', '.join(model.model_fields)}")
            return None
        try:
            return model.model_validate(given)
        except ValidationError as errors:
            self._explain((name,), name, model, given, errors)
        return None

    def _workers(self, given: Any) -> Any:
        if given == "auto" or (isinstance(given, int) and not isinstance(given, bool) and given >= 0):
            return given
        self.error(("workers",), f"workers = {given!r}; expected auto, or the number of processes (0: none but the driver's)")
        return None

    def _steps(self, given: Any) -> tuple[Step, ...]:
        if given is None or given == []:
            self.error(("stages",) if given is not None else (), "it has no 'stages'; see: curate stages")
            return ()
        if not isinstance(given, list):
            self.error(("stages",), "stages: expected a list, an item per stage: - normalize")
            return ()
        steps: list[Step] = []
        for number, item in enumerate(given, 1):
            step = self._step(number, item, [step.label for step in steps])
            if step is not None:
                steps.append(step)
        return tuple(steps)

    def _step(self, number: int, item: Any, labels: list[str]) -> Step | None:
        path: tuple[str | int, ...] = ("stages", number - 1)
        if isinstance(item, dict) and len(item) == 1:
            (name, options), path = next(iter(item.items())), (*path, next(iter(item)))
        else:
            name, options = item, None
        if not isinstance(name, str):
            self.error(path, f"stage {number}: expected a stage's name, or its name and options: - drop: {{column: n, below: 5}}")
            return None
        if options is not None and not isinstance(options, dict):
            self.error(path, f"stage {number} '{name}': options = {options!r}; expected a mapping: {{option: value}}")
            return None
        try:
            kind = self._class(name)
        except RecipeError as error:
            self.error(path, f"stage {number}: {error}")
            return None
        own = {key: value for key, value in (options or {}).items() if key not in STEP_KEYS}
        title = f"stage {number} '{name}'"
        label = self._label(path, title, name, options or {}, labels)
        expect = self._expect(path, title, (options or {}).get("expect"))
        try:
            stage = kind.model_validate(own)
        except ValidationError as errors:
            self._explain(path, title, kind, own, errors)
            return None
        given = (options or {}).get("as")
        return Step(number, name, label, stage, _renames(stage, given), expect, self.tree.line(path))

    def _class(self, name: str) -> type[Stage]:
        if not name.endswith(".py"):
            return catalog.stage_class(name)
        return catalog.stage_at((self.source.parent if self.source else Path()) / name)

    def _label(self, path: tuple[str | int, ...], title: str, name: str, options: dict[str, Any], labels: list[str]) -> str:
        given = options.get("as")
        stem = Path(name).stem if name.endswith(".py") else name
        if given is None:
            count = sum(label == stem or label.startswith(f"{stem}-") for label in labels)
            return f"{stem}-{count + 1}" if count else stem
        if not isinstance(given, str) or not given.replace("_", "").replace("-", "").isalnum():
            self.error((*path, "as"), f"{title}: as = {given!r}; expected a name of letters, digits, - and _")
            return stem
        if given in labels:
            self.error((*path, "as"), f"{title}: as = {given!r}, but an earlier stage has that name; choose another")
        return given

    def _expect(self, path: tuple[str | int, ...], title: str, given: Any) -> Expect | None:
        if given is None:
            return None
        try:
            return Expect.parse(given)
        except ValueError as error:
            self.error((*path, "expect"), f"{title}: expect = {given!r}; {error}")
            return None

    def _explain(
        self,
        path: tuple[str | int, ...],
        title: str,
        model: type[BaseModel],
        given: dict[str, Any],
        errors: ValidationError,
    ) -> None:
        """Pydantic's errors, in words, each at its line."""
        options = [info.alias or name for name, info in model.model_fields.items()]
        seen: set[tuple[Any, ...]] = set()
        for problem in errors.errors():
            where = problem["loc"]
            option = ".".join(str(part) for part in where[:1])
            if (option, problem["type"] if problem["type"] == "missing" else "") in seen:
                continue  # of a union, each member has its own complaint; the first will do
            seen.add((option, problem["type"] if problem["type"] == "missing" else ""))
            place = (*path, *where[:1])
            if problem["type"] == "extra_forbidden":
                self.error(place, f"{title}: it has no option '{option}'; {_meant(option, [*options, *_step_keys(title)])}")
            elif problem["type"] == "missing":
                self.error(path, f"{title}: it needs the option '{option}': {_help(model, option)}")
            else:
                self.error(place, f"{title}: {_wrong(option, given, problem)}")


def _wrong(option: str, given: dict[str, Any], problem: Any) -> str:
    message = str(problem["msg"]).removeprefix("Value error, ").removeprefix("Assertion failed, ")
    message = message.replace("Input should be", "it should be").replace("Input should", "it should")
    if not option:
        return message
    value = given.get(option, problem.get("input"))
    limit = problem.get("ctx", {}).get("le")
    hint = ""
    if limit == 1 and isinstance(value, int | float) and 1 < value <= 100:
        hint = f"; it is a share, 0 to 1; did you mean {value / 100:g}?"
    elif problem["type"] == "literal_error" and isinstance(value, str):
        close = difflib.get_close_matches(value, str(problem["ctx"]["expected"]).replace("'", "").replace(" or ", ", ").split(", "), 1)
        hint = f"; did you mean '{close[0]}'?" if close else ""
    return f"{option} = {value!r}; {message}{hint}"


def _meant(key: str, known: Sequence[str]) -> str:
    close = difflib.get_close_matches(str(key), known, 1)
    return f"did you mean '{close[0]}'?" if close else f"it has: {', '.join(known)}"


def _step_keys(title: str) -> tuple[str, ...]:
    return STEP_KEYS if title.startswith("stage ") else ()


def _help(model: type[BaseModel], option: str) -> str:
    for name, info in model.model_fields.items():
        if option in (name, info.alias):
            return (info.description or "").split("\n")[0]
    return ""


def _as_mapping(given: Any, key: str) -> Any:
    """`input: data/` and `input: [a, b]` are short for `input: {paths: …}`."""
    if isinstance(given, str):
        return {key: [given] if key == "paths" else given}
    if isinstance(given, list) and key == "paths":
        return {key: given}
    if isinstance(given, dict) and key == "paths" and isinstance(given.get(key), str):
        return {**given, key: [given[key]]}
    return given


def _renames(stage: Stage, given: Any) -> dict[str, str]:
    """`as:` names the one column that a stage writes, or goes before the names of several."""
    written = list(stage.columns_written())
    if not isinstance(given, str) or not written:
        return {}
    return {written[0]: given} if len(written) == 1 else {name: f"{given}_{name}" for name in written}


def prepend(recipe: Recipe, name: str, options: Mapping[str, Any], *, label: str) -> Recipe:
    """The recipe with one more stage before all others."""
    try:
        stage = catalog.stage_class(name).model_validate(dict(options))
    except ValidationError as error:
        raise RecipeError(f"{name}: {error.errors()[0]['msg']}") from None
    first = Step(1, name, label, stage, {})
    rest = [replace(step, index=step.index + 1) for step in recipe.stages]
    return recipe.model_copy(update={"stages": (first, *rest)})


def dump(recipe: Recipe) -> str:
    """YAML that loads back to the same recipe, wherever it lies: variables filled in, own stages by absolute path."""
    data: dict[str, Any] = {
        "input": recipe.input.model_dump(mode="json"),
        "output": recipe.output.model_dump(mode="json"),
        "workers": recipe.workers,
        "on_bad_input": recipe.on_bad_input.model_dump(mode="json"),
        "stages": [_dump_step(recipe, step) for step in recipe.stages],
    }
    return yaml.safe_dump(data, sort_keys=False, allow_unicode=True, width=120).replace("${", "$${")


def _dump_step(recipe: Recipe, step: Step) -> dict[str, Any]:
    name = step.name
    if name.endswith(".py"):
        name = str(((recipe.source.parent if recipe.source else Path()) / name).resolve())
    options = step.stage.model_dump(mode="json", by_alias=True)
    stem = Path(name).stem if name.endswith(".py") else name
    if step.renames or step.label != stem:
        options["as"] = step.label
    if step.expect is not None:
        options["expect"] = step.expect.as_dict()
    return {name: options}


def json_schema() -> dict[str, Any]:
    """The JSON Schema of recipes, all stages and their options included."""
    steps: list[dict[str, Any]] = []
    extra = {
        "as": {"type": "string", "description": "The step's name in this recipe, and of the column that it writes."},
        "expect": {"type": "object", "description": "Stop the run unless the share dropped is within: {drop: 5%..60%}."},
    }
    definitions: dict[str, Any] = {}
    for name in catalog.names():
        kind = catalog.stage_class(name)
        options = kind.model_json_schema(by_alias=True, ref_template="#/$defs/{model}")
        definitions |= options.pop("$defs", {})
        options["properties"] = {**options.get("properties", {}), **extra}
        options["description"] = catalog.summary(kind)
        if not options.get("required"):
            steps.append({"const": name, "description": catalog.summary(kind)})
            options = {"anyOf": [options, {"type": "null"}]}
        steps.append({"type": "object", "properties": {name: options}, "required": [name], "additionalProperties": False})
    own = {"type": "object", "patternProperties": {r"\.py$": {}}, "minProperties": 1, "additionalProperties": False}
    steps += [own, {"type": "string", "pattern": r"\.py$"}]
    paths = {"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}]}
    section = {model: model.model_json_schema() for model in (Input, Output, OnBadInput)}
    section[Input]["properties"]["paths"] = {**paths, "description": section[Input]["properties"]["paths"]["description"]}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "A curate recipe",
        "type": "object",
        "properties": {
            "input": {"anyOf": [*paths["anyOf"], section[Input]]},
            "output": {"anyOf": [{"type": "string"}, section[Output]]},
            "workers": {"anyOf": [{"const": "auto"}, {"type": "integer", "minimum": 0}], "description": "Processes."},
            "on_bad_input": section[OnBadInput],
            "stages": {"type": "array", "minItems": 1, "items": {"anyOf": steps}},
        },
        "required": ["input", "output", "stages"],
        "additionalProperties": False,
        "$defs": definitions,
    }
