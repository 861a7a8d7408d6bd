"""Small corpora of made-up documents, cut into shards in any way, and runs over them."""

from __future__ import annotations

import hashlib
import random
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from curate import recipe as recipes
from curate.engine import driver
from curate.engine.events import RunDone
from curate.executors import Executor, Inline

WORDS = "the of and to in that it is was for on with as be at by this had not but from have are which one you".split()


def documents(n: int, seed: int = 0) -> list[dict[str, object]]:
    """`n` documents: prose of random words, some repeated, some short, some not English."""
    chance = random.Random(seed)
    made: list[dict[str, object]] = []
    for number in range(n):
        if number % 7 == 3 and made:
            text = str(chance.choice(made)["text"])
        else:
            lines = [
                " ".join(
                    chance.choice(WORDS) + chance.choice(["", "", "s", "ing"]) for _ in range(chance.randint(3, 14))
                )
                for _ in range(chance.randint(1, 12))
            ]
            text = "\n".join(line.capitalize() + chance.choice([".", "!", "", "…", " \r"]) for line in lines)
        if number % 11 == 5:
            text += "\nЕщё одна строка, naïve café."
        made.append({"id": f"d{number:05d}", "text": text, "n": number, "tags": [number % 3, number % 5]})
    return made


def write_shards(folder: Path, rows: list[dict[str, object]], shards: int, group: int = 10_000) -> Path:
    """The rows in `shards` Parquet files of consecutive rows."""
    folder.mkdir(parents=True, exist_ok=True)
    schema = pa.schema([("id", pa.string()), ("text", pa.string()), ("n", pa.int64()), ("tags", pa.list_(pa.int32()))])
    cuts = [len(rows) * i // shards for i in range(shards + 1)]
    for i in range(shards):
        table = pa.Table.from_pylist(rows[cuts[i] : cuts[i + 1]], schema=schema)
        pq.write_table(table, folder / f"s{i:03d}.parquet", row_group_size=group)
    return folder


def recipe_text(data: Path | str, out: Path | str, stages: str, extra: str = "") -> str:
    """A recipe over a folder."""
    return f"input: {data}\noutput: {{path: {out}, shard_size: 40kB}}\n{extra}\nstages:\n{stages}"


def run(text: str, executor: Executor | None = None, source: Path | None = None, **settings: object) -> RunDone:
    """Run a recipe given as text."""
    recipe = recipes.loads(text, source=source)
    return driver.run(recipe, executor or Inline(), settings=driver.Settings(**settings))  # type: ignore[arg-type]


def output(out: Path) -> pa.Table:
    """All documents that a run kept, in order."""
    paths = sorted((out / "data").glob("*.parquet"))
    return pa.concat_tables([pq.read_table(path) for path in paths])


def data_bytes(out: Path, folders: tuple[str, ...] = ("data",)) -> dict[str, str]:
    """File → hash of its bytes, of what a run wrote."""
    found = {}
    for folder in folders:
        for path in sorted((out / folder).rglob("*")):
            if path.is_file():
                found[str(path.relative_to(out))] = hashlib.sha256(path.read_bytes()).hexdigest()
    return found
