"""The dataset card: a folder that `datasets` loads as it is, and nothing of a user that is not shown as text."""

from __future__ import annotations

import json
import shutil

import pyarrow.parquet as pq
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from curate.cli import reporting
from curate.cli.describing import steps_of
from curate.report import card as cards
from curate.report.card import MARK, About, card, without_folders
from curate.report.facts import Run
from curate.store.folder import RunFolder
from tests.cli.test_commands import curate
from tests.engine.corpus import documents, output, recipe_text, run, write_shards

CARD = """
card:
  title: Letters & rivers
  description: |
    What people wrote, once.

    # No heading
  licence: odc-by
  language: [en, ru]
  tags: [prose]
  sources:
    - {name: The river <b>archive</b>, licence: CC BY 4.0, url: "https://example.org/a"}
    - {name: Letters}
  limits: Of *one* river only.
"""
STAGES = "  - normalize\n  - exact_dedup\n  - gopher_quality: {min_words: 20, min_alpha_words: 0.5}\n"
PARTS = """  - exact_dedup
  - mixture:
      domain: half
      weights: uniform
      by: documents
      schedule: [{name: main, share: 0.8}, {name: end, share: 0.2}]
"""


def made(tmp_path, stages, extra=""):
    rows = [{**row, "half": "ab"[number % 2]} for number, row in enumerate(documents(120))]
    data = write_shards(tmp_path / "in", rows, 3)
    for path in data.glob("*.parquet"):
        table = pq.read_table(path)
        pq.write_table(table.append_column("half", [["ab"[n % 2] for n in table["n"].to_pylist()]]), path)
    run(recipe_text(data, tmp_path / "out", stages, extra))
    facts = Run(tmp_path / "out")
    reporting.write_card(facts, *steps_of(facts))
    return facts


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """A run with a card of its author."""
    return made(tmp_path_factory.mktemp("card"), STAGES, CARD)


def header(text):
    first, head, body = text.split("---\n", 2)
    assert first == ""
    return yaml.safe_load(head), body


def test_what_its_author_says_is_in_the_card(finished):
    head, body = header(finished.folder.card.read_text())
    assert head == {
        "pretty_name": "Letters & rivers",
        "license": "odc-by",
        "language": ["en", "ru"],
        "task_categories": ["text-generation"],
        "size_categories": ["n<1K"],
        "tags": ["curate", "prose"],
        "configs": [{"config_name": "default", "data_files": [{"split": "train", "path": "data/*.parquet"}]}],
    }
    page = MarkdownIt().enable("table").render(body)
    assert "<h1>Letters &amp; rivers</h1>" in page
    assert "<p># No heading</p>" in page
    assert "<td>The river &lt;b&gt;archive&lt;/b&gt;</td>\n<td>CC BY 4.0</td>" in page
    assert "<td>Letters</td>\n<td>not stated</td>" in page
    assert "Of *one* river only." in page
    assert "Nothing was done about personal data" in page


def test_the_funnel_is_that_of_the_manifest(finished):
    body = finished.folder.card.read_text()
    for row in finished.manifest["funnel"]:
        assert f"| `{row['label']}` | {row['documents_in']:,} | " in body
        for reason, (count, chars) in row["reasons"].items():
            assert f"| `{row['label']}/{reason}` | {count:,} | {chars:,} |" in body
    assert "3. `gopher_quality`: `min_words: 20, min_alpha_words: 0.5`" in body
    assert str(finished.folder.root.parent) not in body, "a path of this machine is in it"


@pytest.mark.parametrize(("stages", "parts"), [(STAGES, ["default"]), (PARTS, ["main", "end"])])
def test_the_folder_loads_as_it_is(tmp_path, stages, parts):
    datasets = pytest.importorskip("datasets")
    facts = made(tmp_path, stages, CARD)
    for part in parts:
        loaded = datasets.load_dataset(str(facts.folder.root), part, split="train", cache_dir=str(tmp_path / "cache"))
        folder = facts.folder.data / ("" if part == "default" else part)
        table = pq.read_table(folder, partitioning=None)
        assert loaded.column_names == table.column_names
        assert loaded["id"][:] == table["id"].to_pylist()
        assert loaded["text"][:] == table["text"].to_pylist()


