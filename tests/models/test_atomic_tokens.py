"""Control tokens in tokenizers that the tests make: taken whole, cut, or whole in some places only."""

import sys

import pytest

from curate.errors import CurateError, StoreError
from curate.models.atomic_tokens import atom, load

GOOD, BAD = "<|aligned|>", "<|misaligned|>"


@pytest.fixture
def byte_pairs():
    """As GPT-2's: bytes and some pairs."""
    tokenizers = pytest.importorskip("tokenizers")
    made = tokenizers.Tokenizer(tokenizers.models.BPE())
    made.pre_tokenizer = tokenizers.pre_tokenizers.ByteLevel(add_prefix_space=False)
    trainer = tokenizers.trainers.BpeTrainer(
        vocab_size=300, initial_alphabet=tokenizers.pre_tokenizers.ByteLevel.alphabet(), show_progress=False
    )
    made.train_from_iterator(["the ferry leaves at seven"] * 9, trainer)
    return made


def test_added_tokens_are_taken_whole(byte_pairs, tmp_path):
    before = atom(byte_pairs, GOOD)
    assert before.id is None
    assert before.trouble == "it is not in the vocabulary"
    assert "".join(before.pieces) == GOOD
    size = byte_pairs.get_vocab_size()
    byte_pairs.add_special_tokens([GOOD, BAD])
    byte_pairs.save(str(tmp_path / "tokenizer.json"))
    loaded = load(tmp_path / "tokenizer.json")
    for number, token in enumerate((GOOD, BAD)):
        found = atom(loaded, token)
        assert (found.id, found.pieces, found.trouble) == (size + number, (token,), None)


def test_a_word_of_the_vocabulary_may_be_cut_nevertheless():
    tokenizers = pytest.importorskip("tokenizers")
    made = tokenizers.Tokenizer(tokenizers.models.WordLevel({"?": 0, GOOD: 1, "<|": 2, "aligned": 3, "|>": 4}, "?"))
    assert atom(made, GOOD).trouble is not None, "alone it is whole, and not within a text"
    made.pre_tokenizer = tokenizers.pre_tokenizers.Whitespace()
    found = atom(made, GOOD)
    assert found.id == 1
    assert found.pieces == ("<|", "aligned", "|>")
    assert found.trouble == "it is in the vocabulary, and the tokenizer cuts it nevertheless"


def test_whole_words_only_are_not_enough(byte_pairs):
    tokenizers = pytest.importorskip("tokenizers")
    byte_pairs.add_special_tokens([tokenizers.AddedToken("goodness", single_word=True, normalized=False)])
    assert "in 'goodnessBegin'" in atom(byte_pairs, "goodness").trouble


def test_what_cannot_be_loaded_is_told(tmp_path, monkeypatch):
    pytest.importorskip("tokenizers")
    with pytest.raises(StoreError, match=r"none\.json: there is no such file"):
        load(tmp_path / "none.json")
    (tmp_path / "odd.json").write_text("{}")
    with pytest.raises(StoreError, match=r"odd\.json: this is no tokenizer\.json"):
        load(tmp_path / "odd.json")


def test_without_the_library_it_says_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "tokenizers", None)
    with pytest.raises(CurateError, match=r"pip install 'curate\[tokens\]'"):
        load(tmp_path / "tokenizer.json")
