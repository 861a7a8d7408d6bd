"""preselect against the fastText library, with the model that is there."""

import fasttext.FastText as library
import pyarrow as pa
import pytest

from curate.errors import StageError, StoreError
from curate.models.fasttext import LANGUAGES
from curate.stages.preselect import Preselect
from tests.stages.harness import batch_of, run


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


def test_refuses_a_model_without_the_label_or_none_at_all(tmp_path):
    with pytest.raises(StageError, match="has no label '1'; it has"):
        run(Preselect(model=str(LANGUAGES)), [[batch_of(["x"])]])
    cut = tmp_path / "cut.bin"
    cut.write_bytes(LANGUAGES.read_bytes()[:1000])
    with pytest.raises(StoreError, match=r"not whole|damaged"):
        run(Preselect(model=str(cut)), [[batch_of(["x"])]])
