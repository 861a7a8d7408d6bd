"""pii: what counts as an address or a number, and that e-mail and IP addresses are those of datatrove's formatter."""

import hashlib
import json
import re
import time
from pathlib import Path

import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from curate.stages.pii import Pii
from tests.stages.harness import batch_of

SAMPLE = Path(__file__).parents[2] / "configs" / "sample"
_O = "(?:25[0-5]|2[0-4][0-9]|[01]?[0-9][0-9]?)"
_A = "[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]"
_L = "[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?"
EMAIL = re.compile(rf"\b{_A}+(?:\.{_A}+)*@(?:(?:{_L}\.)+{_L}|\[(?:{_O}\.){{3}}(?:{_O}|[A-Za-z0-9-]*[A-Za-z0-9]:)])")
"""The language that datatrove's e-mail expression accepts (0.10.1), with its backtracking."""


def masked(text: str, **options: object) -> str:
    stage = Pii(email_with=["<E>"], ip_with=["<I>"], ipv6_with=["<6>"], phone_with=["<P>"], **options)
    outcome = stage.process(batch_of([text]))
    new = text if outcome.text is None else outcome.text[0].as_py()
    assert new == stage.edit_one(text).text
    return new


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a@b.c", "<E>"),
        ("Jane Doe <jane.doe+x@mail.uni-a.edu>.", "Jane Doe <<E>>."),
        ("a@b", "a@b"),
        ("@b.c a.@b.c .a@b.c", "@b.c a.@b.c .<E>"),
        ("a..b@c.de", "a..<E>"),
        ("a@b.c-d@e.f", "<E>@e.f"),
        ("a@b.c!x@e.f", "<E><E>"),
        ("root@[10.0.0.1]", "<E>"),
        ("éa@b.cd", "éa@b.cd"),
        ("é-a@b.cd", "é<E>"),
        ("--a@b.cd", "--<E>"),
        ("a@b.co.uk, c@d.org", "<E>, <E>"),
    ],
)
def test_emails(text, expected):
    assert masked(text) == expected
    if "root" not in text:
        assert EMAIL.sub("<E>", text) == expected, "which is what datatrove does"


def test_real_documents_are_as_datatrove_leaves_them():
    """Seven shards and the digest of what datatrove 0.10.1 makes of them."""
    texts = [text for shard in sorted(SAMPLE.glob("*.parquet")) for text in pq.read_table(shard)["text"].to_pylist()]
    outcome = Pii(email_with=["<E>"], ip_with=["<I>"], inside_numbers=True).process(batch_of(texts))
    assert pc.sum(outcome.columns["pii_emails"]).as_py() == 1034
    assert pc.sum(outcome.columns["pii_ips"]).as_py() == 162
    digest = hashlib.sha256(json.dumps(outcome.text.to_pylist()).encode()).hexdigest()
    assert digest == "531cc05f9a33e627b4a0dcd5957c408f99d2e7fb3a54d448a87970cb3d1c4122"


BITS = ["a", "b.c", "@", ".", "..", "-", "@b.c", "é", "_", "!", "1", "[1.2.3.4]", " ", "x@y.z", "\n"]


@settings(deadline=None, max_examples=400)
@given(st.lists(st.sampled_from(BITS), max_size=14).map("".join))
def test_emails_are_those_that_the_expression_finds(text):
    assert masked(text, find=["email"]) == EMAIL.sub("<E>", text)


@pytest.mark.parametrize(
    ("text", "strict", "inside"),
    [
        ("at 8.8.8.8.", "at <I>.", "at <I>."),
        ("192.168.0.1 10.1.2.3 127.0.0.1 203.0.113.9", None, None),
        ("256.1.1.1", None, "2<I>"),
        ("999.1.1.1", None, "9<I>"),
        ("08.8.8.8", None, None),
        ("1.2.3.4.5", None, "<I>.5"),
        ("v1.2.3.4", None, "v<I>"),
        ("8.8.8.8:80", "<I>:80", "<I>:80"),
        ("8.8.8", None, None),
    ],
)
def test_ips(text, strict, inside):
    assert masked(text) == (strict or text)
    assert masked(text, inside_numbers=True) == (inside or text)