def test_the_parts_of_a_schedule_are_configurations(tmp_path):
    facts = made(tmp_path, PARTS)
    head, _ = header(facts.folder.card.read_text())
    found = {one["config_name"]: one["data_files"][0]["path"] for one in head["configs"]}
    assert found == {"main": "data/main/*.parquet", "end": "data/end/*.parquet"}
    for path in found.values():
        assert list(facts.folder.root.glob(path))


def test_the_card_is_the_same_when_the_run_is_done_again(tmp_path):
    first = made(tmp_path / "a", STAGES, CARD).folder.card.read_text()
    assert made(tmp_path / "b", STAGES, CARD).folder.card.read_text() == first


def test_a_card_of_somebodys_own_is_left_alone(tmp_path):
    facts = made(tmp_path, STAGES)
    facts.folder.card.write_text("# Mine\n")
    assert reporting.write_card(facts, *steps_of(facts)) is None
    facts.folder.clear()
    assert facts.folder.card.read_text() == "# Mine\n"


def test_fresh_takes_our_card_away(tmp_path):
    facts = made(tmp_path, STAGES)
    assert MARK in facts.folder.card.read_text()
    RunFolder(facts.folder.root).clear()
    assert not facts.folder.card.exists()


def test_another_card_does_not_touch_the_documents(tmp_path):
    facts = made(tmp_path, STAGES, CARD)
    before = {path: path.stat().st_mtime_ns for path in facts.folder.root.rglob("*.parquet")}
    done = run(recipe_text(tmp_path / "in", tmp_path / "out", STAGES, "card: {title: Other}"))
    assert done.rows is None
    after = {path: path.stat().st_mtime_ns for path in facts.folder.root.rglob("*.parquet")}
    assert before == after
    again = Run(tmp_path / "out")
    reporting.write_card(again, *steps_of(again))
    assert "\n# Other\n" in again.folder.card.read_text()
    assert output(tmp_path / "out").num_rows == again.manifest["output"]["rows"]


HOSTILE = st.text(min_size=1) | st.sampled_from(
    [
        "---\nlicense: mit",
        "</details><script>alert(1)</script>",
        "[press](javascript:alert(1)) ![x](http://evil.example/x.png) <http://evil.example>",
        "| a | b |\n|---|---|\n",
        "```\n# x",
        "1. one\n2) two\n- three\n+ four\n* five\n> six\n===",
        "http://evil.example www.evil.example a@evil.example",
        "&lt;b&gt; &#60; \\* ~~x~~ <!-- x -->",
        "\ud83d\ude00 \x85 \u2028 \ufeff \x00".encode("utf-16", "surrogatepass").decode("utf-16"),
        "yes",
        "1e3",
        "null",
    ]
)


@pytest.fixture(scope="module")
def parts(finished):
    """What a card is made of."""
    shard = finished.folder.data / finished.manifest["output"]["shards"][0]["file"]
    return finished.manifest, steps_of(finished)[1], pq.read_schema(shard)


