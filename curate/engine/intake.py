"""The start of a run: find the input, import what is not Parquet, cut it into units, and fix all that for the run."""

from __future__ import annotations

import difflib
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace

import pyarrow as pa

from curate.engine import imports, notes
from curate.errors import BadInput, RecipeError
from curate.recipe import Recipe
from curate.store.fixed import Broken, Inputs
from curate.store.folder import RunFolder
from curate.store.footers import ParquetFacts, parquet_facts
from curate.store.inputs import BadFile, InputFile, Listing, list_inputs, outside
from curate.store.jsonl import jsonl_head
from curate.store.paths import place_beside
from curate.store.schemas import unify
from curate.store.shards import UNIT_BYTES, Unit, cut_into_units

LOOKED_AT = 1000  # files that are looked at before a run: each takes about a millisecond


@dataclass(frozen=True)
class Found:
    """An input file, or many small ones that were imported into one, as far as it could be read."""

    files: tuple[InputFile, ...]
    path: str
    facts: ParquetFacts
    task: imports.ImportTask | None = None
    members: tuple[tuple[int, int], ...] = ()
    """As of a unit."""

    @property
    def name(self) -> str:
        """For messages; of one file, also for ids."""
        first, last = self.files[0].name, self.files[-1].name
        return first if len(self.files) == 1 else f"{first} to {last}"


def listing(recipe: Recipe, only: Mapping[str, str] | None = None, *, may_be_empty: bool = False) -> Listing:
    """The input files, in order. Raises RecipeError if there is none, unless there may be: the folders must be there.

    only: take these, path → name, as a generation does; the listing is then that of a recipe with `incremental`.
    """
    lasting = only is not None or recipe.incremental is not None
    found = _listing(recipe, lasting=lasting, may_be_empty=may_be_empty)
    if only is None:
        return found
    files = [replace(file, name=only[file.path]) for file in found.files if file.path in only]
    return Listing(tuple(replace(file, index=index) for index, file in enumerate(files)), ())


def _listing(recipe: Recipe, *, lasting: bool, may_be_empty: bool) -> Listing:
    fixed = None if recipe.input.format == "auto" else recipe.input.format
    try:
        there = list_inputs(recipe.input.paths, fixed, lasting=lasting, may_be_empty=may_be_empty)
    except RecipeError as error:
        where = place_beside(recipe.source, recipe.input.paths)
        raise RecipeError(f"{error}{where}") from None
    found = outside(there, str(recipe.output.folder), recipe.output.path)
    if there.files and not found.files:
        raise RecipeError(
            f"{recipe.source or 'recipe'}: output.path = {recipe.output.path}: all input files lie in it;"
            " name another folder, so that a run does not read what it writes"
        )
    return found


def fix(recipe: Recipe, folder: RunFolder, files: Sequence[InputFile], *, limit: int | None = None) -> Inputs:
    """The input for this run, after the import. Files that cannot be read are named in `broken`, and have no units.

    limit: take the first so many documents only. Raises RecipeError if no file has a text column.
    """
    with ThreadPoolExecutor(8) as pool:
        tables = pool.map(lambda file: _look(recipe, file), (file for file in files if file.format == "parquet"))
        others = pool.map(lambda task: _look_at_import(recipe, task), imports.tasks(recipe, folder, files, limit))
        looks = [*tables, *others]
    broken = [problem for look in looks for problem in look.broken]
    found = sorted((one for look in looks for one in look.found), key=lambda one: one.files[0].index)
    found, missing = _with_text(recipe, found)
    schema, clashes = unify([(one.name, one.facts.schema) for one in found])
    apart = dict(clashes)
    if together := {one.task for one in found if one.task is not None and len(one.files) > 1 and one.name in apart}:
        for task in together:  # which of the files does not fit the others, only each by itself can tell
            imports.split(task)
        return fix(recipe, folder, files, limit=limit)
    broken += missing + [Broken(name, "schema_clash", problem) for name, problem in clashes]
    usable = [one for one in found if one.name not in apart]
    units = _limited(_units(usable), limit)
    kept = {
        number
        for unit in units
        for number, first in unit.members or ((unit.file, 0),)
        if first < max(unit.first_row + unit.rows, 1)  # a unit without rows has its first file
    }
    is_all = limit is None or sum(unit.rows for unit in units) < limit
    bad_rows: Counter[str] = Counter()
    for index, reasons in sorted((index, reasons) for look in looks for index, reasons in look.bad.items()):
        if is_all or index <= max(kept, default=-1):  # a file beyond the limit is no part of the run
            bad_rows.update(reasons)
    said = [*notes.condensed(sorted(note for look in looks for note in look.notes)), *no_such_ids(recipe, schema)]
    return Inputs(
        files=tuple(files),
        units=tuple(units),
        schema=schema.remove_metadata() if not usable else schema,
        has_ids=any(recipe.input.id in one.facts.schema.names for one in usable if one.files[0].index in kept),
        broken=tuple(sorted(broken, key=lambda one: one.file)),
        bad_rows=dict(bad_rows),
        notes=tuple(said),
    )


