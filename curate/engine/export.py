"""The last step of a run: survivors into output shards of the asked-for size, whatever units they come from."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import xxhash

from curate.documents import DROPPED_BY, ID, SIZE
from curate.engine import packing
from curate.engine.context import Context, load
from curate.engine.packing import ExportTask, Piece
from curate.engine.source import fitted
from curate.errors import StoreError
from curate.plan import Part
from curate.store import ledger
from curate.store.files import digest, read_json, write_json
from curate.store.inputs import same_as_now
from curate.store.shards import Chunk, Unit, Unreadable, present_columns, read_unit


@dataclass(frozen=True)
class Receipt:
    """What was written to a shard."""

    fingerprint: str
    file: str
    """In `data/`."""
    rows: int
    text_bytes: int
    bytes: int
    """Size of the file."""
    xxh3_128: str
    """Of the file."""


def output_schema(context: Context, made_ids: bool) -> pa.Schema:
    """The user's columns as they are, an id if there was none, and what the stages added.

    A column of numbers for ids becomes one of strings if ids had to be made for some documents.
    """
    fields = list(context.inputs.schema)
    name = context.recipe.input.id
    if not context.inputs.has_ids:
        fields.insert(0, pa.field(name, pa.string()))
    elif made_ids and not _holds_strings(context.inputs.schema.field(name).type):
        fields[context.inputs.schema.get_field_index(name)] = pa.field(name, pa.string())
    kept_back = {name for step in context.recipe.stages for name in step.kept_back()}
    added = (column for p in context.plan.passes for column in p.adds)
    fields += [pa.field(name, kind) for name, kind in added if name not in kept_back]
    return pa.schema(fields)


def _holds_strings(kind: pa.DataType) -> bool:
    kind = kind.value_type if pa.types.is_dictionary(kind) else kind
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind))


def receipt_of(context: Context, task: ExportTask) -> Receipt | None:
    """The receipt of a shard that is already there as this run would write it; None if there is work to do."""
    part = context.plan.parts[task.part].folder
    path, shard = context.folder.receipt(task.shard, part), context.folder.shard(task.shard, part)
    if not (path.exists() and shard.exists()):
        return None
    receipt = Receipt(**read_json(path))
    same = receipt.fingerprint == _fingerprint(context, task) and receipt.bytes == shard.stat().st_size
    return receipt if same else None


def _fingerprint(context: Context, task: ExportTask) -> str:
    last = context.plan.passes[-1].number
    parts = [[asdict(piece), context.fingerprints.of(last, piece.unit)] for piece in task.pieces]
    output = context.recipe.output.model_dump(mode="json", exclude={"path", "work"})
    return digest(parts, asdict(context.plan.parts[task.part]), output, str(output_schema(context, task.made_ids)))


def run(task: ExportTask) -> tuple[Receipt, float]:
    """Write a shard, then its receipt → (receipt, seconds)."""
    began = time.perf_counter()
    context = load(task.root)
    schema = output_schema(context, task.made_ids)
    output = context.recipe.output
    part = context.plan.parts[task.part]
    path = context.folder.shard(task.shard, part.folder)
    rows = text_bytes = 0
    with ledger.Writer(path, schema, output.compression, output.compression_level) as writer:
        for piece in task.pieces:
            for columns, sizes in _survivors(context, part, piece, schema, task.chunk_bytes):
                writer.write(columns, sizes)
                rows += len(sizes)
                text_bytes += int(sizes.sum())
        if rows != task.documents:
            raise StoreError(f"{path.name}: {rows} documents read back where the ledger counts {task.documents}")
        writer.commit()
    name = path.relative_to(context.folder.data).as_posix()
    receipt = Receipt(_fingerprint(context, task), name, rows, text_bytes, path.stat().st_size, _hash(path))
    write_json(context.folder.receipt(task.shard, part.folder), asdict(receipt))
    return receipt, time.perf_counter() - began


def _survivors(
    context: Context, part: Part, piece: Piece, schema: pa.Schema, chunk_bytes: int
) -> Iterator[tuple[dict[str, pa.Array], npt.NDArray[np.int64]]]:
    unit = context.inputs.units[piece.unit]
    for file in context.inputs.files_of(unit):
        change = same_as_now(file)
        if change:
            raise StoreError(f"{file.path}: {change} since the run began; run again when it has come to rest")
    last = context.plan.passes[-1].number
    added = _added(context, unit)
    alive = added.pop(DROPPED_BY).is_null().to_numpy(zero_copy_only=False)
    times = None if part.column is None else added[part.column].fill_null(0).to_numpy(zero_copy_only=False)
    wanted = np.zeros(unit.rows, bool)
    wanted[packing.wanted(alive, times, piece.copy)[piece.first : piece.last]] = True
    text_column = context.recipe.input.text
    text_file = context.text_file(unit, last + 1)
    columns = [name for name in present_columns(unit.path).names if text_file is None or name != text_column]
    texts = ledger.Texts(text_file) if text_file is not None else None
    sizes = np.asarray(pc.fill_null(added[SIZE], 0).to_numpy(zero_copy_only=False), np.int64)
    for chunk in read_unit(unit, columns, wanted, chunk_bytes=chunk_bytes, measure=sizes):
        if isinstance(chunk, Unreadable):
            if wanted[chunk.start : chunk.stop].any():
                raise StoreError(
                    f"{unit.name}: rows {chunk.start + unit.first_row} to {chunk.stop + unit.first_row - 1}: a column"
                    f" that no stage reads cannot be decoded: {chunk.error}."
                    " Repair the file, or leave it out"
                )
        elif len(chunk.rows):
            given = dict(chunk.columns)
            if texts is not None:
                given[text_column] = texts.of(chunk.rows)
            yield _row_group(context, unit, chunk, given, added, schema)


def _added(context: Context, unit: Unit) -> dict[str, pa.Array]:
    """What stages added to a unit's rows, its ids and lengths, and `dropped_by` as it is at the end."""
    added: dict[str, pa.Array] = {}
    for p in context.plan.passes:
        names = [name for name, _ in p.adds] + ([ID] if p.number == 1 else [])
        names += [DROPPED_BY, SIZE] if p is context.plan.passes[-1] else []
        added |= ledger.read(context.folder.ledger(p.number, unit.stem), names)
    return added


