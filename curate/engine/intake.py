"""The start of a run: find the input, import what is not Parquet, cut it into units, and fix all that for the run."""

from __future__ import annotations

import base64
import difflib
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import pyarrow as pa

from curate.engine.context import FORMAT, digest
from curate.errors import BadInput, RecipeError
from curate.recipe import Recipe
from curate.store.files import read_json, write_json
from curate.store.fixed import Broken, Inputs
from curate.store.folder import RunFolder
from curate.store.footers import ParquetFacts, parquet_facts
from curate.store.inputs import BadFile, InputFile, Listing, list_inputs
from curate.store.jsonl import import_jsonl, jsonl_head
from curate.store.quarantine import open_quarantine
from curate.store.schemas import unify
from curate.store.shards import UNIT_BYTES, Unit, cut_into_units


@dataclass(frozen=True)
class ImportTask:
    """One file that is not Parquet."""

    root: str
    file: InputFile
    id: str
    text: str
    limit: int | None = None
    """Stop after so many documents."""


@dataclass(frozen=True)
class Found:
    """An input file as far as it could be read."""

    file: InputFile
    path: str
    facts: ParquetFacts


def listing(recipe: Recipe, only: Mapping[str, str] | None = None) -> Listing:
    """The input files, in order. Raises RecipeError if there is none.

    only: take these, path → name, as a generation does; the listing is then that of a recipe with `incremental`.
    """
    found = _listing(recipe, lasting=only is not None or recipe.incremental is not None)
    if only is None:
        return found
    files = [replace(file, name=only[file.path]) for file in found.files if file.path in only]
    return Listing(tuple(replace(file, index=index) for index, file in enumerate(files)), ())


def _listing(recipe: Recipe, *, lasting: bool) -> Listing:
    fixed = None if recipe.input.format == "auto" else recipe.input.format
    found = list_inputs(recipe.input.paths, fixed, lasting=lasting)
    out = Path(recipe.output.path).resolve()
    inside = [file for file in found.files if out in Path(file.path).resolve().parents]
    if not inside:
        return found
    files = [file for file in found.files if file not in inside]
    if not files:
        raise RecipeError(
            f"{recipe.source or 'recipe'}: output.path = {recipe.output.path}: all input files lie in it;"
            " name another folder, so that a run does not read what it writes"
        )
    ignored = tuple((path, why) for path, why in found.ignored if out not in Path(path).resolve().parents)
    return Listing(tuple(replace(file, index=index) for index, file in enumerate(files)), ignored)


def import_tasks(
    recipe: Recipe, folder: RunFolder, files: Sequence[InputFile], limit: int | None = None
) -> list[ImportTask]:
    """The files that must still be imported; of each, `limit` documents at most."""
    return [task for task in all_imports(recipe, folder, files, limit) if not is_imported(task)]


def all_imports(
    recipe: Recipe, folder: RunFolder, files: Sequence[InputFile], limit: int | None = None
) -> list[ImportTask]:
    """The files that are not Parquet, whether they are imported or not."""
    return [_task(recipe, folder, file, limit) for file in files if file.format != "parquet"]


def is_imported(task: ImportTask) -> bool:
    """Whether the import is there, whole, of the file as it is now."""
    return _imported(task) is not None


def _task(recipe: Recipe, folder: RunFolder, file: InputFile, limit: int | None) -> ImportTask:
    return ImportTask(str(folder.root), file, recipe.input.id, recipe.input.text, limit)


def import_one(task: ImportTask) -> int:
    """Import a file → documents. The note of its facts is written last, and says that it is done."""
    folder = RunFolder(Path(task.root))
    target = folder.imported(task.file.index)
    folder.import_facts(task.file.index).unlink(missing_ok=True)  # until the import is whole again
    with open_quarantine(folder.imports_aside(task.file.index)) as aside:
        done = import_jsonl(task.file, target, aside, text=task.text, id=task.id, limit=task.limit)
    schema = base64.b64encode(done.schema.serialize().to_pybytes()).decode()
    broken = asdict(done.broken) if done.broken else None
    facts = {"rows": done.rows, "bad": done.bad, "notes": list(done.notes), "broken": broken, "schema": schema}
    write_json(folder.import_facts(task.file.index), {"fingerprint": _fingerprint(task), **facts})
    return done.rows


def _fingerprint(task: ImportTask) -> str:
    file = task.file
    return digest(FORMAT, file.name, file.size, file.mtime_ns, task.id, task.text, task.limit)