@dataclass
class _Look:
    """What became of a file, or of files that were imported together."""

    found: list[Found] = field(default_factory=list)
    broken: list[Broken] = field(default_factory=list)
    notes: list[tuple[int, str, str]] = field(default_factory=list)
    """(number of the file, its name, what the import has to say of it)."""
    bad: dict[int, dict[str, int]] = field(default_factory=dict)
    """Number of a file → reason → lines that are no documents."""


def _look(recipe: Recipe, file: InputFile) -> _Look:
    try:
        return _Look([Found((file,), file.path, parquet_facts(file, recipe.input.text))])
    except BadFile as error:
        return _Look(broken=[Broken(file.name, error.reason, error.error)])


def _look_at_import(recipe: Recipe, task: imports.ImportTask) -> _Look:
    look = _Look()
    for part in imports.parts(task):
        path = str(part.path)
        try:
            table = replace(part.files[0], path=path, format="parquet")
            inside = parquet_facts(table, recipe.input.text)
        except BadFile as error:
            look.broken += [Broken(file.name, error.reason, error.error) for file in part.files]
            continue
        look.found.append(Found(part.files, path, inside, task, part.members))
        for file, facts in zip(part.files, part.facts, strict=True):
            look.notes += [(file.index, file.name, note) for note in facts["notes"]]
            look.bad[file.index] = facts["bad"]
            if cut := facts["broken"]:
                look.broken.append(Broken(file.name, cut["reason"], cut["error"], cut["offset"], facts["rows"]))
    return look


def _with_text(recipe: Recipe, found: list[Found]) -> tuple[list[Found], list[Broken]]:
    """The files with a column of texts, and what is wrong with the others."""
    good, bad = [], []
    for one in found:
        problem = _no_use(recipe, one.facts.schema)
        if problem is None:
            good.append(one)
        else:
            bad += [Broken(file.name, *problem) for file in one.files]
    if bad and not good:
        raise RecipeError(_nothing_of_use(recipe, bad[0]))
    return good, bad


def _no_use(recipe: Recipe, schema: pa.Schema) -> tuple[str, str] | None:
    """(reason, what is wrong) if a file with these columns cannot be used: by its texts, or its ids."""
    name = recipe.input.text
    if name not in schema.names:
        return "missing_column", missing_column(name, schema)
    if not _is_text(schema.field(name).type):
        return "text_not_a_string", f"column '{name}' is {schema.field(name).type}; it must be a string"
    problem = id_problem(recipe.input.id, schema)
    return None if problem is None else ("id_of_no_use", problem)


def _nothing_of_use(recipe: Recipe, first: Broken) -> str:
    return f"{recipe.source or 'recipe'}: input.text: no input file can be used; the first, {first.file}: {first.error}"


def missing_column(name: str, schema: pa.Schema) -> str:
    """What to say when the text column is not there."""
    close = difflib.get_close_matches(name, schema.names, 1)
    guess = f"; did you mean '{close[0]}'? (input: {{text: {close[0]}}})" if close else ""
    return f"it has no column '{name}'; it has: {', '.join(schema.names) or 'none'}{guess}"