def _row_group(
    context: Context,
    unit: Unit,
    chunk: Chunk,
    given: dict[str, pa.Array],
    added: dict[str, pa.Array],
    schema: pa.Schema,
) -> tuple[dict[str, pa.Array], npt.NDArray[np.int64]]:
    rows = pa.array(chunk.rows)
    id_column = context.recipe.input.id
    ours = {(id_column if name == ID else name): values for name, values in added.items() if name != SIZE}
    columns: dict[str, pa.Array] = {}
    for field in schema:
        if field.name in given:
            values = given[field.name]
            columns[field.name] = fitted(values, field, unit)
            if field.name == id_column and values.null_count and _holds_strings(field.type):
                made = added[ID].take(rows)
                columns[field.name] = pc.coalesce(values.cast(made.type), made).cast(field.type)
        elif field.name in ours:
            columns[field.name] = ours[field.name].take(rows).cast(field.type)
        else:
            columns[field.name] = pa.nulls(len(rows), field.type)
    return columns, added[SIZE].take(rows).to_numpy()


def _hash(path: Path) -> str:
    state = xxhash.xxh3_128()
    with open(path, "rb") as file:
        while block := file.read(1 << 20):
            state.update(block)
    return str(state.hexdigest())


def summary(receipts: list[Receipt]) -> dict[str, Any]:
    """The shards written, for the manifest."""
    shards = [{k: v for k, v in asdict(receipt).items() if k != "fingerprint"} for receipt in receipts]
    return {"rows": sum(r.rows for r in receipts), "bytes": sum(r.bytes for r in receipts), "shards": shards}
