"""`curate check`: what it says that a run will need."""

import pyarrow as pa
import pytest
from typer.testing import CliRunner

from curate import recipe as recipes
from curate.cli.app import app
from curate.cli.checking import disk_needed
from curate.engine.intake import Survey
from curate.errors import RecipeError

SURVEY = Survey(1, 1 << 30, 10**6, 2 * 10**9, True, pa.schema({"text": pa.string()}), ())


def needed(*stages):
    lines = "".join(f"  - {stage}\n" for stage in stages)
    return disk_needed(recipes.loads(f"input: a\noutput: b\nstages:\n{lines}"), SURVEY)


@pytest.mark.parametrize(
    ("stage", "each"),  # bytes for each of a million documents of 2 kB
    [
        ("sample: {share: 0.5}", 0),
        ("keep_best: {column: score, share: 0.5}", 8 + 8 + 8 + 8),
        ("exact_dedup", 8 + 8 + 8 + 4 + 8 + 8 + 40),
        ("line_dedup", 20 * (1 + 25)),
        ("minhash_dedup", 24 * 15 + 80 + 40 + 2000 * 4 // 6),
        ("minhash_dedup: {like: refinedweb}", 24 * 451 + 80 + 40 + 256 * 4),
    ],
)
def test_disk_for_what_stages_note_of_documents(stage, each):
    assert needed("normalize", stage) - needed("normalize") == pytest.approx(each * 10**6, rel=0.01)
    assert needed(stage, "normalize", f"{stage[:-1]}, as: again}}" if ":" in stage else f"{stage}: {{as: again}}") == (
        2 * needed(stage) - needed("normalize")
    )


def test_json_lines_without_the_text_column(tmp_path):
    folder = tmp_path / "in"
    folder.mkdir()
    (folder / "a.jsonl").write_text('{"url": "u", "content": "Some text."}\n{"url": "v", "content": "More."}\n')
    recipe = tmp_path / "r.yaml"
    recipe.write_text(f"input: {folder}\noutput: {tmp_path / 'out'}\nstages: [normalize]\n")
    with pytest.raises(RecipeError, match=r"r\.yaml: input\.text: it has no column 'text'; it has: url, content"):
        CliRunner().invoke(app, ["check", str(recipe)], catch_exceptions=False)
    (folder / "b.jsonl").write_text('{"url": "u", "text": "Some text."}\n')
    done = CliRunner().invoke(app, ["check", str(recipe)])
    assert done.exit_code == 3
    assert "cannot be read a.jsonl: missing_column: it has no column 'text'; it has: url, content" in done.output
    assert "ready" not in done.output


def test_a_file_without_any_document_is_counted_and_explained(tmp_path):
    folder = tmp_path / "in"
    folder.mkdir()
    (folder / "a.jsonl").write_text('{"text": "Some text."}\n')
    (folder / "b.json").write_text('[\n {\n  "text": "One."\n },\n {\n  "text": "Two."\n }\n]\n')
    recipe = tmp_path / "r.yaml"
    recipe.write_text(f"input: {folder}\noutput: {tmp_path / 'out'}\nstages: [normalize]\n")
    done = CliRunner().invoke(app, ["check", str(recipe)])
    assert done.exit_code == 3, done.output
    assert "b.json: the file seems to be one JSON value over many lines; make it JSON lines" in done.output
    assert "broken_json" in done.output
    assert "ready" not in done.output