def _imported(task: ImportTask) -> dict[str, Any] | None:
    folder = RunFolder(Path(task.root))
    path = folder.import_facts(task.file.index)
    if not (path.exists() and folder.imported(task.file.index).exists()):
        return None
    facts = read_json(path)
    return dict(facts) if facts["fingerprint"] == _fingerprint(task) else None


def fix(recipe: Recipe, folder: RunFolder, files: Sequence[InputFile], *, limit: int | None = None) -> Inputs:
    """The input for this run, after the import. Files that cannot be read are named in `broken`, and have no units.

    limit: take the first so many documents only. Raises RecipeError if no file has a text column.
    """
    broken: list[Broken] = []
    bad_lines: dict[int, dict[str, int]] = {}
    notes: list[str] = []
    found: list[Found] = []
    with ThreadPoolExecutor(8) as pool:
        looks = list(pool.map(lambda file: _look(recipe, folder, file, limit), files))
        for file, (one, problem, facts) in zip(files, looks, strict=True):
            broken += [problem] if problem else []
            found += [one] if one else []
            notes += [f"{file.name}: {note}" for note in facts.get("notes", ())]
            bad_lines[file.index] = facts.get("bad", {})
    found, missing = _with_text(recipe, found)
    schema, clashes = unify([(one.file.name, one.facts.schema) for one in found])
    apart = dict(clashes)
    broken += missing + [Broken(name, "schema_clash", problem) for name, problem in clashes]
    usable = [one for one in found if one.file.name not in apart]
    units = _limited(_units(usable), limit)
    kept = {unit.file for unit in units}
    bad_rows: Counter[str] = Counter()
    for index, reasons in bad_lines.items():
        if limit is None or index in kept:  # a file beyond the limit is no part of the run
            bad_rows.update(reasons)
    return Inputs(
        files=tuple(files),
        units=tuple(units),
        schema=schema.remove_metadata() if not usable else schema,
        has_ids=any(recipe.input.id in one.facts.schema.names for one in usable if one.file.index in kept),
        broken=tuple(sorted(broken, key=lambda one: one.file)),
        bad_rows=dict(bad_rows),
        notes=tuple(notes),
    )


def _look(
    recipe: Recipe, folder: RunFolder, file: InputFile, limit: int | None
) -> tuple[Found | None, Broken | None, dict[str, Any]]:
    """(the file if it can be read, what is wrong with it, what the import found)."""
    try:
        if file.format == "parquet":
            return Found(file, file.path, parquet_facts(file, recipe.input.text)), None, {}
        facts = _imported(_task(recipe, folder, file, limit)) or {}
        path = str(folder.imported(file.index))
        inside = parquet_facts(replace(file, path=path, format="parquet"), recipe.input.text)
    except BadFile as error:
        return None, Broken(file.name, error.reason, error.error), {}
    cut = facts.get("broken")
    problem = Broken(file.name, cut["reason"], cut["error"], cut["offset"], inside.rows) if cut else None
    return Found(file, path, inside), problem, facts


def _with_text(recipe: Recipe, found: list[Found]) -> tuple[list[Found], list[Broken]]:
    """The files with a column of texts, and what is wrong with the others."""
    name = recipe.input.text
    good, bad = [], []
    for one in found:
        if name not in one.facts.schema.names:
            bad.append(Broken(one.file.name, "missing_column", missing_column(name, one.facts.schema)))
        elif not _is_text(one.facts.schema.field(name).type):
            kind = one.facts.schema.field(name).type
            bad.append(Broken(one.file.name, "text_not_a_string", f"column '{name}' is {kind}; it must be a string"))
        elif (problem := id_problem(recipe.input.id, one.facts.schema)) is not None:
            bad.append(Broken(one.file.name, "id_of_no_use", problem))
        else:
            good.append(one)
    if bad and not good:
        raise RecipeError(
            f"{recipe.source or 'recipe'}: input.text: no input file can be used;"
            f" the first, {bad[0].file}: {bad[0].error}"
        )
    return good, bad


def missing_column(name: str, schema: pa.Schema) -> str:
    """What to say when the text column is not there."""
    close = difflib.get_close_matches(name, schema.names, 1)
    guess = f"; did you mean '{close[0]}'? (input: {{text: {close[0]}}})" if close else ""
    return f"it has no column '{name}'; it has: {', '.join(schema.names) or 'none'}{guess}"


def id_problem(name: str, schema: pa.Schema) -> str | None:
    """What is wrong with the type of the id column, if it is there."""
    if name not in schema.names:
        return None
    kind = schema.field(name).type
    simple = pa.types.is_integer(kind) or pa.types.is_null(kind) or pa.types.is_floating(kind)
    return None if simple or _is_text(kind) else f"column '{name}' is {kind}; ids are strings or numbers"


