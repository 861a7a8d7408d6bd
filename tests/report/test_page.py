"""The page of a run: the numbers of the manifest, real documents, and nothing of a document that is not text."""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
import re
import sys
from html.parser import HTMLParser
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from curate.cli import reporting
from curate.errors import StageError
from curate.report import html
from curate.report.facts import Run
from tests.engine.corpus import documents, recipe_text, run, write_shards
from tests.report import hostile

STAGES = "  - normalize\n  - exact_dedup\n  - gopher_quality: {min_words: 20, min_alpha_words: 0.5}\n"


class Parsed(HTMLParser):
    """The elements of a page, and what is in them."""

    VOID = frozenset({"meta", "br", "input", "link", "img", "base"})

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[str] = []
        self.scripts: list[str] = []
        self.open: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        (self.scripts if self.open[-1:] in (["script"], ["style"]) else self.texts).append(data)

    @property
    def text(self) -> str:
        return "".join(self.texts)


def page_of(out: Path) -> Parsed:
    path = out / "report.html"
    reporting.write_page(Run(out), path)
    return Parsed(path.read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """A run over 400 documents."""
    root = tmp_path_factory.mktemp("page")
    data = write_shards(root / "in", documents(400), 3)
    run(recipe_text(data, root / "out", STAGES))
    return root / "out"


def test_the_numbers_of_the_manifest_are_on_the_page(finished):
    page = page_of(finished)
    manifest = json.loads((finished / "manifest.json").read_text())
    words = " ".join(page.text.split())
    for row in manifest["funnel"]:
        assert row["label"] in words
        for reason, (count, _) in row["reasons"].items():
            assert f"{row['label']}/{reason}{count:,}" in words.replace(" ", "").replace("|", "")
    assert f"{manifest['accounting']['documents_out']:,}" in words
    for sha256 in manifest["models"].values():
        assert sha256 in words


def test_samples_of_every_reason_are_those_that_inspect_shows(finished):
    page, facts = page_of(finished), Run(finished)
    for label in (None, *facts.reasons()):
        if label != "quarantine":
            first = facts.some(1, label)[0]
            assert first.id in page.text
            assert html.visible(first.text[:200]) in page.text


def test_nothing_is_asked_of_the_network(finished):
    for tag, attributes in page_of(finished).tags:
        assert tag not in ("img", "link", "iframe", "object", "embed", "base", "form", "a") or (
            tag == "a" and str(attributes["href"]).startswith("#")
        )
        assert "src" not in attributes
        assert not any(name.startswith("on") for name in attributes)
    policy = next(
        attributes["content"]
        for tag, attributes in page_of(finished).tags
        if attributes.get("http-equiv") == "Content-Security-Policy"
    )
    assert "default-src 'none'" in policy
    assert "unsafe-inline" not in re.search("script-src[^;]*", policy)[0]
    assert "unsafe-eval" not in policy


def test_charts_are_drawn_from_the_page_alone(finished):
    pytest.importorskip("plotly")
    page = page_of(finished)
    figures, packed, own = page.scripts[1:]
    places = {attributes["data-figure"] for _, attributes in page.tags if "data-figure" in attributes}
    assert set(json.loads(figures)) == places != set()
    library = gzip.decompress(base64.b64decode(packed)).decode()
    policy = next(attributes["content"] for _, attributes in page.tags if "content" in attributes)
    for script in (library, own):
        digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
        assert f"'sha256-{digest}'" in policy
    assert all(attributes["aria-label"] for _, attributes in page.tags if "data-figure" in attributes)


def test_without_plotly_there_are_numbers_but_no_charts(finished, monkeypatch):
    monkeypatch.setitem(sys.modules, "plotly", None)
    monkeypatch.setitem(sys.modules, "plotly.offline", None)
    page = page_of(finished)
    assert "plotly is not installed" in page.text
    assert [tag for tag, _ in page.tags if tag == "script"] == []
    assert "gopher_n_words" in page.text


def test_a_run_that_failed_has_a_page_of_what_was_done(tmp_path):
    (tmp_path / "boom.py").write_text(
        'from curate import Filter\n\n\nclass Boom(Filter):\n    """Fails."""\n\n'
        '    def judge_one(self, text):\n        raise RuntimeError("<b>boom</b>")\n'
    )
    data = write_shards(tmp_path / "in", documents(60), 2)
    with pytest.raises(StageError):
        run(
            recipe_text(data, tmp_path / "out", "  - normalize\n  - exact_dedup\n  - ./boom.py\n"),
            source=tmp_path / "r.yaml",
        )
    page = page_of(tmp_path / "out")
    assert "The run is not complete" in page.text
    assert "<b>boom</b>" in page.text
    assert "still in" in page.text


def test_a_stage_that_is_gone_leaves_a_page_without_its_options(tmp_path):
    (tmp_path / "mine.py").write_text(
        'from curate import Filter\n\n\nclass Mine(Filter):\n    """Drops little."""\n\n'
        '    def judge_one(self, text):\n        return "mine" if len(text) < 40 else None\n'
    )
    data = write_shards(tmp_path / "in", documents(60), 2)
    run(recipe_text(data, tmp_path / "out", "  - ./mine.py\n"), source=tmp_path / "r.yaml")
    assert "mine/mine" in page_of(tmp_path / "out").text
    (tmp_path / "mine.py").unlink()
    assert "mine/mine" in page_of(tmp_path / "out").text


def test_hostile_documents_are_text(tmp_path):
    data = hostile.write(tmp_path / "in")
    run(recipe_text(data, tmp_path / "out", "  - normalize\n  - exact_dedup\n  - gopher_quality\n"))
    page = page_of(tmp_path / "out")
    names = {tag for tag, _ in page.tags}
    assert not names & {"iframe", "svg", "base", "form", "img", "input", "textarea"}
    assert sum(tag == "script" for tag, _ in page.tags) == len(page.scripts) - 1  # the rest is the style sheet
    assert all(hostile.MARK not in script for script in page.scripts)
    assert "<img src=x onerror=" in page.text
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]", page.text)
    assert (tmp_path / "out/report.html").stat().st_size < 4_000_000


