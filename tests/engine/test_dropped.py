"""Stages that see dropped documents: rehydrate over runs, beside a count in plain Python."""

import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from curate.errors import RecipeError
from tests.engine.corpus import data_bytes, output, recipe_text, run

ROWS = 600
WRITES = '''
import pyarrow as pa
from curate import Edit
from curate.stage import One


class Sizes(Edit):
    """Write sizes, and drop some documents itself: these count for nothing."""

    edits_text = False
    writes = {"size": pa.int64()}

    def edit_one(self, text):
        number = int(text)
        return One(text, "copy" if number % 10 == 0 else None, {"size": size_of(number)})


def size_of(number):
    return 1 + number % 5
'''


def size_of(number):
    return 1 + number % 5


def language_of(number):
    return [None, "de", "en"][number % 3]


def short(number):
    """What `sample` and `drop` below do is known from the documents that come out; these two are by number."""
    return number % 5 == 1 and number % 7 < 5


def write(folder, shards, sizes):
    folder.mkdir()
    numbers = list(range(ROWS))
    columns = {
        "id": [f"d{n}" for n in numbers],
        "text": [str(n) for n in numbers],
        "short": [int(short(n)) for n in numbers],
        "tenth": [n % 11 for n in numbers],
        "lang": pa.array([language_of(n) for n in numbers]).dictionary_encode(),
        **({"size": [size_of(n) for n in numbers]} if sizes else {}),
    }
    table = pa.table(columns)
    for i in range(shards):
        part = table.slice(ROWS * i // shards, ROWS * (i + 1) // shards - ROWS * i // shards)
        pq.write_table(part, folder / f"s{i}.parquet", row_group_size=41)
    return folder


FIRST, SECOND = (
    "  - drop: {column: short, above: 0, as: shorts}\n",
    "  - drop: {column: tenth, in: [0, 1], as: tenths}\n",
)
ASK = "  - rehydrate: {repeats: auto, max_repeats: 4, column: size, by: lang}\n"
EARLY = "  - drop: {column: tenth, in: [2], as: early}\n"
CUT = "  - keep_best: {column: tenth, share: 1.0}\n"  # a global stage between: another pass

WAYS = {  # sizes of the input or of a stage; with and without a pass between
    "one pass": (True, FIRST + SECOND + ASK),
    "passes between": (True, FIRST + CUT + SECOND + CUT.replace("1.0}", "1.0, as: more}") + ASK),
    "sizes from a stage": (False, EARLY + "  - ./sizes.py\n" + FIRST + SECOND + ASK),
    "sizes from a stage, passes between": (False, EARLY + "  - ./sizes.py\n" + FIRST + CUT + SECOND + ASK),
}


def expected(sizes_given):
    """value → size → (documents, removed)."""
    found = {}
    for n in range(ROWS):
        if not sizes_given and (n % 11 == 2 or n % 10 == 0):
            continue
        counts = found.setdefault(language_of(n), {}).setdefault(size_of(n), [0, 0])
        counts[0] += 1
        counts[1] += short(n) or n % 11 in (0, 1)
    return {value: {size: tuple(pair) for size, pair in sizes.items()} for value, sizes in found.items()}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("shards", [1, 3])
def test_documents_dropped_on_the_way_are_seen(tmp_path, way, shards):
    sizes_given, stages = WAYS[way]
    (tmp_path / "sizes.py").write_text(WRITES)
    data = write(tmp_path / "in", shards, sizes_given)
    run(recipe_text(data, tmp_path / "out", stages), source=tmp_path / "recipe.yaml")
    artifact = json.loads((tmp_path / "out/artifacts/rehydrate.json").read_text())["artifact"]
    found = {
        table["value"]: {one["size"]: (one["documents"], one["removed"]) for one in table["classes"]}
        for table in artifact["tables"]
    }
    assert found == expected(sizes_given)
    times = {(t["value"], one["size"]): one["repeats"] for t in artifact["tables"] for one in t["classes"]}
    assert len(set(times.values())) > 2
    got = output(tmp_path / "out")
    assert got.schema.field("repeats").type == pa.int32()
    pairs = zip(got["lang"].to_pylist(), got["size"].to_pylist(), strict=True)
    assert got["repeats"].to_pylist() == [times[pair] for pair in pairs]
    assert sum(got["repeats"].to_pylist()) == sum(table["copies"] for table in artifact["tables"])


def test_another_cut_writes_the_same_bytes(tmp_path):
    data = write(tmp_path / "in", 3, sizes=True)
    for name, settings in (("a", {}), ("b", {"chunk_bytes": 300})):
        run(recipe_text(data, tmp_path / name, WAYS["passes between"][1]), **settings)
    assert data_bytes(tmp_path / "a") == data_bytes(tmp_path / "b")


def test_another_table_looks_at_no_document_again(tmp_path):
    data = write(tmp_path / "in", 2, sizes=True)
    run(recipe_text(data, tmp_path / "out", FIRST + ASK))
    ledgers = {path: path.stat().st_mtime_ns for path in (tmp_path / "out/pass-1").glob("*.ledger.parquet")}
    run(recipe_text(data, tmp_path / "out", FIRST + "  - rehydrate: {column: size, by: lang}\n"))
    assert {path: path.stat().st_mtime_ns for path in (tmp_path / "out/pass-1").glob("*.ledger.parquet")} == ledgers
    assert max(output(tmp_path / "out")["repeats"].to_pylist()) == 5


def test_of_dropped_documents_there_is_no_text(tmp_path):
    (tmp_path / "peek.py").write_text(
        "from curate import Global\n\n\nclass Peek(Global):\n"
        "    '''Look at texts.'''\n\n    sees_dropped = True\n"
        + "".join(
            f"\n    def {name}(self, *args):\n        ...\n"
            for name in ("observe", "resolve", "artifact_type", "apply")
        )
    )
    data = write(tmp_path / "in", 1, sizes=True)
    with pytest.raises(RecipeError, match=r"stage 1 'peek' sees dropped documents, .* no text; it cannot read it"):
        run(recipe_text(data, tmp_path / "out", "  - ./peek.py\n"), source=tmp_path / "recipe.yaml")
