"""Losses of an n-gram model, of columns, of a transformer that is made here; and their tables, also after a stop."""

import json
import math
import shutil
from contextlib import ExitStack

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

from curate.cli.app import app
from curate.errors import CurateError, RecipeError
from curate.fit.losses import ColumnLoss, HFCausalLoss, NGramLoss, in_nats
from curate.fit.preselect import Ladder, fit_preselect
from curate.fit.scoring import characters, score
from curate.fit.training import Settings
from curate.store.reading import Reader
from tests.fit.planted import losses, texts, write


def documents(found, **columns):
    ids = pa.array([f"d{i}" for i in range(len(found))], pa.large_string())
    return pa.table({"id": ids, "text": pa.array(found, pa.large_string()), **columns})


def test_units():
    found = pa.array(["abcd", "éé", ""], pa.large_string())
    assert in_nats(np.array([1.0, 1, 1]), "bits_per_character", found) == pytest.approx(np.log(2) * np.array([4, 2, 0]))
    assert in_nats(np.array([1.0, 1, 1]), "bits_per_byte", found) == pytest.approx(np.log(2) * np.array([4, 4, 0]))


def test_column():
    nats, tokens = ColumnLoss("m", "bpc", "bits_per_character").losses(documents(["ab", "a"], bpc=[2.0, None]))
    assert nats[0] == pytest.approx(4 * math.log(2))
    assert math.isnan(nats[1])
    assert tokens.tolist() == [0, 0]
    with pytest.raises(RecipeError, match="is no loss"):
        ColumnLoss("m", "x").losses(documents(["a"], x=[[1]]))


def test_ngrams_are_probabilities_and_learn():
    model = NGramLoss("n", 3).learn(["the cat sat on the mat", "the dog"])
    for context in (b"", b"t", b"the", b"at ", b"zzz"):
        assert math.fsum(model.probability(context, byte) for byte in range(257)) == pytest.approx(1)
    (known, other, empty), tokens = model.losses(documents(["the cat", "xyz qrs", ""]))
    assert known < other
    assert math.isnan(empty)
    assert tokens.tolist() == [8, 8, 0]
    by_hand = -sum(math.log(model.probability(b"the cat"[:at], byte)) for at, byte in enumerate([*b"the cat", 256]))
    assert known == pytest.approx(by_hand)
    fresh, _ = NGramLoss("n", 3).losses(documents(["abc"]))
    assert fresh[0] == pytest.approx(4 * math.log(257))


@pytest.fixture(scope="module")
def tiny(tmp_path_factory):
    """A transformer of two layers with random weights, and a tokenizer of single characters."""
    torch = pytest.importorskip("torch")
    transformers = pytest.importorskip("transformers")
    from tokenizers import Regex, Tokenizer, models, pre_tokenizers

    folder = tmp_path_factory.mktemp("tiny")
    vocabulary = {"<s>": 0, "?": 1, **{c: 2 + i for i, c in enumerate("abcdefghij ")}}
    tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token="?"))
    tokenizer.pre_tokenizer = pre_tokenizers.Split(Regex("."), "isolated")
    transformers.PreTrainedTokenizerFast(tokenizer_object=tokenizer, bos_token="<s>", unk_token="?").save_pretrained(
        folder
    )
    torch.manual_seed(0)
    config = transformers.GPT2Config(vocab_size=13, n_positions=16, n_embd=8, n_layer=2, n_head=2, bos_token_id=0)
    transformers.GPT2LMHeadModel(config).save_pretrained(folder)
    return folder


@pytest.mark.parametrize("stride", [1, 3, 15])
def test_transformer_sees_what_it_should(tiny, stride):
    import torch
    from transformers import AutoModelForCausalLM

    model = AutoModelForCausalLM.from_pretrained(tiny).eval()
    provider = HFCausalLoss("tiny", str(tiny), stride=stride)
    found = ["abcab", "a", "", "abcdefghij " * 4]
    nats, tokens = provider.losses(documents(found))
    assert tokens.tolist() == [5, 1, 0, 44]
    assert math.isnan(nats[2])
    for text, loss in zip(found, nats, strict=True):
        ids = [0, *(2 + "abcdefghij ".index(c) for c in text)]
        wanted = 0.0
        for at in range(1, len(ids)):
            stop = 16 if at < 16 else 16 + stride * math.ceil((at - 15) / stride)  # of the step that scores it
            begin = max(0, min(stop, len(ids)) - 16)
            with torch.inference_mode():
                logits = model(torch.tensor([ids[begin:at]])).logits[0, -1].double()
            wanted -= float(torch.log_softmax(logits, -1)[ids[at]])
        if text:
            assert loss == pytest.approx(wanted, rel=1e-5)
    assert provider.parameters == sum(p.numel() for p in model.parameters())
    (short,), _ = HFCausalLoss("tiny", str(tiny), max_chars=3).losses(documents(["abcdef"]))
    (cut,), _ = HFCausalLoss("tiny", str(tiny)).losses(documents(["abc"]))
    assert short == cut


