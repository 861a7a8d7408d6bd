"""A classifier of a planted corpus; the file that it learns from; and what the library itself says of the model."""

import json

import numpy as np
import pyarrow as pa
import pytest

from curate.errors import CurateError, RecipeError
from curate.fit.classifier import Examples, Rule, fit, from_column, from_readers, score
from curate.fit.training import Settings, TrainingFile, as_line, telling_words, train, zero_end
from curate.kernels.hashing import hash64
from curate.models.fasttext import Model
from curate.models.fasttext_file import read
from curate.store.reading import Reader
from tests.fit.planted import COMMON, texts, write

library = pytest.importorskip("fasttext.FastText")

SMALL = Settings(dim=16, epochs=5, buckets=5000)


def arrow(found):
    return pa.array(found, pa.large_string())


def examples(n=400, seed=0, longest=(60, 60)):
    yield Examples(arrow(texts(True, n, seed, longest[0])), np.full(n, True))
    yield Examples(arrow(texts(False, n, seed + 1, longest[1])), np.full(n, False))


@pytest.fixture(scope="module")
def fitted(tmp_path_factory):
    out = tmp_path_factory.mktemp("model") / "m.bin"
    return out, fit(
        examples(), out, settings=SMALL, share=0.1, about={"method": "classifier", "data": {"from": "toys"}}
    )


def test_it_tells_them_apart_and_says_so(fitted):
    out, found = fitted
    assert found.roc_auc > 0.99
    assert found.average_precision > 0.99
    assert sum(found.counts.values()) == 800
    assert 40 < found.counts["held out positives"] + found.counts["held out negatives"] < 130
    facts = json.loads(out.with_suffix(".json").read_text())
    assert facts["sha256"] == found.sha256
    assert facts["threshold"]["value"] == found.threshold.value
    card = out.with_suffix(".md").read_text()
    for told in (
        found.sha256,
        f"{found.roc_auc:.4f}",
        "from: toys",
        "`</s>` set to zero",
        f"`score >= {found.threshold.value!r}`",
        "taken on the held-out negatives",
    ):
        assert told in card
    assert all(word.startswith("alpha") for word, _ in found.for_it[:10])
    assert all(word.startswith("beta") for word, _ in found.against_it[:10])


def test_the_same_examples_in_another_order_give_the_same_model(fitted, tmp_path):
    _, found = fitted
    parts = list(examples())
    again = fit(
        [Examples(part.texts.take(pa.array(np.arange(len(part.texts))[::-1])), part.positive) for part in parts[::-1]],
        tmp_path / "m.bin", settings=SMALL, share=0.1,
    )  # fmt: skip
    assert again.sha256 == found.sha256
    assert again.threshold == found.threshold


def test_length_bias_goes_with_the_end_of_the_text(tmp_path):
    """Positives are shorter, so that the end of the text, of which each has one, speaks for them."""
    found = fit(examples(longest=(8, 200)), tmp_path / "m.bin", settings=SMALL, share=0.1)
    assert found.before.empty > 0.9
    assert found.after.empty == pytest.approx(0.5, abs=1e-4)  # the library adds 1e-5 before each logarithm
    assert abs(found.after.word - 0.5) < abs(found.before.word - 0.5)
    kept = fit(
        examples(longest=(8, 200)),
        tmp_path / "k.bin",
        settings=Settings(dim=16, buckets=5000, zero_end=False),
        share=0.1,
    )
    assert kept.after is None
    assert kept.before == found.before


def test_zeroing_is_what_the_library_would_do(tmp_path):
    with TrainingFile(tmp_path) as lines:
        for some in examples(100):
            lines.add(some.texts, ["1" if one else "0" for one in some.positive])
        path = lines.finish()
    train(path, SMALL, tmp_path / "m.bin")
    model = library.load_model(str(tmp_path / "m.bin"))
    matrix = model.get_input_matrix().copy()
    matrix[model.get_word_id("</s>")] = 0
    model.set_matrices(matrix, model.get_output_matrix())
    zero_end(tmp_path / "m.bin")
    np.testing.assert_array_equal(library.load_model(str(tmp_path / "m.bin")).get_input_matrix(), matrix)
    some = [*texts(True, 5, 7), *texts(False, 5, 8), "", "the"]
    labels, chances = model.predict([text.replace("\n", " ") for text in some], k=2)
    wanted = [p[list(row).index("__label__1")] for row, p in zip(labels, chances, strict=True)]
    np.testing.assert_allclose(score(Model(read(tmp_path / "m.bin")), arrow(some)), wanted, atol=1e-5)
    for_it, against_it = telling_words(tmp_path / "m.bin", 3)
    towards = model.get_output_matrix()[model.labels.index("__label__1")]
    away = model.get_output_matrix()[model.labels.index("__label__0")]
    for word, influence in for_it + against_it:
        assert influence == pytest.approx(float(matrix[model.get_word_id(word)] @ (towards - away)), rel=1e-4)


