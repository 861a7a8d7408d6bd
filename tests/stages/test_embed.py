"""embed: vectors by each of its models, where they come from, and what is said when they are not there."""

from __future__ import annotations

import json
import struct
import sys
from types import SimpleNamespace

import numpy as np
import pyarrow as pa
import pytest
from pydantic import ValidationError

from curate import plan, recipe
from curate.errors import RecipeError, StoreError
from curate.models import embedders, static
from curate.stages.embed import Embed
from tests.stages.harness import batch_of, cut, observe, run

TEXTS = [
    "The judge read the verdict to the jury.",
    "",
    "Bread, butter and soup.",
    "日本語",
    "Le juge a lu le verdict.",
] * 9


def column(found):
    return [found.columns["embedding"][f"d{row}"] for row in range(len(TEXTS))]


def test_builtin():
    found = column(run(Embed(), [[batch_of(TEXTS)]]))
    assert [row is None for row in found[:5]] == [False, True, False, True, False]
    for row, vector in enumerate(found[:5]):
        if vector is not None:
            assert len(vector) == 128
            assert np.allclose(vector, static.vector_one(TEXTS[row]), atol=1e-3)


def test_lsa_does_not_depend_on_how_the_corpus_is_cut():
    stage, batch = Embed(model="lsa", dimensions=4, sample=30), batch_of(TEXTS)
    whole = run(stage, [[batch]])
    assert whole.artifact.sample == 30
    for units in ([cut(batch, [1, 5, 20])], [[piece] for piece in cut(batch, [7, 8])]):
        again = run(stage, units)
        assert again.artifact.model_dump_json() == whole.artifact.model_dump_json()
        assert again.columns == whole.columns
    assert stage.for_corpus(10**6).sample_share == 2**-12
    assert observe(stage.model_copy(update={"sample_share": 0.3}), [[batch]]).rows < 30


def test_what_lsa_learned_serves_another_run(tmp_path):
    batch = batch_of(TEXTS)
    first = run(Embed(model="lsa", dimensions=4), [[batch]])
    path = tmp_path / "embed.json"
    path.write_text(json.dumps({"artifact": first.artifact.model_dump(mode="json"), "fingerprint": "x"}))
    stage = Embed(model=str(path))
    assert stage.is_decided()
    assert stage.files() == (path,)
    assert stage.columns_written() == {"embedding": pa.list_(pa.float16(), 4)}
    assert run(stage, [[batch]]).columns == first.columns


def test_what_stays_in_the_run_folder():
    assert Embed().columns_kept_back() == ("embedding",)
    assert Embed(keep=True).columns_kept_back() == ()
    assert Embed().scratch(100, 10**6) >= 0


def test_names_that_are_no_model():
    with pytest.raises(ValidationError, match="no embedding is named 'builtin:x'; there are builtin and lsa"):
        Embed(model="builtin:x")
    stage = Embed(model="no/such/folder")
    assert stage.files()[0].name == "folder"
    assert stage.columns_written()  # no error: the file is complained of by name


def safetensors(path, tensors):
    header = json.dumps(
        {name: {"dtype": "F32", "shape": shape, "data_offsets": [0, 0]} for name, shape in tensors.items()}
    )
    path.write_bytes(struct.pack("<Q", len(header)) + header.encode())


@pytest.fixture
def potion(tmp_path):
    safetensors(tmp_path / "model.safetensors", {"embeddings": [10, 6]})
    (tmp_path / "modules.json").write_text('[{"path": ".", "type": "sentence_transformers.models.StaticEmbedding"}]')
    return tmp_path


@pytest.fixture
def transformer(tmp_path):
    (tmp_path / "1_Pooling").mkdir()
    (tmp_path / "1_Pooling/config.json").write_text('{"word_embedding_dimension": 5}')
    modules = [{"path": "", "type": "Transformer"}, {"path": "1_Pooling"}, {"path": "2_Normalize"}]
    (tmp_path / "modules.json").write_text(json.dumps(modules))
    return tmp_path