def test_local_addresses_count_when_told_to():
    assert masked("192.168.0.1 8.8.8.8 300.1.1.1", public_only=False) == "<I> <I> 300.1.1.1"


@pytest.mark.parametrize(
    ("text", "public", "every"),
    [
        ("at 2a00:1450:4001:830::200e.", "at <6>.", "at <6>."),
        ("[2606:4700:4700::1111]:53, 2606:4700:4700::1111/64", "[<6>]:53, <6>/64", "[<6>]:53, <6>/64"),
        ("2001:4860:4860:0000:0000:0000:0000:8888: it", "<6>: it", "<6>: it"),
        ("2a03:2880::", "<6>", "<6>"),
        ("2001:db8::1 is for documents", None, "<6> is for documents"),
        ("fe80::1%eth0 ::1 fd00::12", None, "<6>%eth0 <6> <6>"),
        ("::ffff:8.8.8.8", "::ffff:<I>", "<6>"),
        ("12:30:45 1:2:3:4:5:6:7 00:1a:2b:3c:4d:5e", None, None),
        ("Dead::Beef a::b std::vector ::  :: a::", None, None),
        ("2a00::200g 2a00::1::2 x2a00:1450::1 2a00:1450::1:", "2a00::200g 2a00::1::2 x2a00:1450::1 <6>:", None),
        ("2a00:1450:" * 9, None, None),
    ],
)  # fmt: skip
def test_ipv6(text, public, every):
    find = ["email", "ip", "ipv6"]
    assert masked(text, find=find) == (public or text)
    assert masked(text, find=find, public_only=False) == (every or public or text)
    assert "<6>" not in masked(text), "unless asked for"


@settings(deadline=None, max_examples=200)
@given(
    st.ip_addresses(v=6) | st.ip_addresses(v=6, network="2a00::/12"), st.sampled_from(["", "(", " ", "[", "http://["])
)
def test_ipv6_addresses_in_all_their_forms(address, before):
    """Of the library ipaddress, whole and short, in capitals; and what masks them is none itself."""
    for name in (address.compressed, address.exploded, address.exploded.upper()):
        outcome = Pii(find=["ipv6"]).edit_one(f"{before}{name}, twice {name}.")
        public = address.is_global and address.exploded[0] in "23"
        assert outcome.columns["pii_ips"] == (2 if public else 0)
        if public:
            assert outcome.text == f"{before}2001:db8::1, twice 2001:db8::2."
            assert Pii(find=["ipv6"]).edit_one(outcome.text).columns["pii_ips"] == 0


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("(415) 555-2671", "<P>"),
        ("415-555-2671, 415.555.2671; 1 415 555 2671", "<P>, <P>; <P>"),
        ("+49 30 901820 or +4930901820", "<P> or <P>"),
        ("4155552671", "4155552671"),
        ("115-555-2671 415-155-2671", "115-555-2671 415-155-2671"),
        ("2015-2016-2017 10-12-2020 978-3-16-148410-0", "2015-2016-2017 10-12-2020 978-3-16-148410-0"),
        ("1+1=2, C+11, +5 %", "1+1=2, C+11, +5 %"),
        ("+1234567", "+1234567"),
        ("+1-415-555-2671x12, 415-555-2671 ext. 1234; (415) 555-2671, Ext 7", "<P>, <P>; <P>"),
        ("+49 30 901820 extension 12 and 415.555.2671#3", "<P> and <P>"),
        ("415-555-2671x12y 415-555-2671x1234567 +123456x12", "415-555-2671x12y 415-555-2671x1234567 +123456x12"),
    ],
)
def test_phones(text, expected):
    assert masked(text, find=["phone"]) == expected
    assert masked(text) == text


EVERY = ["email", "ip", "ipv6", "phone"]