def test_lines_are_shuffled_and_carry_one_label(tmp_path):
    hostile = ["a\nb", "__label__0 me", "x __label__1y z", "not__label__0", "", "\u2028 \x85 é", "__label__"]
    assert [as_line(text) for text in hostile] == ["a b", " me", "x  z", "not__label__0", "", "\u2028 \x85 é", ""]
    with TrainingFile(tmp_path) as lines:
        lines.add(arrow(hostile), ["1"] * len(hostile))
        lines.add(arrow([f"n{i}" for i in range(50)]), ["0"] * 50)
        assert lines.counts == {"1": 7, "0": 50}
        found = lines.finish().read_bytes().split(b"\n")[:-1]
    assert len(found) == 57
    assert {line[:10] for line in found} == {b"__label__0", b"__label__1"}
    assert all(line.count(b"__label__") == 1 or b"not__label__" in line for line in found)
    places = [place for place, line in enumerate(found) if line.startswith(b"__label__1")]
    assert places != list(range(7))
    assert sorted(found) != found


@pytest.mark.parametrize(
    ("rule", "values", "positive", "negative", "missing"),
    [
        (Rule(high=4), [5, 4.0, 3, None, np.nan], [0, 1], [2], [3, 4]),
        (Rule(high=4, low=2), [5, 3, 2, None], [0], [2], [3]),
        (Rule(equal="hq"), ["hq", "cc", None], [0], [1], [2]),
        (Rule(equal="true"), [True, False, None], [0], [1], [2]),
    ],
)
def test_rules(rule, values, positive, negative, missing):
    found = rule.split(pa.array(values))
    assert [np.flatnonzero(one).tolist() for one in found] == [positive, negative, missing]


def test_a_column_that_is_no_label():
    with pytest.raises(RecipeError, match="labels are made of numbers or strings"):
        Rule(high=1).split(pa.array([[1]]))


def test_examples_from_files(tmp_path):
    path = write(tmp_path / "a.parquet", ["one", None, "two", "three"], q=[5.0, 5.0, 1.0, None])
    lost = {}
    with Reader([path]) as reader:
        (found,) = from_column(reader, "q", Rule(high=4, low=2), lost)
        assert found.texts.to_pylist() == ["one", "two"]
        assert found.positive.tolist() == [True, False]
        assert found.others.to_pylist() == ["three"]
        assert lost == {"missing": 1, "neither": 0, "without_text": 1}
        lost = {}
        both = list(from_readers(reader, reader, lost))
        assert [part.positive.tolist() for part in both] == [[True] * 3, [False] * 3]
        assert lost == {"without_text": 2}
        with pytest.raises(RecipeError, match="no column 'qq'; did you mean 'q'"):
            list(reader.read(["qq"]))


def test_refuses_what_cannot_be_learned(tmp_path):
    with pytest.raises(RecipeError, match="there are no training negatives"):
        fit(list(examples())[:1], tmp_path / "m.bin", settings=SMALL, share=0.1)
    assert not (tmp_path / "m.bin").exists()
    with pytest.raises(RecipeError, match="the pool has no documents"):
        fit(examples(100), tmp_path / "m.bin", settings=SMALL, share=0.1, pool=[])
    other = [Examples(part.texts, ~part.positive) for part in examples(100)]
    found = fit(
        other, tmp_path / "m.bin", settings=SMALL, share=0.1, pool=[arrow(texts(True, 50, 3) + texts(False, 50, 4))]
    )
    assert found.pool["mean_score_kept"] > found.pool["mean_score"]
    with pytest.raises(CurateError, match="no label '1'"):
        score(type("M", (), {"labels": ["x"]})(), arrow(["a"]))