def encode(size):
    """Vectors of `size` numbers by the length of the text; zero for an empty one."""
    return lambda texts, **options: np.array([[len(text)] * size for text in texts], np.float32)


def test_a_model2vec_folder(potion, monkeypatch):
    assert not embedders.is_sentence_transformer(potion)
    model = SimpleNamespace(from_pretrained=lambda path: SimpleNamespace(encode=encode(6)))
    monkeypatch.setitem(sys.modules, "model2vec", SimpleNamespace(StaticModel=model))
    found = column(run(Embed(model=str(potion)), [[batch_of(TEXTS)]]))
    assert found[1] is None
    assert np.allclose(found[0], 6**-0.5, atol=1e-3)


def test_a_sentence_transformer_folder(transformer, monkeypatch):
    assert embedders.is_sentence_transformer(transformer)
    made = SimpleNamespace(SentenceTransformer=lambda path, device: SimpleNamespace(encode=encode(5)))
    monkeypatch.setitem(sys.modules, "sentence_transformers", made)
    found = column(run(Embed(model=str(transformer)), [[batch_of(TEXTS)]]))
    assert np.allclose(found[0], 5**-0.5, atol=1e-3)


def test_without_its_library_a_model_says_what_to_install(potion, monkeypatch):
    monkeypatch.setitem(sys.modules, "model2vec", None)
    with pytest.raises(StoreError, match=r"needs model2vec, which is not installed: pip install 'curate\[embed\]'"):
        run(Embed(model=str(potion)), [[batch_of(["a text"])]])


def test_a_recipe_with_a_folder_without_a_model_is_refused_where_it_stands(tmp_path):
    text = f"input: x\noutput: {tmp_path / 'out'}\nstages:\n  - embed: {{model: {tmp_path}}}\n"
    with pytest.raises(RecipeError, match=r"stage 1 'embed': .*: no embedding model that we know"):
        plan.make(recipe.loads(text), None)
    (tmp_path / "other.json").write_text("{}")
    with pytest.raises(RecipeError, match=r"stage 1 'embed': .*other.json: no word vectors in it"):
        plan.make(recipe.loads(text.replace(f"model: {tmp_path}", f"model: {tmp_path / 'other.json'}")), None)


def test_a_folder_without_a_model(tmp_path):
    with pytest.raises(StoreError, match="no embedding model that we know"):
        embedders.dimensions(tmp_path)
    (tmp_path / "modules.json").write_text("[]")
    with pytest.raises(StoreError, match="names no module with a number of dimensions"):
        embedders.dimensions(tmp_path)


def test_model2vec_itself(tmp_path):
    """A small model of two words, saved and read by the library."""
    model2vec = pytest.importorskip("model2vec")
    tokenizers = pytest.importorskip("tokenizers")
    words = {"[UNK]": 0, "court": 1, "bread": 2}
    tokenizer = tokenizers.Tokenizer(tokenizers.models.WordLevel(words, "[UNK]"))
    tokenizer.pre_tokenizer = tokenizers.pre_tokenizers.Whitespace()
    table = np.array([[0, 0, 0], [3, 4, 0], [0, 0, 2]], np.float32)
    model2vec.StaticModel(table, tokenizer).save_pretrained(str(tmp_path / "model"))
    stage = Embed(model=str(tmp_path / "model"))
    assert stage.columns_written() == {"embedding": pa.list_(pa.float16(), 3)}
    found = run(stage, [[batch_of(["court", "bread bread", "court bread", "none"])]]).columns["embedding"]
    assert np.allclose(found["d0"], [0.6, 0.8, 0], atol=1e-3)
    assert np.allclose(found["d1"], [0, 0, 1], atol=1e-3)
    assert np.allclose(found["d2"], np.array([3, 4, 2]) / 29**0.5, atol=1e-3)
    assert found["d3"] is None
