"""What a classifier says, as columns: the fastText library is the judge."""

from __future__ import annotations

import random
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from pydantic import ValidationError

from curate.errors import StoreError
from curate.models.fasttext import LANGUAGES
from curate.stages.fasttext_score import FasttextScore
from tests.stages.harness import batch_of

library = pytest.importorskip("fasttext")
WORDS = "purr meow Tail woof bark bone sea wave foam .,! a/b <newline> été".split()


@pytest.fixture(scope="module")
def pets(tmp_path_factory) -> Path:
    """A model with the labels cats, dogs and 1."""
    folder = tmp_path_factory.mktemp("pets")
    rng = random.Random(5)
    with (folder / "lines.txt").open("w") as lines:
        for n in range(600):
            own = WORDS[n % 3 * 3 :][:3]
            lines.write(f"__label__{('cats', 'dogs', '1')[n % 3]} {' '.join(rng.choices(own * 3 + WORDS, k=8))}\n")
    path = folder / "pets.bin"
    library.train_supervised(
        str(folder / "lines.txt"), dim=8, epoch=5, lr=0.5, wordNgrams=2, bucket=500, thread=10, verbose=0
    ).save_model(str(path))
    return path


def texts(seed: int = 1) -> list[str]:
    rng = random.Random(seed)
    glue = [" ", "\n", "\r\n", "\u2028", "\u00a0", "\x1c", "\t", " \n ", ""]
    return [
        "",
        "\n",
        *("".join(rng.choice(WORDS) + rng.choice(glue) for _ in range(rng.randint(1, 30))) for _ in range(40)),
    ]


BY_HAND = {
    "space": lambda text: text.replace("\n", " "),
    "join": lambda text: text.strip().replace("\n", ""),
    "dclm": lambda text: " ".join(text.strip().splitlines()),
    "dolma": lambda text: text.replace("\n", " ").strip(),
}


def both(stage: FasttextScore, given: list[str]) -> dict[str, list]:
    outcome = stage.process(batch_of(given)).columns
    assert {name: column.type for name, column in outcome.items()} == stage.columns_written()
    found = {name: column.to_pylist() for name, column in outcome.items()}
    easy = [stage.annotate_one(text) for text in given]
    for name, values in found.items():
        expected = [one[name] for one in easy]
        assert [value is None for value in values] == [value is None for value in expected]
        if not isinstance(next(filter(None, values), ""), str):
            assert values == pytest.approx(expected, abs=1e-7)
        else:
            assert values == expected
    return found


@pytest.mark.parametrize("way", BY_HAND)
def test_scores_are_the_librarys_for_every_way_to_make_texts_ready(pets, way):
    judge = library.load_model(str(pets))
    found = both(FasttextScore(model=str(pets), labels=["cats", "__label__1"], top=3, normalize=way), texts())
    for row, text in enumerate(texts()):
        labels, scores = judge.predict(BY_HAND[way](text), k=3)
        expected = dict(zip([label.removeprefix("__label__") for label in labels], np.minimum(scores, 1), strict=True))
        assert found["score_cats"][row] == pytest.approx(expected["cats"], abs=1e-5)
        assert found["score_1"][row] == pytest.approx(expected["1"], abs=1e-5)
        ranked = [(found[f"label{end}"][row], found[f"label{end}_score"][row]) for end in ("", "_2", "_3")]
        assert ranked == [(label, pytest.approx(score, abs=1e-5)) for label, score in expected.items()]


def test_climb_and_lower_case(pets):
    stage = FasttextScore(model=str(pets), labels=["cats"], normalize="climb")
    plain = FasttextScore(model=str(pets), labels=["cats"])
    made = ["purr <newline> tail . woof", "a / b ! été"]
    given = [" PURR\nTail.\u00a0Woof ", "A/b!\u2003ÉTÉ"]
    assert both(stage, ["purr\ntail", *given])["score"][1:] != both(plain, given)["score"]
    assert both(stage, given)["score"] == both(plain, ["purr<newline>tail . woof", made[1]])["score"]
    lower = FasttextScore(model=str(pets), labels=["cats"], lowercase=True)
    assert both(lower, ["TAIL Purr"])["score"] == both(plain, ["tail purr"])["score"]


def test_looks_at_the_beginning_only_when_told_to(pets):
    first = FasttextScore(model=str(pets), max_chars=9)
    assert both(first, ["été meow woof bark bone"]) == both(FasttextScore(model=str(pets)), ["été meow "])


