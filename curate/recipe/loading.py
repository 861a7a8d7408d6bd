"""A recipe's text → Recipe, and back."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from difflib import get_close_matches
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel

from curate.catalog import did_you_mean
from curate.errors import RecipeError
from curate.recipe.card import Card
from curate.recipe.complaints import Complaints, is_meant
from curate.recipe.entries import labels, make_uniform
from curate.recipe.model import BadInputLimits, Incremental, Input, Output, Recipe, Step
from curate.recipe.notation import Document, read
from curate.recipe.overrides import override
from curate.recipe.quantities import share_text, size_text
from curate.recipe.steps import Builder
from curate.recipe.syntax import inline, write

M = TypeVar("M", bound=BaseModel)

_EXAMPLES = {
    "input": "input: data/",
    "output": "output: out/",
    "workers": "workers: 4",
    "on_bad_input": "on_bad_input: {max_documents: 0.1%}",
    "incremental": "incremental: true",
    "card": "card: {title: My corpus, licence: odc-by}",
    "stages": "stages: [normalize, exact_dedup]",
}
"""The keys of a recipe."""
_REQUIRED = ("input", "output", "stages")


def load(
    path: Path | str,
    overrides: Sequence[str] = (),
    env: Mapping[str, str] = os.environ,
    fetch: Callable[[str], str] | None = None,
) -> Recipe:
    """The recipe in a file. `overrides`: as in `--set path.to.option=value`. Raises RecipeError, all errors in one.

    fetch: brings a file that an option names from a store, and gives its path; None: such options are refused.
    """
    file = Path(path)
    return loads(_text(file), source=file, overrides=overrides, env=env, fetch=fetch)


def load_kept(path: Path, overrides: Sequence[str] = ()) -> Recipe:
    """The recipe that a run folder keeps. Such folders are passed on: no stage runs because it lies in there, and no
    variable of the environment is looked at. Raises RecipeError, all errors in one.
    """
    return loads(_text(path), source=path, overrides=overrides, env={}, trusted=False)


def load_options(
    model: type[M], path: Path | str, overrides: Sequence[str] = (), env: Mapping[str, str] = os.environ
) -> M:
    """Options that are no recipe, from a YAML file of their own. Raises RecipeError, all errors in one, with lines."""
    file = Path(path)
    document = read(_text(file), str(file), env)
    if not isinstance(document.data, dict):
        keys = ", ".join(model.model_fields)
        raise RecipeError(f"{document.source}:1: it must have the keys {keys}; got {inline(document.data)[:60]}")
    make_uniform(document)
    override(document, overrides)
    complaints = Complaints(document)
    made = complaints.check(model, document.data, (), "options")
    complaints.raise_if_any()
    assert made is not None
    return made


def _text(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise RecipeError(_no_file(file)) from None
    except IsADirectoryError:
        raise RecipeError(f"{file}: it is a folder; name the recipe in it") from None
    except UnicodeDecodeError as error:
        raise RecipeError(f"{file}: it is not UTF-8 at byte {error.start}; save it as UTF-8") from None
    except OSError as error:
        raise RecipeError(f"{file}: it cannot be read: {error.strerror}") from None


def loads(
    text: str,
    *,
    source: Path | None = None,
    overrides: Sequence[str] = (),
    env: Mapping[str, str] = os.environ,
    fetch: Callable[[str], str] | None = None,
    trusted: bool = True,
) -> Recipe:
    """The recipe in a text; stages of the user's own are found relative to `source`. Raises RecipeError.

    trusted: stages that lie in the folder of `source` may be run.
    """
    document = read(text, str(source or "recipe"), env)
    if not isinstance(document.data, dict):
        raise RecipeError(
            f"{document.source}:1: a recipe has the keys input, output and stages; got {inline(document.data)[:60]}"
        )
    make_uniform(document)
    override(document, overrides)
    return _recipe(document, source, fetch, trusted)


def dump(recipe: Recipe) -> str:
    """YAML that loads back to the same recipe anywhere: variables, overrides, defaults and paths of stages resolved."""
    output = recipe.output.model_dump(mode="json", exclude={"work"} if recipe.output.work is None else None)
    limits = recipe.on_bad_input.model_dump(mode="json")
    if isinstance(limits["max_documents"], float):
        limits["max_documents"] = share_text(limits["max_documents"])
    data = {
        "input": recipe.input.model_dump(mode="json"),
        "output": output | {"shard_size": size_text(recipe.output.shard_size)},
        "workers": recipe.workers,
        "on_bad_input": limits,
        **({"incremental": recipe.incremental.model_dump(mode="json")} if recipe.incremental else {}),
        **({"card": said} if (said := recipe.card.model_dump(mode="json", exclude_defaults=True)) else {}),
        "stages": [_entry(step) for step in recipe.stages],
    }
    return write(data)


def prepend(recipe: Recipe, name: str, options: Mapping[str, Any], *, label: str) -> Recipe:
    """The recipe with one more step before all others. Raises RecipeError."""
    complaints = Complaints(Document(str(recipe.source or "recipe"), {}))
    first = Builder(complaints, Path()).steps([{name: {**options, "as": label}}])
    complaints.raise_if_any()
    if any(step.label == label for step in recipe.stages):
        raise RecipeError(f"{recipe.source or 'recipe'}: a stage is called '{label}' already; call it otherwise by as:")
    others = tuple(replace(step, index=step.index + 1) for step in recipe.stages)
    return recipe.model_copy(update={"stages": (*first, *others)})


def _recipe(document: Document, source: Path | None, fetch: Callable[[str], str] | None, trusted: bool) -> Recipe:
    """All parts, checked. Raises RecipeError with all that is wrong."""
    complaints = Complaints(document)
    for key in document.data:
        if key not in _EXAMPLES:
            complaints.add((key,), f"there is no key '{key}' here{_meant(key, document)}")
    parts = {
        "input": _part(Input, "input", complaints),
        "output": _part(Output, "output", complaints),
        "workers": _workers(complaints),
        "on_bad_input": _part(BadInputLimits, "on_bad_input", complaints),
        "incremental": _incremental(complaints),
        "card": _part(Card, "card", complaints),
        "stages": _steps(complaints, Builder(complaints, source.parent if source else Path(), fetch, trusted=trusted)),
    }
    complaints.raise_if_any()
    return Recipe(source=source, **parts)


def _meant(key: str, document: Document) -> str:
    """What a key that is not known was perhaps to be; of `--set c4.min_sentences=3`, as `tune` has it, a step."""
    steps = document.data.get("stages")
    if isinstance(steps, list) and key in labels(steps) and any(path[0] == key for path in document.overridden):
        return f"; did you mean stages.{key}?"
    return did_you_mean(key, _EXAMPLES) or f"; the keys are {', '.join(_EXAMPLES)}"


def _part(model: type[Any], name: str, complaints: Complaints) -> Any:
    given = _given(name, complaints)
    if given is None:
        return None if name in _REQUIRED else model()
    if not isinstance(given, dict):
        shown = complaints.document.shown((name,), given)
        complaints.add((name,), f"{name} = {shown}; it must be a mapping, as in {_EXAMPLES[name]}")
        return None
    return complaints.check(model, given, (name,), name)


def _incremental(complaints: Complaints) -> Incremental | None:
    """`true`, or a mapping; false and nothing: None."""
    given = complaints.document.data.get("incremental")
    if given is None or given is False:
        return None
    if given is not True and not isinstance(given, dict):
        shown = complaints.document.shown(("incremental",), given)
        complaints.add(("incremental",), f"incremental = {shown}; it must be true, or as in {{freeze: [keep_best]}}")
        return None
    found = complaints.check(Incremental, {} if given is True else given, ("incremental",), "incremental")
    return found if isinstance(found, Incremental) else None


def _workers(complaints: Complaints) -> Any:
    workers = complaints.document.data.get("workers", "auto")
    if workers != "auto" and (isinstance(workers, bool) or not isinstance(workers, int) or workers < 0):
        shown = complaints.document.shown(("workers",), workers)
        what = f"it must be auto, or a number of processes{did_you_mean(shown, ['auto'])}"
        complaints.add(("workers",), f"workers = {shown}; {what}")
    return workers


def _steps(complaints: Complaints, builder: Builder) -> tuple[Step, ...]:
    entries = _given("stages", complaints)
    if entries is not None and not isinstance(entries, list):
        shown = complaints.document.shown(("stages",), entries)
        complaints.add(("stages",), f"stages = {shown}; it must be a list, with a - before each stage")
    return builder.steps(entries) if isinstance(entries, list) else ()


def _given(name: str, complaints: Complaints) -> Any:
    """A part of the recipe; None if it is missing or empty, which is noted if it must be there."""
    data = complaints.document.data
    given = data.get(name)
    if given or (given is not None and not isinstance(given, list | dict)):
        return given
    if name in _REQUIRED and not is_meant(name, (text for _, text in complaints.found)):
        at = (name,) if name in data else ()
        complaints.add(at, f"'{name}' is {'empty' if name in data else 'missing'}; write it as in {_EXAMPLES[name]}")
    return None


def _entry(step: Step) -> dict[str, Any]:
    """A step as an entry of `stages`, with all options."""
    options: dict[str, Any] = step.stage.model_dump(mode="json", by_alias=True)
    for name, field in type(step.stage).model_fields.items():
        if isinstance(getattr(step.stage, name), Path):  # so that it is found from any directory
            options[field.alias or name] = str(getattr(step.stage, name).absolute())
    if step.named:
        options["as"] = step.label
    if step.expect is not None:
        options["expect"] = {"drop": str(step.expect)}
    return {step.name: options}


def _no_file(file: Path) -> str:
    """What to say when there is no recipe of that name."""
    there = sorted(file.parent.iterdir()) if file.parent.is_dir() else []
    beside = {one.stem: one.name for one in there if one.suffix in (".yaml", ".yml")}  # all are alike in their endings
    close = get_close_matches(file.stem, beside, 1, 0.5)
    guess = f"; did you mean '{file.parent / beside[close[0]]}'?" if close else "; curate init writes one"
    return f"{file}: there is no such file{guess}"