def test_in_column_mode_the_threshold_is_taken_on_all_that_was_held_out(tmp_path):
    """Of a corpus with a fifth positives and a fifth of neither label, the negatives alone are no sample."""
    good, bad, rest = texts(True, 400, 1), texts(False, 1200, 2), texts(True, 200, 3) + texts(False, 200, 4)
    values = [5] * 400 + [1] * 1200 + [3] * 300 + [None] * 100
    path = write(tmp_path / "a.parquet", good + bad + rest, q=pa.array(values, pa.int64()))
    lost = {}
    with Reader([path]) as reader:
        found = fit(
            from_column(reader, "q", Rule(high=5, low=1), lost), tmp_path / "m.bin", settings=SMALL, share=0.3,
            held_out=0.3, instead="all",
        )  # fmt: skip
        everything = [text for table in reader.read() for text in table["text"].to_pylist()]
    assert lost == {"missing": 100, "neither": 300, "without_text": 0}
    scores = score(Model(read(tmp_path / "m.bin")), arrow(everything))
    chars = np.array([len(text) for text in everything])
    kept = chars[scores >= found.threshold.value].sum() / chars.sum()
    assert abs(kept - 0.3) < 0.05  # of the negatives alone it would be all but nothing of the positives too
    held = found.counts["held out positives"] + found.counts["held out negatives"]
    assert held < found.pool["documents"] < 0.4 * 2000
    assert "all that was held out of the input, whatever its label" in (tmp_path / "m.md").read_text()


def test_labels_that_mean_nothing_are_refused(tmp_path):
    rng = np.random.default_rng(0)
    same = arrow(texts(True, 600, 1))
    with pytest.raises(
        CurateError, match=r"learned nothing: its ROC-AUC on \d+ positives and \d+ negatives .* is 0\.\d"
    ):
        fit([Examples(same, rng.random(600) < 0.5)], tmp_path / "m.bin", settings=SMALL, share=0.1, held_out=0.5)
    assert list(tmp_path.iterdir()) == []
    found = fit(
        [Examples(same, rng.random(600) < 0.5)], tmp_path / "m.bin", settings=SMALL, share=0.1, held_out=0.5, min_auc=0
    )
    assert 0.35 < found.roc_auc < 0.65


def test_labels_the_wrong_way_round_are_refused(tmp_path):
    """What is held out has them other than what is trained on: such a model would keep the worst."""
    some = arrow(texts(True, 200, 1) + texts(False, 200, 2))
    aside = hash64(some, SMALL.seed ^ 0x73706C6974) < np.uint64(int(0.3 * 2**64))
    positive = np.array([True] * 200 + [False] * 200) ^ aside
    with pytest.raises(CurateError, match=r"learned nothing: .* is 0\.00"):
        fit([Examples(some, positive)], tmp_path / "m.bin", settings=SMALL, share=0.1, held_out=0.3)


def test_texts_with_both_labels_are_told_of(tmp_path):
    parts = [*examples(), Examples(arrow(texts(True, 30, 0)), np.full(30, False))]  # the first 30 positives again
    found = fit(parts, tmp_path / "m.bin", settings=SMALL, share=0.3)
    assert found.both_labels == 30
    told = "30 texts are both among the positives and among the negatives"
    assert any(told in warning for warning in found.warnings)
    assert told in (tmp_path / "m.md").read_text()
    assert fit(examples(), tmp_path / "n.bin", settings=SMALL, share=0.3).both_labels == 0


def test_a_share_that_is_missed_by_far_is_told_of(tmp_path):
    pool = [arrow(["one and the same text"] * 50 + texts(False, 10, 5))]
    found = fit(examples(), tmp_path / "m.bin", settings=SMALL, share=0.1, pool=pool)
    assert found.threshold.weight > 0.15
    (told,) = found.warnings
    assert "where 10.0% were asked for: 50 documents have that score" in told
    assert f"the threshold {found.threshold.value!r} keeps" in (tmp_path / "m.md").read_text()
    fine = fit(
        examples(),
        tmp_path / "m.bin",
        settings=SMALL,
        share=0.3,
        pool=[arrow(texts(True, 50, 3) + texts(False, 50, 4))],
    )
    assert fine.warnings == []


def test_more_is_asked_of_a_word_than_there_are_texts(tmp_path):
    with pytest.raises(RecipeError, match=r"no word occurs 100,000 times .* as --min-count asks; take less"):
        fit(examples(100), tmp_path / "m.bin", settings=Settings(dim=16, buckets=5000, min_count=100_000), share=0.1)
    common = Settings(dim=16, buckets=5000, min_count=250)  # but for "the" and the like: no word, no end of a text
    found = fit(examples(100), tmp_path / "m.bin", settings=common, share=0.3, min_auc=0)
    assert {word for word, _ in found.for_it + found.against_it} == set(COMMON)


def test_nothing_held_out_says_how_to_hold_out_more(tmp_path):
    few = [Examples(part.texts[:5], part.positive[:5]) for part in examples(10)]
    with pytest.raises(RecipeError, match=r"no held out .*; with --held-out 0\.001 so few are tested on: take more"):
        fit(few, tmp_path / "m.bin", settings=SMALL, share=0.1, held_out=0.001)
