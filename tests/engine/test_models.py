"""Models of a run: refused before any work, and told in the manifest by the SHA-256 of their files."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest

from curate import catalog
from curate.errors import RecipeError
from curate.models.fasttext import LANGUAGES
from tests.engine.corpus import documents, recipe_text, run, write_shards
from tests.stages.test_family import CASES, Case

WITH_FILES = [
    name
    for name in catalog.names()
    if any(catalog.stage_class(name)(**case.options).files() for case in CASES.get(name, [Case()]))
]


def test_they_are_all_here():
    assert {"language", "fasttext_score", "preselect", "quality", "toxicity", "badwords", "url_filter"} <= set(
        WITH_FILES
    )


@pytest.mark.parametrize("name", WITH_FILES)
def test_the_manifest_has_the_digest_of_every_file(tmp_path, name):
    made = [(case.options, catalog.stage_class(name)(**case.options)) for case in CASES.get(name, [Case()])]
    options, files = next((options, stage.files()) for options, stage in made if stage.files())
    data = write_shards(tmp_path / "in", documents(12), 2)
    run(recipe_text(data, tmp_path / "out", f"  - {name}: {json.dumps(options)}"))
    told = json.loads((tmp_path / "out/manifest.json").read_text())["models"]
    assert told == {str(path): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


@pytest.mark.parametrize(
    ("stage", "says"),
    [
        ("preselect: {model: 'builtin:lid.176'}", "has no label '1'"),
        ("preselect: {model: 'builtin:lid'}", "did you mean builtin:lid.176"),
        ("preselect: {model: no.bin}", "needs the file no.bin, which does not exist"),
        ("preselect: {model: 'hf://a/b/c.bin'}", "curate fetch hf://a/b/c.bin@main"),
        ("preselect: {model: cut.bin}", "cut.bin: the file is damaged"),
        ("fasttext_score: {model: 'builtin:lid.176', labels: [english]}", "has no label 'english'"),
        ("language: {model: cut.bin}", "cut.bin: the file is damaged"),
    ],
)
def test_what_is_wrong_with_a_model_stops_a_run_before_it_begins(tmp_path, monkeypatch, stage, says):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CURATE_MODELS", str(tmp_path / "none"))
    Path("cut.bin").write_bytes(LANGUAGES.read_bytes()[:2000])
    data = write_shards(tmp_path / "in", documents(12), 1)
    with pytest.raises(RecipeError, match=f"stage 1 '.*': .*{says}|stage 1 '.*' {says}"):
        run(recipe_text(data, tmp_path / "out", f"  - {stage}"))
    assert not (tmp_path / "out" / "data").exists()
