"""The fastText library is the judge: same label, and the same score but for the rounding of an exponential."""

from __future__ import annotations

import os
import random
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from curate.errors import StoreError
from curate.kernels.fasttext_tables import ROUNDED_BYTES
from curate.models import fasttext, fasttext_file
from curate.models.fasttext import LANGUAGES, Model, load
from curate.models.fasttext_file import read
from curate.models.fasttext_plain import fnv1a

library = pytest.importorskip("fasttext")
DATA = Path(os.environ.get("CURATE_SHARED_DATA") or Path(__file__).parents[3] / "shared" / "data")
CLOSE = 5e-6  # of scores: some roundings of float32; 1e-4 is asked for

WHITE = [" ", "\n", "\r", "\t", "\v", "\f", "\0", "  ", "\n\n"]
OTHER_SPACE = ["\u00a0", "\u2028", "\u3000", "\x1c", "\x85", "\ufeff"]
PIECES = [
    "</s>",
    "</s",
    "</s>>",
    "__label__",
    "__label__en",
    "__label__a x",
    "<",
    ">",
    "the",
    "The",
    "der",
    "и",
    "的",
    "é",
]
LONG = ["a" * 31, "b" * 32, "c" * 33, "é" * 16, "中" * 11, "x" * 8, "y" * 16, "z" * 24, "中文" * 700, "w" * 3000]
hostile = st.lists(
    st.sampled_from(WHITE * 3 + OTHER_SPACE + PIECES * 2 + LONG) | st.text(st.characters(codec="utf-8"), max_size=9),
    max_size=25,
).map("".join)


def texts_of(texts: list[str]) -> pa.LargeStringArray:
    return pa.array(texts, pa.large_string())


def by_library(model: object, text: str, k: int = 1) -> list[tuple[str, float]]:
    labels, scores = model.predict(text.replace("\n", " "), k=k)
    return [(label.removeprefix("__label__"), float(score)) for label, score in zip(labels, scores, strict=True)]


def agree(model: Model, judge: object, texts: list[str]) -> None:
    """Fast form, easy form and library, for each text."""
    labels, scores = model.predict(texts_of(texts))
    for text, label, score in zip(texts, labels, scores, strict=True):
        name = model.labels[label] if label >= 0 else None
        assert model.predict_one(text) == (name, score)
        best = by_library(judge, text)
        assert [name] == [answer for answer, _ in best] or (label == -1 and not best), text[:100]
        assert not best or abs(best[0][1] - score) < CLOSE, text[:100]


@pytest.fixture(scope="module")
def judge():
    return library.FastText._FastText(str(LANGUAGES))


@pytest.fixture(scope="module")
def model():
    return load(LANGUAGES)


@settings(deadline=None, max_examples=80)
@given(texts=st.lists(hostile, max_size=4))
def test_languages_of_hostile_texts(model, judge, texts):
    agree(model, judge, texts)


def test_what_the_library_passes_over(model, judge):
    agree(model, judge, ["", " \0", "</s>", "le chat </s> the cat sat on the mat", "__label__en le chat dort", "x </s"])
    assert model.predict_one("le chat dort </s> the cat sat on the mat") == model.predict_one("le chat dort")
    assert model.predict_one("__label__ le chat __label__qq dort") == model.predict_one("le chat dort")
    assert model.predict_one("le\u00a0chat dort") != model.predict_one("le chat dort")


def test_a_long_text_drifts_as_the_library_does(model, judge):
    """Sums of many equal float32 values round to one side: a million tokens show in which order they are added."""
    text = "de en la " * 400_000
    label, score = model.predict(texts_of([text]))
    ((name, expected),) = by_library(judge, text)
    assert (model.labels[label[0]], pytest.approx(expected, abs=CLOSE)) == (name, score[0])
    _, of_few = model.predict(texts_of([text[:900]]))
    assert abs(of_few[0] - score[0]) > 1e-4  # else this test tests nothing