def test_names_of_columns(pets):
    def names(**options):
        return list(FasttextScore(model=str(pets), **options).columns_written())

    assert names() == ["label", "label_score"]
    assert names(labels=["cats"]) == ["score"]
    assert names(labels=["cats", "dogs"]) == ["score_cats", "score_dogs"]
    assert names(labels={1: "one", "__label__cats": "two"}, top=2) == [
        "one",
        "two",
        "label",
        "label_score",
        "label_2",
        "label_2_score",
    ]
    assert both(FasttextScore(model=str(pets), labels={1: "one"}), ["sea wave foam"])["one"][0] > 0.5


def test_more_labels_than_there_are(pets):
    found = both(FasttextScore(model=str(pets), top=5), ["purr meow"])
    assert found["label_3"][0] is not None
    assert [found[name] for name in ("label_4", "label_4_score", "label_5", "label_5_score")] == [[None]] * 4


def test_where_the_model_has_no_answer_columns_are_null(tmp_path):
    """A model without words, not even the end of a text: it has nothing to say of what has no three characters."""
    (tmp_path / "lines.txt").write_text("__label__a purr\n__label__b bark\n" * 9)
    options = {"minCount": 1000, "minn": 4, "maxn": 4, "bucket": 50, "dim": 4, "thread": 10, "verbose": 0}
    library.train_supervised(str(tmp_path / "lines.txt"), **options).save_model(str(tmp_path / "m.bin"))
    judge = library.FastText._FastText(str(tmp_path / "m.bin"))
    assert [len(judge.predict(text)[0]) for text in ("", "x", "purr")] == [0, 0, 1]
    found = both(FasttextScore(model=str(tmp_path / "m.bin"), labels=["a"], top=2), ["", "x", "purr"])
    assert [len(set(column)) for column in found.values()] == [2] * 5
    assert all(column[:2] == [None, None] for column in found.values())


def test_the_model_is_named_for_the_manifest(pets):
    assert FasttextScore(model="builtin:lid.176").files() == (LANGUAGES,)
    assert FasttextScore(model=str(pets)).files() == (pets,)


def test_top_languages_are_the_librarys():
    judge = library.FastText._FastText(str(LANGUAGES))
    given = ["The cat sat on the mat.", "Le chat dort.", "猫はマットの上", "xyzzy qq", "123", "a b c d e f"]
    found = both(FasttextScore(model="builtin:lid.176", top=60), given)
    for row, text in enumerate(given):
        labels, scores = judge.predict(text, k=60)
        ends = ["", *(f"_{k}" for k in range(2, 61))]
        names = [found[f"label{end}"][row] for end in ends]
        assert [name for name in names if name] == [label.removeprefix("__label__") for label in labels]
        assert [found[f"label{end}_score"][row] for end in ends[: len(scores)]] == pytest.approx(
            np.minimum(scores, 1), abs=1e-5
        )


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"labels": []}, "at least 1"),
        ({"labels": {"a": "x", "b": "x"}}, "named 'x'"),
        ({"labels": {"a": "label"}, "top": 1}, "named 'label'"),
        ({"top": 0}, "greater than or equal to 1"),
        ({"normalize": "spaces"}, "'space', 'join'"),
    ],
)
def test_bad_options(options, says):
    with pytest.raises(ValidationError, match=says):
        FasttextScore(model="m.bin", **options)


def test_what_is_wrong_with_a_model_is_said_before_any_work(pets, tmp_path):
    with pytest.raises(ValueError, match=r"no label 'cat'; it has .*dogs.*; did you mean 'cats'\?"):
        FasttextScore(model=str(pets), labels=["cat"]).check_columns({})
    (tmp_path / "cut.bin").write_bytes(pets.read_bytes()[:1000])
    with pytest.raises(StoreError, match=r"cut\.bin"):
        FasttextScore(model=str(tmp_path / "cut.bin")).check_columns({})
    with pytest.raises(StoreError, match="curate fetch"):
        FasttextScore(model="hf://no/such/model.bin").files()


def test_no_documents(pets):
    columns = FasttextScore(model=str(pets), labels=["cats"], top=1).process(batch_of([])).columns
    assert [columns[name].type for name in ("score", "label", "label_score")] == [
        pa.float32(),
        pa.string(),
        pa.float32(),
    ]