def test_transformer_from_the_command_line(tiny, tmp_path):
    path = write(tmp_path / "a.parquet", ["abc", "ab"])
    words = ["score-losses", "--documents", path, "--model", str(tiny), "--name", "tiny", "-o", str(tmp_path / "out")]
    result = CliRunner().invoke(app, words)
    assert isinstance(result.exception, RecipeError)
    assert "say --yes" in str(result.exception)
    assert CliRunner().invoke(app, [*words, "--yes"]).exit_code == 0
    (table,) = (tmp_path / "out").glob("*.parquet")
    assert pq.read_table(table)["tiny_tokens"].to_pylist() == [3, 2]
    with pytest.raises(CurateError, match="no model can be loaded"):
        HFCausalLoss("x", str(tmp_path))


def test_without_the_libraries(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "torch", None)
    with pytest.raises(CurateError, match=r"pip install 'curate\[lm\]'"):
        HFCausalLoss("x", "y")


class Stopping(NGramLoss):
    """Stops at the second piece."""

    left = 1

    def losses(self, documents):
        if not self.left:
            raise KeyboardInterrupt
        self.left -= 1
        return super().losses(documents)


def test_goes_on_where_it_was_stopped(tmp_path):
    (tmp_path / "in").mkdir()
    for name in "abc":
        write(tmp_path / "in" / f"{name}.parquet", [name * 9, name])
    out = tmp_path / "out"
    with Reader([str(tmp_path / "in")]) as reader:
        with pytest.raises(KeyboardInterrupt):
            list(score(reader, Stopping("n"), out))
        assert len(list(out.glob("*.parquet"))) == 1
        pieces = list(score(reader, NGramLoss("n"), out))
        assert [(piece.documents, piece.was_there) for piece in pieces] == [(2, True), (2, False), (2, False)]
        before = {path.name: path.read_bytes() for path in out.iterdir()}
        assert all(piece.was_there for piece in score(reader, NGramLoss("n"), out))
        assert {path.name: path.read_bytes() for path in out.iterdir()} == before
        with pytest.raises(CurateError, match="losses of another order; remove it"):
            list(score(reader, NGramLoss("n", order=1), out))


def test_tables_of_several_models_make_a_preselect(tmp_path):
    """Each model's losses are in tables of their own; together they are what losses in columns are."""
    pytest.importorskip("fasttext")  # it trains
    kinds = [True] * 100 + [False] * 100
    columns = losses(kinds, 4, 3)
    path = write(tmp_path / "s.parquet", texts(True, 100, 1) + texts(False, 100, 2), **columns)
    for name in columns:
        words = ["score-losses", "--documents", path, "--model", f"column:{name}", "--name", name]
        done = CliRunner().invoke(app, [*words, "-o", str(tmp_path / "out")])
        assert done.exit_code == 0, done.output
        assert "200 documents in 1 tables" in done.output
    models = {f"m{i}": {"benchmark": i, "loss": f"loss{i}"} for i in range(4)}
    ladder = Ladder.model_validate({"benchmark": "toys", "models": models})
    found = []
    for table in ([str(tmp_path / "out")], None):
        with ExitStack() as files:
            seed = files.enter_context(Reader([path]))
            losses_of = files.enter_context(Reader(table)) if table else None
            _, facts = fit_preselect(
                seed, ladder, tmp_path / "m.bin", settings=Settings(dim=16, buckets=1), share=0.1, table=losses_of
            )
            found.append(json.dumps(facts))
    assert found[0] == found[1]


def test_ngrams_from_the_command_line(tmp_path):
    path = write(tmp_path / "a.parquet", ["abc", "ab"])
    words = ["score-losses", "--documents", path, "--name", "n", "-o", str(tmp_path / "out"), "--model"]
    assert CliRunner().invoke(app, [*words, f"ngram:2:{path}"]).exit_code == 0
    assert isinstance(CliRunner().invoke(app, [*words, "ngram:x"]).exception, RecipeError)


@pytest.mark.parametrize("name", ["id", "text", "", " ", "key", "body"])
def test_a_name_that_would_hide_ids_or_texts_is_refused(tmp_path, name):
    pq.write_table(pa.table({"key": ["a"], "body": ["abc"], "loss": [1.0]}), tmp_path / "a.parquet")
    words = ["score-losses", "--documents", str(tmp_path / "a.parquet"), "--model", "column:loss", "--id", "key"]
    result = CliRunner().invoke(app, [*words, "--text", "body", "--name", name, "-o", str(tmp_path / "out")])
    assert isinstance(result.exception, RecipeError)
    assert f"--name {name!r}" in str(result.exception)
    assert not (tmp_path / "out").exists()


