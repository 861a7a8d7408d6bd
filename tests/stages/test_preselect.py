"""preselect against the fastText library, with the model that is there."""

import re

import pyarrow as pa
import pytest
from pydantic import ValidationError

from curate.errors import StoreError
from curate.models.fasttext import LANGUAGES
from curate.stages.preselect import Preselect
from tests.stages.harness import batch_of, run

library = pytest.importorskip("fasttext.FastText")


def test_is_the_probability_of_its_label():
    texts = ["The cat sat on the mat.", "Le chat dort\nsur le tapis.", "", "x", "12 34"]
    found = run(Preselect(model=str(LANGUAGES), label="fr"), [[batch_of(texts)]]).columns["preselect_score"]
    model = library.load_model(str(LANGUAGES))
    for row, text in enumerate(texts):
        labels, chances = model.predict(text.replace("\n", " "), k=-1)
        wanted = dict(zip(labels, chances, strict=True)).get("__label__fr")
        assert found[f"d{row}"] == (None if wanted is None else pytest.approx(min(wanted, 1), abs=1e-5))
    assert found["d1"] > 0.9 > 0.1 > found["d0"]
    assert pa.float32() == Preselect.writes["preselect_score"]


def test_a_model_is_addressed_as_everywhere(tmp_path, monkeypatch):
    assert Preselect(model="builtin:lid.176").files() == (LANGUAGES,)
    assert Preselect(model=str(tmp_path / "m.bin")).files() == (tmp_path / "m.bin",)
    monkeypatch.setenv("CURATE_MODELS", str(tmp_path))
    address = "hf://org/repo/m.ftz@v2"
    with pytest.raises(StoreError, match=f"curate fetch {re.escape(address)}"):
        Preselect(model=address).files()
    (tmp_path / "org/repo/v2").mkdir(parents=True)
    (tmp_path / "org/repo/v2/m.ftz").write_bytes(LANGUAGES.read_bytes())
    assert Preselect(model=address).files() == (tmp_path / "org/repo/v2/m.ftz",)
    scores = [
        run(Preselect(model=model, label=label), [[batch_of(["Le chat dort."])]]).columns
        for model, label in ((address, "fr"), ("builtin:lid.176", "__label__fr"))
    ]
    assert scores[0] == scores[1]
    assert Preselect(model="m.bin", label=1).label == "1", "as YAML reads it"


def test_refuses_a_model_without_the_label_or_none_at_all_before_any_work(tmp_path):
    with pytest.raises(ValueError, match=r"the model builtin:lid\.176 has no label '1'; it has .*en"):
        Preselect(model="builtin:lid.176").check_columns({})
    cut = tmp_path / "cut.bin"
    cut.write_bytes(LANGUAGES.read_bytes()[:1000])
    with pytest.raises(StoreError, match=r"not whole|damaged"):
        Preselect(model=str(cut)).check_columns({})
    for options in ({"model": ""}, {"model": "m.bin", "label": ""}):
        with pytest.raises(ValidationError, match="at least 1"):
            Preselect(**options)
