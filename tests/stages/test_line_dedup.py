"""line_dedup: what goes, what stays, and what is left lying about."""

import pyarrow as pa
import pytest

from curate.stages.line_dedup import LineDedup
from tests.stages.harness import batch_of, run


def left(*texts: str, **options: object) -> list[str | None]:
    """What is left of each text; the reason, in brackets, of those that are dropped."""
    stage = LineDedup(**{"min_chars": 1, **options})
    found = run(stage, [[batch_of([text], [f"d{i}"])] for i, text in enumerate(texts)])
    return [f"[{found.reasons[key]}]" if found.reasons[key] else found.texts[key] for key in found.reasons]


def test_first_or_none_of_the_copies_stays():
    texts = ("menu\na", "menu\nb", "c\nmenu\nmenu", "d\nd")
    assert left(*texts) == ["menu\na", "b", "c", "d"]
    assert left(*texts, keep="none") == ["a", "b", "c", None]
    assert left(*texts, min_repeats=4) == ["menu\na", "b", "c", "d\nd"]
    assert left(*texts, min_repeats=5) == [*texts]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a\nX\nb", "a\nb"),
        ("a\n\nX\n\nb", "a\n\nb"),
        ("a\nX\n\nb", "a\n\nb"),
        ("a\n\nX\nb", "a\n\nb"),
        ("a\nX\n\n\nb", "a\n\n\nb"),
        ("a\n\nX\nY\n\n \nY\n\nb\n\n\nc\n", "a\n\nb\n\n\nc"),
        ("X\n\n  b\n", "  b"),
        ("\n\nX\n\nb", "\n\nb"),
        ("a\n\nX\n", "a"),
        ("a \r\nX\r\nb\r\n", "a \r\nb"),
        ("a\n\n\nb\n\n", "a\n\n\nb\n\n"),
        ("X\n\nY\n", None),
        ("", ""),
        (" \n", " \n"),
    ],
)
def test_blank_lines_around_removed_ones(text, expected):
    assert left("X\nY", text)[1] == expected


def test_paragraphs_go_with_the_blank_lines_behind_them():
    texts = ("p\nq\n\nr", "s\n\n\np\nq\n \nt\n", "p\n\nr\nu", "q\n\np q")
    assert left(*texts, unit="paragraph") == ["p\nq\n\nr", "s\n\n\nt", "p\n\nr\nu", "q"]


def test_normal_forms():
    texts = ("Tel. 123 – «Ok»", "tel. 456  Ok", "TEL 7 OK", "tel. 456 Ok", " tel. 456 Ok\t")
    assert left(*texts, normalize="ccnet") == [texts[0], None, texts[2], None, None]
    assert left(*texts, normalize="simplified") == [texts[0], None, None, None, None]
    assert left(*texts, normalize="whitespace") == [texts[0], texts[1], texts[2], None, None]
    assert left(*texts, normalize="off") == [texts[0], texts[1], texts[2], texts[3], None]


def test_short_lines_are_neither_counted_nor_removed():
    texts = (
        "}\nAll rights reserved.\nHome\n中文句子十个字以上才能算数对不对呢我想是的吧",
        "All rights reserved.\n}\n}\nHome",
    )
    assert left(*texts, min_chars=20) == [texts[0], "}\n}\nHome"]
    assert left(*texts, min_chars=21) == [*texts]
    assert left(*texts, min_words=3) == [texts[0], "}\n}\nHome"]
    assert left(*texts, min_words=4) == [*texts]
    assert LineDedup().min_chars == 20


def test_documents_of_which_too_little_is_left():
    seen, texts = "1234567890\nx", ("1234567890\nabcde", "1234567890\n1234567890", "abc")
    assert left(seen, *texts)[1:] == ["abcde", None, "abc"]
    assert left(seen, *texts, min_chars_left=5)[1:] == ["abcde", None, "abc"]
    assert left(seen, *texts, min_chars_left=6)[1:] == ["[too_little_left]", None, "abc"]
    assert left(seen, *texts, max_removed=11 / 16)[1:] == ["abcde", None, "abc"]
    assert left(seen, *texts, max_removed=0.68)[1:] == ["[too_much_removed]", None, "abc"]
    assert left(seen, *texts, max_removed=0.68, min_chars_left=6)[1] == "[too_little_left]"


def test_a_dropped_document_keeps_its_text_and_its_numbers():
    found = run(LineDedup(min_chars=1, min_chars_left=9), [[batch_of(["a\nb", "a\nc"])]])
    assert found.texts["d1"] == "a\nc"
    assert found.columns["line_dedup_removed"] == {"d0": 0, "d1": 1}
    assert found.columns["line_dedup_removed_chars"] == {"d0": 0, "d1": 2}


def test_an_untouched_batch_keeps_its_array():
    nothing = pa.table({"place": pa.array([], pa.uint32()), "row": pa.array([], pa.int64())})
    assert LineDedup().apply(batch_of(["one line\n", "another line\n"]), nothing).text is None