def test_ids_of_another_column(tmp_path):
    """In tables of losses they are `id`, and `fit preselect --id key` finds them there."""
    pytest.importorskip("fasttext")  # it trains
    columns = losses([True] * 100 + [False] * 100, 4, 3)
    found = pa.table(
        {"key": [f"d{i}" for i in range(200)], "text": texts(True, 100, 1) + texts(False, 100, 2), **columns}
    )
    pq.write_table(pa.concat_tables([found, pa.table({"key": ["x"], "loss0": [1.0]})], promote_options="default"),
                   tmp_path / "a.parquet")  # fmt: skip
    same = ["--documents", str(tmp_path / "a.parquet"), "--id", "key"]
    for name in columns:
        words = ["score-losses", *same, "--model", f"column:{name}", "--name", name, "-o", str(tmp_path / "out")]
        done = CliRunner().invoke(app, words)
        assert "left out, without a text: 1" in done.output
    assert pq.read_table(next((tmp_path / "out").glob("*.parquet"))).column_names[0] == "id"
    models = {f"m{i}": {"benchmark": i, "loss": f"loss{i}"} for i in range(4)}
    (tmp_path / "m.json").write_text(json.dumps({"benchmark": "toys", "models": models}))
    words = ["fit", "preselect", *same, "--models", str(tmp_path / "m.json"), "--losses", str(tmp_path / "out")]
    words += ["--missing", "drop", "--dim", "16", "--buckets", "1", "-o", str(tmp_path / "m.bin")]
    done = CliRunner().invoke(app, words)
    assert "100 of 200 documents agree with the order of all 4 models" in done.output, done.exception
    assert "left out, without a loss of some model: 1" in done.output


def test_another_model_of_the_same_name_is_not_gone_on_with(tmp_path):
    path = write(tmp_path / "a.parquet", ["abc", "ab"])

    def run(provider, **columns):
        with Reader([path], **columns) as reader:
            return [piece.was_there for piece in score(reader, provider, tmp_path / "out")]

    assert run(NGramLoss("n", 2).learn(["abcd"])) == [False]
    assert run(NGramLoss("n", 2).learn(["abcd"])) == [True]
    with pytest.raises(CurateError, match="losses of another learned"):
        run(NGramLoss("n", 2).learn(["abce"]))  # as many contexts
    with pytest.raises(CurateError, match="losses of another text_column"):
        run(NGramLoss("n", 2).learn(["abcd"]), text="id", id="text")


def test_the_weights_of_a_transformer_tell_it_from_another(tiny, tmp_path):
    import torch
    from transformers import AutoModelForCausalLM

    own = HFCausalLoss("tiny", str(tiny)).facts()
    assert own == HFCausalLoss("tiny", str(tiny)).facts()
    shutil.copytree(tiny, tmp_path / "other")
    model = AutoModelForCausalLM.from_pretrained(tiny)
    with torch.no_grad():
        model.transformer.ln_f.bias[0] += 1e-3
    model.save_pretrained(tmp_path / "other")
    other = HFCausalLoss("tiny", str(tmp_path / "other")).facts()
    assert {name for name in own if own[name] != other[name]} == {"model", "digest"}
    shutil.copytree(tiny, tmp_path / "copy")
    assert HFCausalLoss("tiny", str(tmp_path / "copy")).digest == own["digest"]


def test_long_texts_are_summed_in_slices(tiny, monkeypatch):
    documents_ = documents(["abcdefghij" * 3, "ab"])
    whole, _ = HFCausalLoss("tiny", str(tiny), stride=5).losses(documents_)
    monkeypatch.setattr("curate.fit.losses._SLICE", 2)
    parts, _ = HFCausalLoss("tiny", str(tiny), stride=5).losses(documents_)
    assert parts == pytest.approx(whole, rel=1e-9)


def test_a_window_is_not_all_that_a_model_takes(tiny, monkeypatch):
    assert HFCausalLoss("tiny", str(tiny)).window == 16
    monkeypatch.setattr("curate.fit.losses.WINDOW", 8)
    assert HFCausalLoss("tiny", str(tiny)).window == 8
    assert HFCausalLoss("tiny", str(tiny), window=12).window == 12
    assert HFCausalLoss("tiny", str(tiny), window=99).window == 16


def test_characters_to_read(tmp_path):
    """What is estimated by, however well the file is compressed."""
    path = write(tmp_path / "a.parquet", ["é" * 5000, "ab", "", None])
    with Reader([path]) as reader:
        assert characters(reader, None) == 5002
        assert characters(reader, 3) == 5
