"""The bundled raters: damage hurts, the kernel is the plain form, and a file that does not fit is refused."""

from __future__ import annotations

import hashlib
import random

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings

from curate.errors import StoreError
from curate.kernels.traits import NUMBERS, SEGMENT
from curate.models import raters
from curate.models.traits import MOST_SEGMENTS, segments, traits
from curate.models.traits_plain import look_one
from tests.stages.test_family import HOSTILE, PROSE, hostile

ARTICLE = (
    "Photosynthesis is the process by which green plants and some other organisms turn the energy of light into "
    "chemical energy. In most plants it takes place in the leaves, whose cells hold chloroplasts; these contain "
    "chlorophyll, a pigment that absorbs red and blue light. Water is split, oxygen is released, and the hydrogen is "
    "used to reduce carbon dioxide to sugars.\n\nThe reactions fall into two groups. Those that depend on light occur "
    "in the thylakoid membranes and produce ATP and NADPH. The Calvin cycle, which takes place in the stroma, uses "
    "both to fix carbon dioxide. Its key enzyme, rubisco, is probably the most abundant protein on Earth.\n\nThe rate "
    "of photosynthesis depends on the intensity of light, on temperature, and on the concentration of carbon dioxide. "
    "At high temperatures rubisco binds oxygen more often, and plants lose carbon to photorespiration; grasses of the "
    "tropics avoid this by concentrating carbon dioxide in special cells around the veins of the leaf."
)
MENU = "\n".join(["Home", "About us", "Contact", "Login | Register", "Share this", "Read more >>", "Cart (0)"] * 8)


def rate(*texts):
    return raters.load().rate(pa.array(texts, pa.large_string()))


def overall(text):
    return float(rate(text).scores[0, raters.CRITERIA.index("overall")])


def test_prose_is_better_than_menus():
    assert overall(ARTICLE) > 3.3
    assert overall(MENU) < 2.2


@pytest.mark.parametrize("criterion", ["coherence", "grammatical_diversity", "overall"])
def test_shuffled_words_are_worse(criterion):
    words = ARTICLE.split()
    random.Random(1).shuffle(words)
    column = raters.CRITERIA.index(criterion)
    good, bad = rate(ARTICLE, " ".join(words)).scores[:, column]
    assert bad < good - 0.3


def test_repeats_are_less_original():
    column = raters.CRITERIA.index("originality")
    good, bad = rate(ARTICLE[:1400], (ARTICLE.split(".")[0] + ".\n") * 7).scores[:, column]
    assert bad < good - 1


SOUP = "the of and to in a is that for it as was with be by on not he his but at are this have an".split()
JUNK = {
    "the": "the " * 400,
    "a letter": "aaaa" * 400,
    "a word": "Photosynthesis, " * 100,
    "a phrase": "buy cheap watches online now! " * 50,
    "stop words": " ".join(random.Random(1).choices(SOUP, k=300)),
    "letters": " ".join("".join(random.Random(i).choices("abcdefghijklmnopqrstuvwxyz", k=7)) for i in range(180)),
    "characters": "".join(random.Random(1).choices([chr(c) for c in range(33, 127)], k=1400)),
    "a long token": "".join(random.Random(2).choices("0123456789abcdef", k=1500)),
    "numbers": " ".join(str(random.Random(i).randrange(10**6)) for i in range(220)),
    "a word and signs": "word" + "-=-=" * 370,
    "blanks and words": (" " * 120).join(["word", "other", "third"] * 4),
    "letters apart": " ".join("nothing to see here at all " * 25),
}


@pytest.mark.parametrize("kind", JUNK)
def test_junk_is_worth_nothing(kind):
    assert overall(JUNK[kind]) < 1.9
    assert overall(JUNK[kind][:400]) < 2.2


@pytest.mark.parametrize(
    ("domain", "text"),
    [
        ("coding", "def add(a, b):\n    return a + b\n\n\nclass Stack:\n    def pop(self):\n        return self.x"),
        ("law", "The plaintiff appealed the judgment of the district court. The statute provides that the defendant "
                "is liable under section 12 of the Act, and the court of appeals affirmed the ruling."),
        ("medicine", "Patients with diabetes were treated with insulin. The clinical trial found that blood pressure "
                     "fell, and that the symptoms of the disease were relieved by the therapy."),
    ],
)  # fmt: skip
def test_domains_of_plain_cases(domain, text):
    assert raters.DOMAINS[rate(text).domain[0]] == domain


