"""A recipe's text → Recipe, and back."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from curate.catalog import did_you_mean
from curate.errors import RecipeError
from curate.recipe.complaints import Complaints
from curate.recipe.model import BadInputLimits, Input, Output, Recipe, Step
from curate.recipe.notation import Document, read
from curate.recipe.overrides import override
from curate.recipe.quantities import share_text, size_text
from curate.recipe.steps import Builder, make_uniform
from curate.recipe.syntax import inline, write

_PARTS = ("input", "output", "workers", "on_bad_input", "stages")


def load(path: Path | str, overrides: Sequence[str] = (), env: Mapping[str, str] = os.environ) -> Recipe:
    """The recipe in a file. `overrides`: as in `--set path.to.option=value`. Raises RecipeError, all errors in one."""
    file = Path(path)
    try:
        text = file.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise RecipeError(_no_file(file)) from None
    except IsADirectoryError:
        raise RecipeError(f"{file}: it is a folder; name the recipe in it") from None
    except UnicodeDecodeError as error:
        raise RecipeError(f"{file}: it is not UTF-8 at byte {error.start}; save it as UTF-8") from None
    except OSError as error:
        raise RecipeError(f"{file}: it cannot be read: {error.strerror}") from None
    return loads(text, source=file, overrides=overrides, env=env)


def loads(
    text: str, *, source: Path | None = None, overrides: Sequence[str] = (), env: Mapping[str, str] = os.environ
) -> Recipe:
    """The recipe in a text; stages of the user's own are found relative to `source`. Raises RecipeError."""
    document = read(text, str(source or "recipe"), env)
    if not isinstance(document.data, dict):
        raise RecipeError(
            f"{document.source}:1: a recipe has the keys input, output and stages; got {inline(document.data)[:60]}"
        )
    make_uniform(document)
    override(document, overrides)
    complaints = Complaints(document)
    recipe = _recipe(document, complaints, source)
    if recipe is None:
        raise RecipeError("\n".join(complaints.lines))
    return recipe


def dump(recipe: Recipe) -> str:
    """YAML that loads back to the same recipe anywhere: variables, overrides, defaults and paths of stages resolved."""
    output = recipe.output.model_dump(mode="json")
    limits = recipe.on_bad_input.model_dump(mode="json")
    if isinstance(limits["max_documents"], float):
        limits["max_documents"] = share_text(limits["max_documents"])
    data = {
        "input": recipe.input.model_dump(mode="json"),
        "output": output | {"shard_size": size_text(recipe.output.shard_size)},
        "workers": recipe.workers,
        "on_bad_input": limits,
        "stages": [_entry(step) for step in recipe.stages],
    }
    return write(data)


def prepend(recipe: Recipe, name: str, options: Mapping[str, Any], *, label: str) -> Recipe:
    """The recipe with one more step before all others. Raises RecipeError."""
    document = Document(str(recipe.source or "recipe"), {})
    complaints = Complaints(document)
    (*steps,) = Builder(document, complaints, Path()).steps([{name: {**options, "as": label}}])
    if complaints.lines:
        raise RecipeError("\n".join(complaints.lines))
    if any(step.label == label for step in recipe.stages):
        raise RecipeError(f"{document.source}: a stage is called '{label}' already; give it another name by as:")
    return recipe.model_copy(update={"stages": (*steps, *(replace(s, index=s.index + 1) for s in recipe.stages))})


def _recipe(document: Document, complaints: Complaints, source: Path | None) -> Recipe | None:
    """All parts, checked; None if any is not as it must be."""
    data = document.data
    for key in data:
        if key not in _PARTS:
            guess = did_you_mean(key, _PARTS) or f"; the keys are {', '.join(_PARTS)}"
            complaints.add((key,), f"there is no key '{key}' here{guess}")
    input = _part(Input, document, complaints, "input", "input: data/")
    output = _part(Output, document, complaints, "output", "output: out/")
    limits = (
        _part(BadInputLimits, document, complaints, "on_bad_input", "") if "on_bad_input" in data else BadInputLimits()
    )
    workers = data.get("workers", "auto")
    if workers != "auto" and (isinstance(workers, bool) or not isinstance(workers, int) or workers < 0):
        shown = document.shown(("workers",), workers)
        complaints.add(
            ("workers",), f"workers = {shown}; it must be a number of processes, or auto{did_you_mean(shown, ['auto'])}"
        )
    steps = _steps(document, complaints, source)
    if complaints.lines or input is None or output is None or limits is None:
        return None
    return Recipe(source=source, input=input, output=output, workers=workers, on_bad_input=limits, stages=steps)


def _part(model: type[Any], document: Document, complaints: Complaints, name: str, example: str) -> Any:
    given = document.data.get(name)
    if given is None:
        complaints.add((name,) if name in document.data else (), f"'{name}' is missing; add a line: {example}")
        return None
    if not isinstance(given, dict):
        complaints.add((name,), f"{name} = {document.shown((name,), given)}; it must be a mapping, as in {example}")
        return None
    return complaints.check(model, given, (name,), name)


def _steps(document: Document, complaints: Complaints, source: Path | None) -> tuple[Step, ...]:
    entries = document.data.get("stages")
    path = ("stages",) if "stages" in document.data else ()
    if not entries:
        complaints.add(
            path, "'stages' is missing or empty; name at least one, as in stages: [normalize]  see: curate stages"
        )
        return ()
    if not isinstance(entries, list):
        complaints.add(path, f"stages = {document.shown(path, entries)}; it must be a list, with a - before each stage")
        return ()
    folder = source.parent if source else Path()
    return Builder(document, complaints, folder).steps(entries)


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
    beside = [p.name for p in file.parent.iterdir() if p.suffix in (".yaml", ".yml")] if file.parent.is_dir() else []
    close = get_close_matches(file.name, beside, 1, 0.5)
    guess = f"; did you mean '{file.parent / close[0]}'?" if close else "; curate init writes one"
    return f"{file}: there is no such file{guess}"
