"""The known answers of DataMan's form, and its question."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from curate.annotation.form import HOLE, LETTERS, SCORES, Answer, Form, Malformed, parsed, template

SOME = (5, 4, 3, 2, 1, 5, 4, 3, 2, 1, 5, 4, 3, 2)


def lines(domain="J", scores=SOME):
    return [domain, *map(str, scores)]


@pytest.mark.parametrize("letter", "ABCDEFGHIJKLMNO")
def test_each_of_the_domains(letter):
    assert parsed("\n".join(lines(letter))) == Answer(SOME, letter)


@pytest.mark.parametrize(
    "text",
    [
        "\n".join(lines()) + "\n",
        "\r\n".join(lines()) + "\r\n",
        "\n\n " + "\n".join(lines()) + " \n",
        " \n".join(lines()),
    ],
)
def test_white_space_at_ends_of_lines_does_not_matter(text):
    assert parsed(text) == Answer(SOME, "J")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("\n".join(lines()[:14]), "14 lines came; expected 15"),
        ("\n".join([*lines(), "5"]), "16 lines came"),
        ("\n".join(lines("P")), "line 1 is 'P'; expected a letter of A to O"),
        ("\n".join(lines("j")), "line 1 is 'j'"),
        ("\n".join(lines("")), "14 lines came"),
        ("\n".join(lines("AB")), "line 1 is 'AB'"),
        ("\n".join(lines(scores=(0, *SOME[1:]))), "line 2 is '0'; expected the accuracy, a whole number of 1 to 5"),
        ("\n".join(lines(scores=(*SOME[:13], 6))), "line 15 is '6'; expected the overall_score"),
        ("\n".join(lines(scores=(*SOME[:3], "4.5", *SOME[4:]))), "line 5 is '4.5'; expected the semantic_density"),
        ("\n".join(lines(scores=(*SOME[:3], "N/A", *SOME[4:]))), "line 5 is 'N/A'"),
        ("\n".join(lines(scores=(*SOME[:3], "５", *SOME[4:]))), "line 5 is"),
        ("\n".join(lines(scores=(*SOME[:3], "5/5", *SOME[4:]))), "line 5 is '5/5'"),
        ("\n".join(lines(scores=(*SOME[:3], "", *SOME[4:]))), "line 5 is ''"),
        ("Sure! Here it is:\n" + "\n".join(lines()), "16 lines came"),
        ("\n".join([*lines()[1:], "J"]), "line 1 is '5'"),
        ("\r".join(lines()), "1 lines came"),
        ("```\n" + "\n".join(lines()) + "\n```", "17 lines came"),
        ("", "1 lines came"),
    ],
)
def test_what_is_malformed(text, told):
    with pytest.raises(Malformed) as caught:
        parsed(text)
    assert told in str(caught.value)


@settings(deadline=None, max_examples=200)
@given(st.text(max_size=80))
def test_any_answer_is_read_or_refused(text):
    try:
        found = parsed(text)
    except Malformed:
        return
    assert len(found.scores) == 14


def test_the_question_asks_in_the_order_of_the_columns():
    question = Form(template()).question("Some {text} of braces {} and {0}.")
    last = question[question.index("Text: ") :].split("\n")
    assert last[0] == "Text: Some {text} of braces {} and {0}."
    assert last[1] == "Domain:_"
    asked = [line.split("]")[1].split(":")[0].lower().replace(" ", "_") for line in last[2:]]
    assert asked == list(SCORES)
    assert all(line.endswith(":_/5") for line in last[2:])
    assert len(LETTERS) == 15
    assert all(f"{letter} " in question for letter in LETTERS)


def test_a_template_has_one_place_for_the_text():
    assert Form(f"A {HOLE} B").question("x") == "A x B"
    assert Form(f"A {HOLE} B").sha256 != Form(f"A {HOLE} C").sha256
    for wrong in ("no place", f"{HOLE} {HOLE}"):
        with pytest.raises(ValueError, match=r"must have \{text\} once"):
            Form(wrong)
