"""badwords: C4's rule, case by case, and its fast form against its plain form."""

import hashlib
import re
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from curate.stages.badwords import Badwords
from tests.stages.harness import batch_of
from tests.verdicts import _DATA

MILD = Path(__file__).parents[2] / "configs/mild_words"
LISTS = _DATA / "toxicity/ldnoobw.parquet"


def reasons(stage: Badwords, texts: list[str], **columns: list[str | None]) -> list[str | None]:
    return stage.process(batch_of(texts, **columns)).reason.to_pylist()


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("polishing my cutlass", None),
        ("Ass is one", "ass"),
        ('the word "ass".', "ass"),
        ("_ass_", None),
        ("class ass-kicking", "ass"),
        ("ÉASS", None),
        ("assé", None),
        ("中ass中", None),
        ("ass\u0301", "ass"),
        ("¡ass!", "ass"),
        ("AſS", None),
        ("Holy\ncow", None),
        ("HOLY COW", "holy cow"),
        ("in C++, that is", "c++"),
        ("DARN", "darn"),
        ("", None),
    ],
)
def test_a_word_counts_alone(text, word):
    stage = Badwords(lists=MILD)
    outcome = stage.process(batch_of([text]))
    assert outcome.columns["badword"].to_pylist() == [word] == [stage.edit_one(text).columns["badword"]]
    assert outcome.reason.to_pylist() == ["bad_word" if word else None]
    assert outcome.text is None


def test_languages_have_their_lists():
    texts = ["so ein Mist", "so ein Mist", "heck", "heck", "お前はばかだ", "sm と性", "heck", "heck"]
    languages = ["de", "en", "en-latin", None, "ja", "ja", "fr", "EN"]
    found = reasons(Badwords(lists=MILD, column="lang"), texts, lang=languages)
    said = [None if reason is None else "x" for reason in found]
    assert said == ["x", None, "x", "x", "x", "x", None, "x"], "性 is passed over in Chinese alone"
    assert reasons(Badwords(lists=MILD / "ja", language="ja"), ["sm", "ばかな"]) == [None, "bad_word"]


def test_part_of_the_hits_is_dropped_by_their_address():
    addresses = [f"https://www.a.com/{i}/?utm_source=x" for i in range(400)]
    stage = Badwords(lists=MILD, filter_fraction=0.25, url="url")
    found = reasons(stage, ["heck"] * 400, url=addresses)
    expected = [int(hashlib.md5(f"a.com/{i}".encode()).hexdigest(), 16) % 4 < 1 for i in range(400)]
    assert [reason is not None for reason in found] == expected
    assert 60 < sum(expected) < 140
    assert [stage.edit_one("heck", None, url).reason for url in addresses] == found
    assert reasons(stage, ["fine"], url=[None]) == [None]


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        ({"lists": MILD, "language": "fr"}, "has no list 'fr'; it has de, en, ja; give"),
        ({"lists": MILD / "none"}, "there is no file or folder"),
        ({"lists": MILD / "none", "column": "lang"}, "there is no file or folder"),
        ({"lists": MILD.parent, "column": "lang"}, "has no lists: files named after languages"),
        ({"lists": MILD.parent}, "has no list 'en'; it has none"),
        ({"lists": MILD, "filter_fraction": 0.5}, "needs `url`"),
        ({"lists": MILD / "en", "column": "lang"}, "is a file"),
    ],
)
def test_what_cannot_work_is_refused(options, complaint):
    with pytest.raises(ValidationError, match=re.escape(complaint)):
        Badwords(**options)


def test_an_empty_list_is_refused(tmp_path):
    (tmp_path / "en").write_text("\n \n")
    with pytest.raises(ValidationError, match="has no words"):
        Badwords(lists=tmp_path)


def test_a_list_that_is_no_text_is_refused(tmp_path):
    (tmp_path / "en").write_bytes(b"f\xffck\n")
    with pytest.raises(ValidationError, match="cannot be read as UTF-8 text"):
        Badwords(lists=tmp_path, column="lang")


def test_the_plan_says_which_languages_have_lists():
    told = ("documents pass in languages other than de, en, ja, which have lists",)
    assert Badwords(lists=MILD, column="lang").notes() == told
    assert Badwords(lists=MILD).notes() == ()


def test_files_are_those_that_count():
    assert [path.name for path in Badwords(lists=MILD).files()] == ["en"]
    assert [path.name for path in Badwords(lists=MILD, column="x").files()] == ["de.txt", "en", "ja"]


BITS = ["ass", "ASS", "İ", "hİ", "ſ", "K", "ΑΣ", "ας", "c++", "holy cow", " ", "_", "-", "é", "\n", "\0", "中", "i̇"]


@settings(deadline=None, max_examples=200)
@given(many=st.lists(st.lists(st.sampled_from(BITS), max_size=8).map("".join) | st.text(max_size=9), max_size=5))
def test_fast_form_is_plain_form(tmp_path_factory, many):
    path = tmp_path_factory.mktemp("lists") / "en"
    path.write_text("ass\nhi\nας\nc++\nk\ns\ni̇\n中\nholy cow\n", encoding="utf-8")
    stage = Badwords(lists=path)
    outcome = stage.process(batch_of(many))
    assert outcome.columns["badword"].to_pylist() == [stage.edit_one(text).columns["badword"] for text in many]


@settings(deadline=None, max_examples=100)
@given(many=st.lists(st.lists(st.sampled_from(BITS), max_size=8).map("".join), max_size=5))
def test_long_lists_are_no_other(tmp_path_factory, many):
    path = tmp_path_factory.mktemp("lists") / "en"
    rest = "\n".join(f"word{number}" for number in range(1000))
    path.write_text(f"{rest}\nass\nhi\nας\nc++\n-\nk\ns\ni̇\n中\nholy cow\nass ass\n", encoding="utf-8")
    stage = Badwords(lists=path)
    words = stage.process(batch_of(many)).columns["badword"].to_pylist()
    assert words == [stage.edit_one(text).columns["badword"] for text in many]


@pytest.mark.skipif(not LISTS.exists(), reason="the shared data is not there")
def test_real_lists_on_real_text(tmp_path):
    for row in pq.read_table(LISTS).to_pylist():
        with (tmp_path / row["lang"]).open("a", encoding="utf-8") as file:
            file.write(row["word"] + "\n")
    texts = pq.read_table(_DATA / "corpus/movie_reviews.parquet")["text"].combine_chunks().cast(pa.large_string())[:300]
    stage = Badwords(lists=tmp_path)
    words = [row["word"].lower() for row in pq.read_table(LISTS).to_pylist() if row["lang"] == "en"]
    rule = re.compile(rf"(?:\W|^)({'|'.join(map(re.escape, words))})(?:\W|$)")
    expected = [rule.search(text.lower()) is not None for text in texts.to_pylist()]
    found = stage.process(batch_of(texts.to_pylist())).reason
    assert [reason is not None for reason in found.to_pylist()] == expected
    assert 20 < sum(expected) < 200
