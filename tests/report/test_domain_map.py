"""The map of domains: figures are those of the documents, and nothing that a document says is taken for HTML."""

from __future__ import annotations

import json
from html.parser import HTMLParser

import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

from curate.cli.app import app
from curate.errors import StoreError
from curate.report import numbers
from curate.report.domain_facts import DomainFacts, DomainMap, Place, domain_map
from curate.report.domain_page import labels, page
from curate.report.facts import Run
from tests.engine.corpus import documents, recipe_text, run, write_shards

STAGES = """
  - embed
  - domain_clusters: {domains: 4, clusters: 9, prune: {n: 95}}
  - expression: {column: size, expression: 2 * n}
  - keep_best: {column: n, share: 0.5}
"""


@pytest.fixture(scope="module")
def out(tmp_path_factory):
    folder = tmp_path_factory.mktemp("map")
    data = write_shards(folder / "in", documents(200), 3)
    run(recipe_text(data, folder / "out", STAGES))
    return folder / "out"


def test_figures_are_those_of_the_documents(out):
    found = domain_map(out)
    ledgers = [pq.read_table(path) for path in sorted((out / "pass-2").glob("*.ledger.parquet"))]
    rows = [row for ledger in ledgers for row in ledger.to_pylist()]
    for number, domain in enumerate(found.domains):
        mine = [row for row in rows if row["domain_id"] == number]
        assert domain.documents == len(mine) > 0
        assert {row["domain_name"] for row in mine} == {domain.name}
        assert domain.chars == sum(row["curate:chars"] for row in mine)
        assert domain.means["size"] == pytest.approx(sum(row["size"] for row in mine) / len(mine))
    kept = pq.read_table(out / "data")
    assert sum(domain.kept for domain in found.domains) == kept.num_rows
    assert found.pruned == sum(row["dropped_by"] == "domain_clusters/pruned_cluster" for row in rows) > 0
    assert found.without == 0
    assert found.sample == len(found.places) == 200
    assert {place.domain for place in found.places} == {None, *range(len(found.domains))}
    texts = {row["id"]: row["text"] for row in documents(200)}
    assert all(place.text == texts[place.id][:200] for place in found.places)


def test_the_command_writes_a_page_and_json(out):
    result = CliRunner().invoke(app, ["map", str(out)])
    assert result.exit_code == 0, result.output
    names = [domain.name for domain in domain_map(out).domains]
    assert all(name in result.output for name in names)
    stored = json.loads((out / "domains.json").read_text())
    assert [domain["name"] for domain in stored["domains"]] == names
    text = (out / "domains.html").read_text()
    assert text.count("<circle") == 200
    assert "http" not in text.replace("http-equiv", "")  # it needs nothing from elsewhere


def test_runs_without_domains(tmp_path):
    data = write_shards(tmp_path / "in", documents(20), 1)
    run(recipe_text(data, tmp_path / "out", "  - normalize\n"))
    with pytest.raises(StoreError, match="found domains; put embed and domain_clusters into the recipe"):
        domain_map(tmp_path / "out")


def test_a_step_by_its_label(tmp_path):
    stages = "  - embed\n  - domain_clusters: {as: topic, domains: 2}\n  - domain_clusters: {as: other, domains: 3}\n"
    run(recipe_text(write_shards(tmp_path / "in", documents(60), 1), tmp_path / "out", stages))
    assert domain_map(tmp_path / "out").step == "topic"
    assert len(domain_map(tmp_path / "out", "other").domains) == 3
    with pytest.raises(StoreError, match="found domains as third; there are those of topic, other"):
        domain_map(tmp_path / "out", "third")


def test_the_report_of_the_run_has_the_same_map(out):
    words, points = numbers._domains(Run(out))
    found = domain_map(out)
    assert list(words) == [domain.name for domain in found.domains]
    names = [*(domain.name for domain in found.domains), "(pruned)"]
    assert [point.domain for point in points] == [names[-1 if p.domain is None else p.domain] for p in found.places]
    assert [point.x for point in points] == [place.x for place in found.places]
    assert [point.about for point in points] == [f"{place.id}: {place.text}" for place in found.places]


HOSTILE = '</title></svg><script>alert(1)</script>" onload="x" \x00\x1b[31m & <b>'


class Elements(HTMLParser):
    def __init__(self):
        super().__init__()
        self.found, self.attributes = [], []

    def handle_starttag(self, tag, attrs):
        self.found.append(tag)
        self.attributes += [name for name, _ in attrs]


def hostile_map(text):
    domains = [
        DomainFacts(text, [text, "word"], 3, 30, 2, {"toxicity": 0.1234, "other": float("nan")}) for _ in range(3)
    ]
    places = [Place(text, n % 4 if n % 4 < 3 else None, n / 9 - 0.5, 0.1, 0.2, text) for n in range(9)]
    return DomainMap("domain_clusters", domains, places, 1, 2, 9, 100)


def test_what_documents_say_is_text():
    plain, hostile = Elements(), Elements()
    plain.feed(page(hostile_map("harmless"), "a run"))
    hostile.feed(page(hostile_map(HOSTILE), HOSTILE))
    assert hostile.found == plain.found
    assert hostile.attributes == plain.attributes
    assert hostile.found.count("script") == 1


def test_names_do_not_hide_each_other():
    domains = [DomainFacts(f"name-{n}", [], 5) for n in range(12)]
    places = [Place(str(n), n % 12, 0.01 * (n % 12), 0.0, 0.1, "") for n in range(60)]
    found = labels(DomainMap("domain_clusters", domains, places, 0, 0, 12, 60))
    assert [label.domain for label in found] == list(range(12))
    for one in found:
        for other in found:
            assert one == other or abs(one.x - other.x) >= 120 or abs(one.y - other.y) >= 15


def test_a_map_of_nothing():
    assert "<svg" in page(DomainMap("domain_clusters", [], [], 0, 0, 0, 0), "empty")