@settings(deadline=None)
@given(HOSTILE, HOSTILE, HOSTILE, st.lists(HOSTILE, max_size=3))
def test_all_that_users_say_is_shown_as_text(parts, title, licence, body, tags):
    about = About(title, body, licence, ["en"], [{"name": title, "licence": licence, "url": None}], tags, body)
    head, shown = header(card(about, *parts))
    assert head["pretty_name"] == cards.visible(title)
    assert head["tags"] == list(dict.fromkeys(["curate", *map(cards.visible, tags)]))
    assert head["license"] in (licence.lower(), "other")
    tokens = list(flat(MarkdownIt("commonmark", {"html": True, "linkify": False}).enable("table").parse(shown)))
    plain = list(
        flat(
            MarkdownIt("commonmark", {"html": True})
            .enable("table")
            .parse(
                header(
                    card(About("x", "x", "x", ["en"], [{"name": "x", "licence": "x", "url": None}], [], "x"), *parts)
                )[1]
            )
        )
    )
    for kind in (
        "html_block",
        "html_inline",
        "link_open",
        "image",
        "heading_open",
        "fence",
        "hr",
        "bullet_list_open",
        "table_open",
        "blockquote_open",
        "ordered_list_open",
        "code_block",
    ):
        assert sum(one.type == kind for one in tokens) == sum(one.type == kind for one in plain), kind


def flat(tokens):
    for token in tokens:
        yield token
        yield from flat(token.children or [])


@settings(deadline=None)
@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
        max_leaves=8,
    )
)
def test_json_in_the_header_is_yaml(value):
    shown = cards.quoted(value)
    assert "\n" not in shown
    assert yaml.safe_load(f"key: {shown}")["key"] == value
    assert json.loads(shown) == value


@pytest.mark.parametrize(
    ("options", "shown"),
    [
        ("model: /home/me/secret/model.bin, labels: {a: b}", "model: model.bin, labels: {a: b}"),
        ("model: hf://org/repo/model.bin@main", "model: hf://org/repo/model.bin@main"),
        ("expression: a / b", "expression: a / b"),
    ],
)
def test_folders_of_this_machine_are_left_out(options, shown):
    assert without_folders(options) == shown


def test_generations_have_one_card(tmp_path):
    data, recipe = tmp_path / "in", tmp_path / "r.yaml"
    rows = documents(90)
    recipe.write_text(
        recipe_text(
            data,
            tmp_path / "out",
            "  - normalize\n  - exact_dedup: {keep: first}\n",
            "incremental: true\ncard: {title: Nights}\n",
        )
    )
    write_shards(data, rows[:60], 2)
    assert curate("run", recipe, "--workers", 0).returncode == 0
    first = (tmp_path / "out/README.md").read_text()
    write_shards(tmp_path / "more", rows[60:], 1)
    (tmp_path / "more/s000.parquet").rename(data / "t000.parquet")
    done = curate("run", recipe, "--workers", 0)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "out/generations/gen-0002/report.html").exists()
    head, body = header((tmp_path / "out/README.md").read_text())
    assert head["pretty_name"] == "Nights"
    assert head["configs"][0]["data_files"][0]["path"] == "data/gen-*/*.parquet"
    kept = sum(pq.read_metadata(path).num_rows for path in (tmp_path / "out").glob("data/gen-*/*.parquet"))
    assert f"\n{kept} rows in 2 Parquet files" in body
    assert "from 2 generations of 3 files with 90 documents" in body
    assert "| `normalize` | 90 |" in body
    assert first != (tmp_path / "out/README.md").read_text()
    assert curate("report", tmp_path / "out/generations/gen-0001").stdout.count("wrote") == 1
    assert curate("run", recipe, "--workers", 0).returncode == 0


def test_generations_load_as_they_are(tmp_path):
    datasets = pytest.importorskip("datasets")
    facts = made(tmp_path, STAGES)
    manifest = cards.of_generations([facts.manifest, facts.manifest])
    for number in (1, 2):
        (tmp_path / f"all/data/gen-000{number}").mkdir(parents=True)
        shutil.copy(facts.folder.data / "00000.parquet", tmp_path / f"all/data/gen-000{number}")
    (tmp_path / "all/README.md").write_text(
        card(About("x"), manifest, (), pq.read_schema(facts.folder.data / "00000.parquet"))
    )
    loaded = datasets.load_dataset(str(tmp_path / "all"), split="train", cache_dir=str(tmp_path / "cache"))
    assert len(loaded) == 2 * facts.manifest["output"]["shards"][0]["rows"]