def test_scores_are_in_range_and_empty_texts_have_none():
    ratings = rate("", "\0", ARTICLE, "a", "中文" * 3000)
    assert np.isnan(ratings.scores[:2]).all()
    assert ratings.domain[:2].tolist() == [-1, -1]
    assert ((ratings.scores[2:] >= 1) & (ratings.scores[2:] <= 5)).all()
    assert ((ratings.probability[2:] > 1 / 15 - 1e-6) & (ratings.probability[2:] <= 1)).all()


def test_rating_of_a_long_text_is_the_mean_over_its_segments():
    text = "".join(random.Random(3).choices([ARTICLE, MENU, PROSE, "\n\n"], k=60))
    cut = segments(np.array([len(text)]))
    assert len(cut.first) == MOST_SEGMENTS
    assert cut.first[0] == 0
    assert cut.first[-1] == len(text) - SEGMENT
    parts = rate(*(text[first : first + SEGMENT] for first in cut.first))
    np.testing.assert_allclose(rate(text).scores[0], parts.scores.mean(axis=0), rtol=1e-6)


def test_segments_cover_texts_of_middling_length():
    cut = segments(np.array([0, 1, SEGMENT, SEGMENT + 1, 5 * SEGMENT]))
    assert cut.document.tolist() == [1, 2, 3, 3, 4, 4, 4, 4, 4]
    assert cut.first.tolist() == [0, 0, 0, 1, 0, 1500, 3000, 4500, 6000]
    assert cut.chars.tolist() == [1] + [SEGMENT] * 8


@settings(deadline=None, max_examples=60)
@given(text=hostile)
def test_kernel_finds_what_the_plain_form_finds(text):
    check(text[:SEGMENT])


def test_kernel_finds_what_the_plain_form_finds_in_known_texts():
    for text in (*HOSTILE, ARTICLE, MENU, "x" * 101, "𠀀𐀀\U0010ffff文" * 9, "Ünïcödé ǅ ﬁ ⅷ 𝔘 ½ …", "a.b. C! d?\n e."):
        check(text[:SEGMENT])


def check(text):
    loaded = raters.load()
    plain = look_one(text, loaded.tables, loaded.vocabulary)
    found, document = traits(pa.array([text], pa.large_string()), loaded.tables)
    if not text:
        assert len(document) == 0
        return
    for index, name in enumerate(NUMBERS):
        assert plain.numbers[index] == found.numbers[0, index], name
    for name in ("histogram", "total", "first"):
        assert (getattr(plain, name) == getattr(found, name)[0]).all(), name
    np.testing.assert_allclose(plain.alike, found.alike[0], rtol=1e-12)


def test_a_file_cut_short_is_refused(tmp_path):
    whole = raters.BUNDLED.read_bytes()
    for size in (0, 100, len(whole) // 2, len(whole) - 1):
        path = tmp_path / f"{size}.npz"
        path.write_bytes(whole[:size])
        with pytest.raises(StoreError, match="damaged"):
            raters.load(path)
    with pytest.raises(StoreError, match="no raters at"):
        raters.load(tmp_path / "none.npz")


@pytest.mark.parametrize("part", ["vectors", "inner", "tag", "mean"])
def test_parts_that_do_not_fit_are_refused(tmp_path, part):
    with np.load(raters.BUNDLED) as file:
        stored = dict(file)
    stored[part] = stored[part][:-1]
    np.savez(tmp_path / "bad.npz", **stored)
    with pytest.raises(StoreError, match=f"'{part}' has the wrong shape"):
        raters.load(tmp_path / "bad.npz")


def test_what_is_saved_is_what_is_loaded(tmp_path):
    loaded = raters.load()
    raters.save(tmp_path / "again.npz", loaded.tables, loaded.network, list(loaded.vocabulary))
    again = raters.load(tmp_path / "again.npz").rate(pa.array([ARTICLE], pa.large_string()))
    assert (again.scores == rate(ARTICLE).scores).all()


def test_the_card_is_of_this_file():
    card, stored = raters.BUNDLED.with_suffix(".md").read_text(encoding="utf-8"), raters.BUNDLED.read_bytes()
    assert f"{len(stored):,} bytes, SHA-256 `{hashlib.sha256(stored).hexdigest()}`" in card