@settings(deadline=None)
@given(st.text(), st.text())
def test_any_text_is_text_wherever_it_stands(inside, attribute):
    page = Parsed(html.page(html.tag("html", html.tag("p", inside, html.tag("i"), inside, title=attribute))))
    assert [tag for tag, _ in page.tags] == ["html", "p", "i"]
    plain = page.text.strip("\n")
    twice = (html.visible(inside) * 2).strip("\n")
    assert plain == twice
    assert page.tags[1][1]["title"] == html.visible(attribute)


@pytest.mark.parametrize("content", ["</script>", "<!--", "a</b"])
def test_a_script_cannot_end_early(content):
    with pytest.raises(ValueError, match="has </ or <!--"):
        html.raw("script", content)


def test_domains_have_words_and_a_map(tmp_path):
    pytest.importorskip("plotly")
    data = write_shards(tmp_path / "in", documents(60), 1)
    path = next(data.glob("*.parquet"))
    table = pq.read_table(path)
    names = [("rivers", "<b>letters</b>")[n % 2] for n in table["n"].to_pylist()]
    pq.write_table(table.append_column("domain_name", [names]), path)
    run(recipe_text(data, tmp_path / "out", "  - drop: {column: n, below: 10}\n"))
    clusters = [{"domain": 0}, {"domain": None}, {"domain": 1}]
    domains = [{"name": "rivers", "words": ["water", "bank"]}, {"name": "<b>letters</b>", "words": ["ink"]}]
    examples = [
        {"id": f"d{i}", "cluster": i % 3, "distance": 0.1, "x": i / 9 - 1, "y": 0.5, "text": "<a href='javascript:1'>"}
        for i in range(9)
    ]
    artifact = {"domains": domains, "clusters": clusters, "examples": examples}
    (tmp_path / "out/artifacts").mkdir(exist_ok=True)
    (tmp_path / "out/artifacts/domain_clusters.json").write_text(json.dumps({"artifact": artifact}))
    page = page_of(tmp_path / "out")
    figures = json.loads(next(script for script in page.scripts if script.startswith("{")))
    traces = next(figure for name, figure in figures.items() if name.startswith("domains"))["data"]
    assert [(trace["name"], len(trace["x"])) for trace in traces] == [
        ("rivers", 3),
        ("(pruned)", 3),
        ("&lt;b&gt;letters&lt;/b&gt;", 3),
    ]
    assert "<" not in "".join(text for trace in traces for text in trace["customdata"])
    assert "rivers: water, bank" in page.text
    assert "rivers3025" in page.text, "thirty documents, of which twenty-five are kept"
