"""Which documents stay, and what is noted of them; that labels are fastText's own is in tests/models."""

from __future__ import annotations

import json
from collections import defaultdict

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from pydantic import ValidationError

from curate.errors import StoreError
from curate.models.fasttext import LANGUAGES
from curate.stages.language import Language
from tests.stages.harness import batch_of
from tests.verdicts import _DATA

ENGLISH = "The cat sat on the mat, and the dog lay at the door of the house."
FRENCH = "Le chat dort sur le tapis, et le chien est devant la porte de la maison."
TEXTS = [ENGLISH, FRENCH, "猫はマットの上に座っている。", "", "x"]


def reasons(stage: Language, texts: list[str] = TEXTS) -> list[str | None]:
    outcome = stage.process(batch_of(texts))
    easy = [stage.edit_one(text) for text in texts]
    assert outcome.reason.to_pylist() == [one.reason for one in easy]
    assert outcome.columns["language"].to_pylist() == [one.columns["language"] for one in easy]
    assert outcome.columns["language_score"].to_pylist() == [one.columns["language_score"] for one in easy]
    assert outcome.text is None
    return outcome.reason.to_pylist()


def test_drops_nothing_unless_told_to():
    assert reasons(Language()) == [None] * 5


def test_keeps_the_languages_wanted():
    assert reasons(Language(keep=["fr", "ja"])) == ["not_kept", None, None, "not_kept", "not_kept"]
    assert reasons(Language(keep=["en"], min_score=0.65)) == [None, "not_kept", "not_kept", "low_score", "low_score"]


def test_a_score_must_be_greater_than_the_least():
    score = Language().edit_one(ENGLISH).columns["language_score"]
    assert reasons(Language(min_score=score), [ENGLISH]) == ["low_score"]
    assert reasons(Language(min_score=np.nextafter(score, 0)), [ENGLISH]) == [None]
    assert reasons(Language(min_score=1), TEXTS[2:3]) == [None], "fastText's score may be a little over 1"


def test_looks_at_the_beginning_only_when_told_to():
    text = f"{FRENCH} é {ENGLISH * 9}"
    assert Language().edit_one(text).columns["language"] == "en"
    first = Language(max_chars=len(FRENCH) + 2)
    assert first.edit_one(text).columns == Language().edit_one(f"{FRENCH} é").columns
    assert reasons(first, [text]) == [None]


def test_no_documents():
    outcome = Language(keep=["en"]).process(batch_of([]))
    assert outcome.reason.type == outcome.columns["language"].type == pa.string()
    assert outcome.columns["language_score"].type == pa.float32()


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"keep": ["eng"]}, "'eng'.* en"),
        ({"keep": ["en", "klingon"]}, "'klingon'"),
        ({"keep": []}, "at least 1"),
        ({"min_score": 65}, "less than or equal to 1"),
        ({"max_chars": 0}, "greater than or equal to 1"),
        ({"model": "builtin:lid.218"}, "builtin:lid.176"),
    ],
)
def test_bad_options(options, says):
    with pytest.raises(ValidationError, match=says):
        Language(**options)


def test_a_model_of_ones_own(tmp_path):
    fasttext = pytest.importorskip("fasttext")
    lines = tmp_path / "lines.txt"
    lines.write_text("__label__cats purr meow purr\n__label__dogs bark woof bark\n" * 50)
    path = tmp_path / "pets.bin"
    fasttext.train_supervised(str(lines), dim=4, epoch=20, lr=1.0, thread=10, verbose=0).save_model(str(path))
    stage = Language(model=str(path), keep=["cats"])
    assert stage.files() == (path,)
    assert reasons(stage, ["meow meow", "woof woof bark"]) == [None, "not_kept"]
    with pytest.raises(ValueError, match="'mice'"):
        Language(model=str(path), keep=["mice"]).edit_one("meow")
    with pytest.raises(StoreError, match="absent"):
        Language(model=str(tmp_path / "absent.bin")).process(batch_of(["meow"]))


def test_the_model_is_named_for_the_manifest():
    assert Language().files() == (LANGUAGES,)
    assert "CC BY-SA 3.0" in LANGUAGES.with_suffix(".md").read_text()


def test_options_survive_json():
    stage = Language(keep=["en"], min_score=0.65, max_chars=100)
    assert Language(**json.loads(stage.model_dump_json())) == stage


@pytest.mark.skipif(not (_DATA / "oracle").exists(), reason="the verdicts are not there; CURATE_SHARED_DATA names them")
def test_labels_and_scores_of_datatrove():
    verdicts = pq.read_table(
        _DATA / "oracle" / "datatrove_verdicts.parquet", columns=["file", "id", "lang", "lang_score"]
    )
    for file in pc.unique(verdicts["file"]).to_pylist():
        theirs = verdicts.filter(pc.equal(verdicts["file"], file))
        corpus = pq.read_table(_DATA / "corpus" / file, columns=["id", "text"])
        rows = pc.index_in(theirs["id"], corpus["id"].combine_chunks().cast(theirs["id"].type))
        columns = Language().process(batch_of(corpus["text"].take(rows).to_pylist())).columns
        assert columns["language"].to_pylist() == theirs["lang"].to_pylist()
        assert np.abs(columns["language_score"].to_numpy() - theirs["lang_score"].to_numpy()).max() < 1e-4


UNKNOWN = set("lg mi nb om sn st ti tn ts xh zu".split())  # languages that the model has no label for
CONFUSED = set("yo bs so ms nn af hr la ca ga".split())  # those it gets right less often than four times in five


@pytest.mark.skipif(not (_DATA / "lid").exists(), reason="the sentences are not there; CURATE_SHARED_DATA names them")
def test_accuracy_on_sentences():
    table = pq.read_table(_DATA / "lid" / "sentences.parquet")
    found = Language().process(batch_of(table["text"].to_pylist())).columns["language"].to_pylist()
    right = defaultdict(list)
    for language, label in zip(table["lang"].to_pylist(), found, strict=True):
        right[language].append(language == label)
    share = {language: sum(hits) / len(hits) for language, hits in right.items()}
    assert len(share) == 79
    assert {language for language, hits in share.items() if hits == 0} == UNKNOWN
    assert {language for language, hits in share.items() if hits < 0.8} == UNKNOWN | CONFUSED
    assert min(share[language] for language in "en de fr es it ru zh ja ko ar hi th el he".split()) > 0.95