def _is_text(kind: pa.DataType) -> bool:
    if pa.types.is_dictionary(kind):
        kind = kind.value_type
    if pa.types.is_null(kind):  # a column of nulls, as empty frames have: null texts are counted one by one
        return True
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind))


def _units(found: list[Found]) -> list[Unit]:
    units: list[Unit] = []
    for one in found:
        groups = [(group.rows, group.total_bytes) for group in one.facts.groups]
        units += cut_into_units(one.file.index, one.file.name, one.path, groups, len(units), UNIT_BYTES)
    return units


def _limited(units: list[Unit], limit: int | None) -> list[Unit]:
    """The units that hold the first `limit` documents; the last one cut to fit."""
    if limit is None:
        return units
    kept = []
    for unit in units:
        rows = min(unit.rows, limit)
        if rows <= 0:
            break
        kept.append(replace(unit, rows=rows, size=unit.size * rows // max(unit.rows, 1)))
        limit -= rows
    return kept


@dataclass(frozen=True)
class Survey:
    """The input before a run: enough to plan by."""

    files: int
    bytes: int
    """On disk."""
    documents: int
    text_bytes: int
    exact: bool
    """False if some of it is guessed from the first lines of a JSONL file."""
    schema: pa.Schema
    problems: tuple[Broken, ...]


def survey(recipe: Recipe, files: Sequence[InputFile]) -> Survey:
    """Look at footers and first lines only.

    Raises RecipeError if no file has a text column, BadInput if none can be read: nothing could be told of the columns.
    """
    schemas: list[tuple[str, pa.Schema]] = []
    problems: list[Broken] = []
    documents = text_bytes = 0
    exact = True
    with ThreadPoolExecutor(8) as pool:
        for file, (schema, rows, size, sure, problem) in zip(
            files, pool.map(lambda f: _survey_one(recipe, f), files), strict=True
        ):
            problems += [problem] if problem else []
            if schema is not None:
                schemas.append((file.name, schema))
                documents, text_bytes, exact = documents + rows, text_bytes + size, exact and sure
    if files and not schemas:
        shown = "".join(f"\n  {one.file}: {one.reason}: {one.error}" for one in problems[:5])
        raise BadInput(
            f"{recipe.source or 'recipe'}: on_bad_input: "
            f"{'the only input file' if len(files) == 1 else f'none of {len(files)} input files'} can"
            f"{'not' if len(files) == 1 else ''} be read, so there is nothing to run on:{shown}"
            f"{chr(10) + '  …' if len(problems) > 5 else ''}\n"
            "  repair or remove what cannot be read; it is looked at again by the next run"
        )
    name = recipe.input.text
    if schemas and not any(name in schema.names for _, schema in schemas):
        raise RecipeError(f"{recipe.source or 'recipe'}: input.text: {missing_column(name, schemas[0][1])}")
    unified, clashes = unify([(n, s) for n, s in schemas if name in s.names])
    problems += [Broken(n, "missing_column", missing_column(name, s)) for n, s in schemas if name not in s.names]
    problems += [Broken(n, "schema_clash", text) for n, text in clashes]
    return Survey(len(files), sum(f.size for f in files), documents, text_bytes, exact, unified, tuple(problems))


def _survey_one(recipe: Recipe, file: InputFile) -> tuple[pa.Schema | None, int, int, bool, Broken | None]:
    """(schema, documents, bytes of text, whether they are exact, what is wrong)."""
    try:
        if file.format == "parquet":
            facts = parquet_facts(file, recipe.input.text)
            return facts.schema, facts.rows, sum(group.text_bytes for group in facts.groups), True, None
        head = jsonl_head(file, text=recipe.input.text, id=recipe.input.id)
    except BadFile as error:
        return None, 0, 0, True, Broken(file.name, error.reason, error.error)
    times = 1.0 if head.whole or not head.compressed else file.size / head.compressed
    cut = head.broken
    problem = Broken(file.name, cut.reason, cut.error, cut.offset, head.rows) if cut else None
    return head.schema, round(head.rows * times), round(head.text_bytes * times), head.whole, problem


def changes(files: Sequence[InputFile], now: Sequence[InputFile]) -> Iterator[str]:
    """What is different in a listing made later: for a warning, since nothing new is mixed into a run."""
    before, after = {file.path: file for file in files}, {file.path: file for file in now}
    for path in sorted(after.keys() - before.keys()):
        yield f"{after[path].name} appeared after the run began, and is not part of it"