@pytest.mark.parametrize(
    ("text", "expected", "numbers"),
    [
        ("+8.8.8.8", "+22.214.171.124", (0, 1, 0)),
        ("8.8.8.8@uni.edu", "email@example.com", (1, 0, 0)),
        ("root@[8.8.8.8]", "email@example.com", (1, 0, 0)),
        ("+1 415 555 2671@uni.edu, 9.9.9.9", "email@example.com, 22.214.171.124", (1, 1, 0)),
        ("2a00:1450::8.8.8.8 8.8.8.8", "2001:db8::1 22.214.171.124", (0, 2, 0)),
        ("a@b.c +1 415 555 2671", "email@example.com |||PHONE_NUMBER|||", (1, 0, 1)),
    ],
)
def test_what_masks_one_is_not_taken_for_another(text, expected, numbers):
    one = Pii(find=EVERY).edit_one(text)
    assert one.text == expected
    assert tuple(one.columns.values()) == numbers


MIXED = ["8.8.8.8", "+", "1 415 555 2671", "a@b.c", "@", "2a00:1450::1", ":", ".", "-", " ", "x12", "[", "]", "4", "é"]


@settings(deadline=None, max_examples=300)
@given(st.lists(st.sampled_from(MIXED), max_size=12).map("".join), st.permutations(EVERY))
def test_masks_do_not_change_what_is_found(text, order):
    """Masks of one letter or of numbers that look like others: as many of each kind, and all else stays."""
    letters = {f"{kind}_with": [mark] for kind, mark in zip(EVERY, "\u0391\u0392\u0393\u0394", strict=True)}
    plain, other = Pii(find=order, **letters).edit_one(text), Pii(find=EVERY).edit_one(text)
    assert plain.columns == other.columns
    assert sum(plain.text.count(mark[0]) for mark in letters.values()) == sum(plain.columns.values())
    assert all(piece in text for piece in re.split("[\u0391-\u0394]", plain.text))
    alone = [sum(Pii(find=[kind]).edit_one(text).columns.values()) for kind in EVERY]
    assert bool(max(alone)) <= sum(plain.columns.values()) <= sum(alone)


def test_placeholders_take_turns_in_each_document():
    text = "a@b.c d@e.f g@h.i 8.8.8.8 9.9.9.9"
    stage = Pii(ip_with=["I"])
    new = "email@example.com firstname.lastname@example.org email@example.com I I"
    outcome = stage.process(batch_of([text, "none", text]))
    assert outcome.text.to_pylist() == [new, "none", new]
    assert outcome.columns["pii_emails"].to_pylist() == [3, 0, 3]
    assert outcome.columns["pii_ips"].to_pylist() == [2, 0, 2]


def test_too_many_drop_the_document():
    texts = [" ".join(f"a{i}@b.c" for i in range(n)) + " 8.8.8.8 415-555-2671" for n in (2, 3, 4)]
    found = Pii(drop_above=5, find=["email", "ip", "phone"]).process(batch_of(texts))
    assert found.reason.to_pylist() == [None, None, "too_many"]
    assert Pii(drop_above=3, find=["email"]).process(batch_of(texts)).reason.to_pylist() == [None, None, "too_many"]
    assert Pii(drop_above=0).process(batch_of(["", "a@b.c"])).reason.to_pylist() == [None, "too_many"]


def test_annotate_leaves_the_text():
    outcome = Pii(act="annotate").process(batch_of(["a@b.c"]))
    assert outcome.text is None
    assert outcome.columns["pii_emails"].to_pylist() == [1]
    assert not Pii(act="annotate").edits_text


@pytest.mark.parametrize("options", [{"find": []}, {"find": ["name"]}, {"email_with": []}, {"drop_above": -1}])
def test_options_that_make_no_sense(options):
    with pytest.raises(ValidationError):
        Pii(**options)


def test_long_runs_take_no_longer_than_long_texts():
    """A plain search for the expression takes a minute for the first of these."""
    stage, begin = Pii(find=["email", "ip", "ipv6", "phone"]), time.process_time()
    for text in (
        "a-" * 500_000 + "@",
        "a." * 500_000 + "@b",
        "a@" * 500_000,
        "1." * 500_000,
        "+1" * 300_000,
        "@" * 9**6,
        "1:" * 500_000,
        "a" * 500_000 + "::",
        "::" * 300_000 + "g",
        "a: " * 300_000,
    ):
        stage.edit_one(text)
    assert time.process_time() - begin < 20