@pytest.mark.parametrize("piece", ["x", "中文。", "\n", "и" * 33 + " é", "Straßenbahn, "])
def test_long_texts(model, judge, piece):
    agree(model, judge, [piece * (20_000 // len(piece))])
    same_as_library(model, judge, [piece * ((1 << 20) // len(piece))])


def test_sentences_in_79_languages(model, judge):
    path = DATA / "lid" / "sentences.parquet"
    if not path.exists():
        pytest.skip("the sentences are not there; CURATE_SHARED_DATA names their folder")
    sentences = pq.read_table(path)["text"].to_pylist()
    same_as_library(model, judge, sentences)


@pytest.mark.parametrize("name", ["books_fr", "code_py", "web_samples", "wiki_ko", "wiki_zh", "law_de", "peps"])
def test_documents(model, judge, name):
    path = DATA / "corpus" / f"{name}.parquet"
    if not path.exists():
        pytest.skip("the corpus is not there; CURATE_SHARED_DATA names its folder")
    same_as_library(model, judge, pq.read_table(path)["text"].to_pylist()[:60])


def same_as_library(model: Model, judge: object, texts: list[str]) -> None:
    labels, scores = model.predict(texts_of(texts))
    expected = [by_library(judge, text)[0] for text in texts]
    assert [model.labels[label] for label in labels] == [name for name, _ in expected]
    assert np.abs(scores - np.array([score for _, score in expected])).max() < CLOSE


def test_batches_and_a_full_memory_do_not_matter(monkeypatch):
    rng = random.Random(1)
    words = ["".join(rng.choices("abcdeéи中", k=rng.randint(1, 14))) for _ in range(3000)]
    texts = [" ".join(rng.choices(words, k=rng.randint(0, 40))) for _ in range(400)]
    whole = load(LANGUAGES).predict(texts_of(texts))
    monkeypatch.setattr(fasttext, "SLOTS", 64)
    monkeypatch.setattr(fasttext, "OVERFLOW", 100)
    forgetful = Model(read(LANGUAGES))
    for size in (1, 7, 400):
        array = texts_of(["before", *texts])[1:]  # a slice: offsets do not begin at 0
        parts = [forgetful.predict(array.slice(start, size)) for start in range(0, len(array), size)]
        for together, pieces in zip(whole, zip(*parts, strict=True), strict=True):
            np.testing.assert_array_equal(together, np.concatenate(pieces))


def test_newline_may_become_anything(model):
    text = "le chat\ndort"
    joined, _ = model.predict(texts_of([text]), newline=""), model.predict_one(text, newline="")
    np.testing.assert_array_equal(joined, model.predict(texts_of(["le chatdort"])))
    assert model.predict_one(text, newline="<newline>") == model.predict_one("le chat<newline>dort")


KINDS = {
    "softmax": {"loss": "softmax"},
    "tree": {"loss": "hs"},
    "one_vs_all": {"loss": "ova"},
    "negative_sampling": {"loss": "ns", "epoch": 20},
    "bigrams": {"loss": "softmax", "wordNgrams": 2},
    "trigrams_and_characters": {"loss": "hs", "wordNgrams": 3, "minn": 1, "maxn": 5, "dim": 20},
    "characters_alone": {"loss": "softmax", "minn": 3, "maxn": 3, "minCount": 1000, "dim": 16},
    "quantised": {"loss": "hs", "wordNgrams": 2, "minn": 2, "maxn": 3, "quantize": {"qnorm": True}},
    "pruned": {"loss": "softmax", "wordNgrams": 2, "minn": 2, "maxn": 4, "quantize": {"cutoff": 400, "qnorm": True}},
    "pruned_to_words": {"loss": "softmax", "minn": 0, "maxn": 0, "quantize": {"cutoff": 300}},
    "no_buckets": {"loss": "ova", "bucket": 0},
    "quantised_plainly": {"loss": "ova", "wordNgrams": 2, "quantize": {}},
    "tree_quantised": {"loss": "hs", "dim": 9, "quantize": {"qout": True, "qnorm": True}},
    "output_quantised": {"loss": "softmax", "dim": 13, "minn": 2, "maxn": 2, "quantize": {"qout": True, "dsub": 3}},
}
VOCABULARY = [
    f"{stem}{end}"
    for stem in "ab cat é dort и 中文 x9".split()
    for end in [*"abcdefghijklmnopqrstuvwxyz0123456789", ""]
]


@pytest.fixture(scope="module")
def lines(tmp_path_factory) -> Path:
    """Lines to train on: 300 labels, so that the output layer can be quantised, each with words of its own."""
    rng = random.Random(7)
    path = tmp_path_factory.mktemp("train") / "lines.txt"
    with path.open("w") as file:
        for number in range(3000):
            label = number % 300 if number < 2000 else number % 3
            words = [VOCABULARY[(label * 5 + rng.randint(0, 8)) % len(VOCABULARY)] for _ in range(rng.randint(1, 9))]
            file.write(f"__label__l{label} {' '.join(words)}\n")
    return path


def trained(lines: Path, options: dict) -> object:
    # ten threads: each sets a tenth of the input matrix, and some builds leave the rest as it was in memory
    settings = {"bucket": 2000, "thread": 10, "verbose": 0, "dim": 10, "epoch": 3, "lr": 0.5, "minCount": 1, **options}
    quantize = settings.pop("quantize", None)
    for _ in range(5):  # the rest may be anything, also what training makes no number of
        with suppress(RuntimeError):
            model = library.train_supervised(str(lines), **settings)
            if all(np.isfinite(matrix).all() for matrix in (model.get_input_matrix(), model.get_output_matrix())):
                break
    else:
        raise AssertionError(f"the library makes no numbers of {settings}")
    if quantize:
        model.quantize(str(lines), verbose=0, thread=10, **quantize)
    return model


REAL = {
    "softmax": {"loss": "softmax", "wordNgrams": 2, "minn": 0, "maxn": 0, "dim": 100},
    "tree": {"loss": "hs", "wordNgrams": 3, "minn": 2, "maxn": 5},
    "one_vs_all": {"loss": "ova", "minn": 3, "maxn": 6},
    "quantised": {"loss": "softmax", "wordNgrams": 2, "minn": 3, "maxn": 4, "quantize": {"qnorm": True}},
    "pruned": {"loss": "hs", "wordNgrams": 2, "minn": 2, "maxn": 3, "quantize": {"cutoff": 5000}},
}
CORPORA = "books_en books_fr code_py law_de manuals movie_reviews peps web_samples wiki_en wiki_ko wiki_zh".split()


@pytest.mark.parametrize("kind", REAL)
def test_real_text_of_every_kind_of_model(kind, tmp_path):
    """Trained on some documents of each corpus, asked for others."""
    if not (DATA / "corpus").exists():
        pytest.skip("the corpora are not there; CURATE_SHARED_DATA names their folder")
    read_texts = {name: pq.read_table(DATA / "corpus" / f"{name}.parquet")["text"].to_pylist() for name in CORPORA}
    lines = (f"__label__{name} {' '.join(text[:2000].split())}\n" for name in CORPORA for text in read_texts[name][:30])
    (tmp_path / "lines.txt").write_text("".join(lines))
    path = tmp_path / "real.bin"
    options = {"bucket": 20_000, "epoch": 5, "dim": 20, "lr": 0.2, "minCount": 2, **REAL[kind]}
    trained(tmp_path / "lines.txt", options).save_model(str(path))
    judge, model = library.FastText._FastText(str(path)), Model(read(path))
    texts = [text for name in CORPORA for text in read_texts[name][60:72]]
    same_as_library(model, judge, texts)
    table = model.probabilities(texts_of(texts))
    for text, row in zip(texts, table, strict=True):
        for label, score in by_library(judge, text, k=-1):
            assert abs(row[model.labels.index(label)] - score) < CLOSE


@pytest.mark.parametrize("ngrams", [1, 2])
@pytest.mark.parametrize("labels", [2, 12], ids=["by_products", "by_rows"])
def test_words_of_any_size_many_at_a_time(labels, ngrams, tmp_path):
    """Words that differ in their last byte or size only, and some that are not known, around where sizes matter."""
    rng = random.Random(labels)
    known = [f"{'é' if size > 2 and odd else 'xx'[:size]}{'x' * (size - 2)}{end}" for size in range(1, 42)
             for odd in (0, 1) for end in ("", "y", "z")]  # fmt: skip
    (tmp_path / "lines.txt").write_text(
        "".join(f"__label__{n % labels} {' '.join(rng.choices(known, k=12))}\n" for n in range(3000))
    )
    path = tmp_path / "sizes.bin"
    options = {"wordNgrams": ngrams, "minCount": 1, "bucket": 3000, "dim": 10, "epoch": 2, "thread": 10, "verbose": 0}
    library.train_supervised(str(tmp_path / "lines.txt"), **options).save_model(str(path))
    words = [*known, *(word + "q" for word in known), "__label__0", "__label__", "__label__new", "__labelx", "x" * 300]
    texts = [" ".join(rng.choices(words, k=k)) for k in (0, 1, 63, 64, 65, 128, 2040, 2055, 2056, 2057, 4200)]
    texts += [f"{' '.join(rng.choices(words, k=k))} </s> {known[5]}" for k in (3, 62, 63, 64)]
    agree(Model(read(path)), library.FastText._FastText(str(path)), texts)


@pytest.mark.parametrize("copied", [fasttext_file.COPIED_BYTES, 0], ids=["unpacked", "mapped"])
@pytest.mark.parametrize("kind", KINDS)
def test_models_of_every_kind(kind, copied, lines, tmp_path, monkeypatch):
    path = tmp_path / f"{kind}.bin"
    trained(lines, KINDS[kind]).save_model(str(path))
    judge = library.FastText._FastText(str(path))
    monkeypatch.setattr(fasttext_file, "COPIED_BYTES", copied)
    model = Model(read(path))
    rng = random.Random(3)
    drawn = [" ".join(rng.choices([*VOCABULARY, "new", "__label__l1", "\0"], k=rng.randint(0, 30))) for _ in range(60)]
    texts = [*drawn, "", "</s>", "a </s> b", "é" * 90, "cata catb " * 3000]
    agree(model, judge, texts)
    table = model.probabilities(texts_of(texts))
    for row, text in zip(table, texts, strict=True):
        for name, score in by_library(judge, text, k=5):
            assert row[model.labels.index(name)] == pytest.approx(score, abs=CLOSE)


def of_few_labels(lines: Path, folder: Path, labels: int, options: dict) -> Path:
    """A model trained on the same lines, of so many labels."""
    texts = [line.split(" ", 1)[1] for line in lines.read_text().splitlines()]
    (folder / "few.txt").write_text("".join(f"__label__{n % labels} {text}\n" for n, text in enumerate(texts)))
    trained(folder / "few.txt", {"dim": 16, "epoch": 8, **options}).save_model(str(folder / "few.bin"))
    return folder / "few.bin"


FEW = {
    "softmax": {"wordNgrams": 2},
    "one_vs_all": {"loss": "ova", "wordNgrams": 3, "minn": 2, "maxn": 4},
    "negative_sampling": {"loss": "ns", "dim": 7},
    "tree": {"loss": "hs", "wordNgrams": 2},
    "quantised": {"wordNgrams": 2, "dim": 13, "quantize": {"qnorm": True, "dsub": 3}},
    "quantised_and_pruned": {"minn": 2, "maxn": 3, "quantize": {"cutoff": 400}},
}


@pytest.mark.parametrize("copied", [fasttext_file.COPIED_BYTES, 0], ids=["unpacked", "mapped"])
@pytest.mark.parametrize("kind", FEW)
def test_models_of_few_labels_are_asked_by_products(kind, copied, lines, tmp_path, monkeypatch):
    path = of_few_labels(lines, tmp_path, 3, FEW[kind])
    monkeypatch.setattr(fasttext_file, "COPIED_BYTES", copied)
    model, judge = Model(read(path)), library.FastText._FastText(str(path))
    assert model.by_products == (kind != "tree")
    rng = random.Random(3)
    sizes = [0, 1, 2, 9, 40, 400, ROUNDED_BYTES // 5, ROUNDED_BYTES // 3, ROUNDED_BYTES]
    texts = [" ".join(rng.choices([*VOCABULARY, "new"], k=size)) for size in sizes for _ in range(3)]
    assert {len(text.encode()) > ROUNDED_BYTES for text in texts} == {False, True}
    agree(model, judge, texts)
    for _ in range(2):  # the second time, no row is new
        table = model.probabilities(texts_of(texts))
        for row, text in zip(table, texts, strict=True):
            assert {model.labels[i]: row[i] for i in range(3)} == pytest.approx(
                dict(by_library(judge, text, 3)), abs=CLOSE
            )
            assert model.probabilities_one(text) == pytest.approx(dict(zip(model.labels, row, strict=True)), abs=1e-7)


def test_a_very_long_text_and_few_labels(lines, tmp_path):
    """By products it would be right, and not what the library says: there, float32 sums drift."""
    path = of_few_labels(lines, tmp_path, 2, {})
    text = "cata catb dorta x9b " * 200_000
    judge = library.FastText._FastText(str(path))
    model = Model(read(path))
    label, score = model.predict(texts_of([text]))
    ((name, expected),) = by_library(judge, text)
    assert (name, score[0]) == (model.labels[label[0]], pytest.approx(expected, abs=CLOSE))


def test_loading_is_done_once():
    assert load(LANGUAGES) is load(Path(str(LANGUAGES)))


@pytest.mark.parametrize("size", [0, 3, 40, 63, 90, 5000, 150_000, 480_000, 570_000, 900_000, 926_000, 938_012])
def test_part_of_a_file_is_refused(tmp_path, size):
    path = tmp_path / "part.ftz"
    path.write_bytes(LANGUAGES.read_bytes()[:size])
    with pytest.raises(StoreError, match=r"part\.ftz"):
        read(path)


def test_other_files_are_refused(tmp_path, lines):
    with pytest.raises(StoreError, match="cannot read"):
        read(tmp_path / "none.bin")
    (tmp_path / "text.bin").write_text("this is no model " * 9)
    with pytest.raises(StoreError, match="not a fastText model"):
        read(tmp_path / "text.bin")
    newer = bytearray(LANGUAGES.read_bytes())
    newer[4] = 13
    (tmp_path / "newer.ftz").write_bytes(newer)
    with pytest.raises(StoreError, match="version 13"):
        read(tmp_path / "newer.ftz")
    vectors = library.train_unsupervised(str(lines), dim=4, epoch=1, bucket=10, thread=10, verbose=0)
    vectors.save_model(str(tmp_path / "vectors.bin"))
    with pytest.raises(StoreError, match="no labels"):
        read(tmp_path / "vectors.bin")


@pytest.mark.parametrize(
    ("at", "value", "says"),
    [
        (0, 1, "not a fastText model"),
        (4, 13, "version 13; known are versions 11 and 12"),
        (4, 10, "version 10"),
        (4, -1, "version -1"),
        (8, 0, "impossible settings: dim 0"),
        (8, 9999, "columns|ends at"),
        (28, -1, "wordNgrams -1"),
        (32, 7, "unknown loss 7; known are hierarchical softmax"),
        (36, 1, "no labels"),
        (40, -5, "buckets -5"),
        (40, 10**9, "too small"),
        (48, 1000, "maxn 1000"),
        (64, 10**9, "dictionary"),
        (68, -1, "dictionary"),
        (72, 0, "dictionary"),
    ],
)
def test_settings_that_do_not_fit_are_refused(lines, tmp_path, at, value, says):
    data = bytearray(of_few_labels(lines, tmp_path, 2, {"wordNgrams": 2, "epoch": 1}).read_bytes())
    data[at : at + 4] = value.to_bytes(4, "little", signed=True)
    (tmp_path / "odd.bin").write_bytes(data)
    with pytest.raises(StoreError, match=rf"odd\.bin: .*({says})"):
        read(tmp_path / "odd.bin")


@pytest.fixture(scope="module")
def whole_files(lines, tmp_path_factory) -> list[bytes]:
    folder = tmp_path_factory.mktemp("whole")
    kinds = {"few": {"wordNgrams": 2, "minn": 2, "maxn": 3, "epoch": 1}, **KINDS}
    for kind in ("few", "tree", "bigrams", "one_vs_all", "pruned", "quantised", "tree_quantised", "output_quantised"):
        trained(lines, {**kinds[kind], "bucket": 300}).save_model(str(folder / kind))
    return [path.read_bytes() for path in sorted(folder.iterdir())]


@st.composite
def damage(draw, sizes: list[int]) -> tuple[int, list[tuple[str, int, bytes]]]:
    """(which file, what is done to it: the kind of change, where, with which bytes)."""
    number = draw(st.integers(0, len(sizes) - 1))
    size = sizes[number]
    place = st.integers(8, 110) | st.integers(0, min(size, 12_000) - 1) | st.integers(0, size - 1)
    some_bytes = st.binary(min_size=1, max_size=8) | st.sampled_from([b"\0", b"\x7f", b"\xff", b"\xff\xff\xff\x7f"])
    changes = st.tuples(st.sampled_from(["put", "flip", "flip", "cut", "take out", "add"]), place, some_bytes)
    return number, draw(st.lists(changes, min_size=1, max_size=3))


def damaged(data: bytes, changes: list[tuple[str, int, bytes]]) -> bytes:
    found = bytearray(data)
    for change, at, some in changes:
        if change == "cut":
            del found[at:]
        elif change == "take out":
            del found[at : at + len(some)]
        elif change == "add":
            found[at:at] = some
        elif change == "put":
            found[at : at + len(some)] = some
        elif at < len(found):
            found[at] ^= 1 << some[0] % 8
    return bytes(found)


@pytest.mark.parametrize("copied", [fasttext_file.COPIED_BYTES, 0], ids=["unpacked", "mapped"])
def test_damaged_files_are_refused_or_give_numbers_and_nothing_else(whole_files, copied, tmp_path_factory, monkeypatch):
    """What is damaged in a list of weights cannot be told from another model; all else is refused, and said why."""
    monkeypatch.setattr(fasttext_file, "COPIED_BYTES", copied)
    path = tmp_path_factory.mktemp("damaged") / "odd.bin"
    texts = texts_of(["le chat dort", "cata catb x9b", "", "__label__l1 cata </s> b", "é" * 40, "cata dortb " * 4000])
    refused: list[str] = []

    @settings(deadline=None, max_examples=150)
    @given(damage([len(file) for file in whole_files]))
    def each(what):
        number, changes = what
        path.write_bytes(damaged(whole_files[number], changes))
        try:
            model = Model(read(path))
            label, score = model.predict(texts)
            scores = model.probabilities(texts)
        except StoreError as error:
            refused.append(str(error))
            return
        assert ((-1 <= label) & (label < len(model.labels))).all()
        for numbers in (score, scores[~np.isnan(scores).all(axis=1)]):
            assert ((numbers >= 0) & (numbers < 1.001)).all()

    each()
    assert len(refused) > 30
    assert all("odd.bin: " in said for said in refused)


def test_a_model_with_what_is_no_number_is_told(lines, tmp_path):
    """As the library does, which says "Encountered NaN."; here with the name of the file."""
    for options in ({"loss": "softmax"}, {"loss": "hs"}, {"loss": "ova"}):
        path = of_few_labels(lines, tmp_path, 12, {**options, "epoch": 1})
        data = bytearray(path.read_bytes())
        parts = read(path)
        at = data.index(parts.rows.dense[parts.words.end].tobytes())
        data[at : at + 4] = np.float32(np.nan).tobytes()
        path.write_bytes(data)
        model = Model(read(path))
        for ask in (model.predict, model.probabilities):
            with pytest.raises(StoreError, match=r"few\.bin: the model is damaged"):
                ask(texts_of(["any text has an end"]))


@pytest.mark.skipif(not Path("/proc/self/smaps_rollup").exists(), reason="memory is looked up where Linux tells it")
def test_a_large_model_is_in_memory_once(lines, tmp_path):
    """The matrix of a model over the limit stays in the pages of the file, which all processes share."""
    path = of_few_labels(lines, tmp_path, 2, {"bucket": 120_000, "dim": 200, "wordNgrams": 2, "epoch": 1})
    code = (
        "import re, sys; from pathlib import Path; import numpy as np; from curate.models.fasttext import load;"
        "model = load(Path(sys.argv[1])); matrix = model._parts.rows.dense; matrix.sum();"
        "smaps = Path('/proc/self/smaps').read_text().split('few.bin', 1)[1];"
        "print(matrix.nbytes, *(re.search(rf'^{name}: +([0-9]+)', smaps, re.M)[1]"
        " for name in ('Rss', 'Anonymous')))"
    )
    command = [sys.executable, "-c", code, str(path)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=Path(__file__).parents[2])
    assert done.returncode == 0, done.stderr
    size, resident, own = map(int, done.stdout.split())
    assert size > fasttext_file.COPIED_BYTES
    assert resident * 1024 >= size, "all of the matrix was looked at, in pages of the file"
    assert own == 0, "none of them is the process's own"


def test_bytes_count_as_signed():
    assert fnv1a(b"") == 2166136261
    assert fnv1a(b"a") == 0xE40C292C  # as in every FNV-1a
    assert fnv1a("é".encode()) == ((((2166136261 ^ 0xFFFFFFC3) * 16777619) % 2**32 ^ 0xFFFFFFA9) * 16777619) % 2**32


def test_a_word_of_megabytes_takes_no_longer_than_its_bytes(lines, tmp_path):
    """A file of web pages may have one; it is an entry of the vocabulary like any other."""
    word = "x" * 4_000_000
    longer = tmp_path / "longer.txt"
    longer.write_text(lines.read_text() + f"__label__long {word}\n" * 20)
    path = tmp_path / "long.bin"
    trained(longer, {"wordNgrams": 1, "bucket": 0, "epoch": 1}).save_model(str(path))
    load(LANGUAGES)  # compiles
    began = time.process_time()
    model = Model(read(path))
    assert time.process_time() - began < 2
    same_as_library(model, library.FastText._FastText(str(path)), [word, word[1:], f"a {word} b"])