def no_such_ids(recipe: Recipe, schema: pa.Schema) -> Iterator[str]:
    """A warning, if the recipe names a column of ids that no file has: by the default name, there need not be one."""
    name = recipe.input.id
    if name == type(recipe.input).model_fields["id"].default or name in schema.names:
        return
    close = difflib.get_close_matches(name, schema.names, 1)
    guess = f"; did you mean '{close[0]}'? (input: {{id: {close[0]}}})" if close else ""
    yield f"input.id: no file has a column '{name}', so that ids are made of file and row{guess}"


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
        cut = cut_into_units(one.files[0].index, one.name, one.path, groups, len(units), UNIT_BYTES)
        units += [replace(unit, members=one.members) for unit in cut]
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
    """False if some of it is guessed from the first lines of a JSONL file, or from some of very many files."""
    schema: pa.Schema
    problems: tuple[Broken, ...]
    complete: bool = True
    """Every file was looked at."""


def survey(recipe: Recipe, files: Sequence[InputFile], most: int | None = None) -> Survey:
    """Look at footers and first lines only.

    most: look at so many files at most, evenly spread over the listing; None: at all. Raises RecipeError if no file has
    a text column, BadInput if none can be read: nothing could be told of the columns.
    """
    step = 1 if most is None else -(-len(files) // most)
    seen = files[::step]
    schemas: list[tuple[str, pa.Schema]] = []
    problems: list[Broken] = []
    documents = text_bytes = 0
    exact = step == 1
    with ThreadPoolExecutor(8) as pool:
        for file, (schema, rows, size, sure, problem) in zip(
            seen, pool.map(lambda f: _survey_one(recipe, f), seen), strict=True
        ):
            problems += [problem] if problem else []
            if schema is not None:
                schemas.append((file.name, schema))
                documents, text_bytes, exact = documents + rows, text_bytes + size, exact and sure
    if not schemas and step > 1:  # the others may be better
        return survey(recipe, files)
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
    unusable = {n: Broken(n, *why) for n, s in schemas if (why := _no_use(recipe, s)) is not None}
    if unusable and len(unusable) == len(schemas):
        raise RecipeError(_nothing_of_use(recipe, next(iter(unusable.values()))))
    unified, clashes = unify([(n, s) for n, s in schemas if n not in unusable])
    problems += unusable.values()
    problems += [Broken(n, "schema_clash", text) for n, text in clashes]
    of_all, of_seen = sum(f.size for f in files), sum(f.size for f in seen)
    times = of_all / of_seen if step > 1 and of_seen else 1.0
    return Survey(
        len(files),
        of_all,
        round(documents * times),
        round(text_bytes * times),
        exact,
        unified,
        tuple(problems),
        step == 1,
    )


def _survey_one(recipe: Recipe, file: InputFile) -> tuple[pa.Schema | None, int, int, bool, Broken | None]:
    """(schema, documents, bytes of text, whether they are exact, what is wrong)."""
    try:
        if file.format == "parquet":
            facts = parquet_facts(file, recipe.input.text)
            return facts.schema, facts.rows, sum(group.text_bytes for group in facts.groups), True, None
        head = jsonl_head(file, text=recipe.input.text, id=recipe.input.id)
    except BadFile as error:
        return None, 0, 0, True, Broken(file.name, error.reason, error.error)
    if set(head.bad) == {"text_missing"} and not head.rows:  # as of Parquet: these are its columns
        return pa.schema([(name, pa.null()) for name in head.without_text]), 0, 0, head.whole, None
    times = 1.0 if head.whole or not head.compressed else file.size / head.compressed
    cut = head.broken
    problem = Broken(file.name, cut.reason, cut.error, cut.offset, head.rows) if cut else None
    return head.schema, round(head.rows * times), round(head.text_bytes * times), head.whole, problem


def changes(files: Sequence[InputFile], now: Sequence[InputFile]) -> Iterator[str]:
    """What is different in a listing made later: for a warning, since nothing new is mixed into a run."""
    before, after = {file.path: file for file in files}, {file.path: file for file in now}
    for path in sorted(after.keys() - before.keys()):
        yield f"{after[path].name} appeared after the run began, and is not part of it"
