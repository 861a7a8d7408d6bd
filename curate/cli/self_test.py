"""The self-test of `curate doctor`: one stage of each family over made-up prose, for a moment each."""

from __future__ import annotations

import random
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from curate import catalog
from curate.cli.health import Finding
from curate.engine import warm
from curate.stage import Stage

SECONDS = 10.0
"""For all families together; a family that has begun is finished."""
EACH = 0.5  # seconds for one family, after the first batch, which loads models
FAMILIES: tuple[tuple[str, str, Mapping[str, Any]], ...] = (
    ("texts", "normalize", {}),
    ("language", "language", {"keep": ["en"]}),
    ("rules on words", "gopher_quality", {}),
    ("repetition", "gopher_repetition", {}),
    ("lines", "c4", {}),
    ("ratings", "quality", {}),
    ("toxicity", "toxicity", {}),
    ("exact repeats", "exact_dedup", {}),
    ("near repeats", "minhash_dedup", {}),
)
"""(family, the stage that stands for it, its options)"""

WORDS = (
    "the of and to in that it is was for on with as be at by this had not but from have are which one you were all "
    "their there been would more when who will no out so said what up its about into than them can only other time new "
    "some could these two may first then do any my now such like our over man me even most made after also did many "
    "before must through years where much your way well down should because each just those people take day good "
    "water house river winter market garden letter morning question reason history country"
).split()


def prose(documents: int = 200, words: int = 500) -> list[str]:
    """Made-up English prose, always the same: about 2,600 bytes a document, in sentences and paragraphs."""
    chance = random.Random(1)
    texts = []
    for _ in range(documents):
        sentences = []
        for _ in range(words // 14):
            text = " ".join(chance.choices(WORDS, k=chance.randint(8, 20)))
            sentences.append(text.capitalize() + chance.choice([". ", ". ", ".\n\n", "? "]))
        texts.append("".join(sentences).strip())
    return texts


def measure(*, compile_all: bool = False) -> Iterator[Finding]:
    """A finding for each family: how much text a core works through in a second.

    compile_all: compile kernels that were not compiled before, which takes up to half a minute once; else such
    families are passed over.
    """
    texts = prose()
    size = sum(len(text.encode()) for text in texts)
    began = time.perf_counter()
    for family, name, options in FAMILIES:
        kind = catalog.stage_class(name)
        if not (compile_all or warm.is_compiled(name, kind)):
            text = f"{name}: its kernels are not compiled yet"
            yield Finding(family, "note", text, "the first run does that, or: curate doctor --compile")
            continue
        if time.perf_counter() - began > SECONDS and not compile_all:
            yield Finding(family, "note", f"{name}: no time left to measure it", "is the machine busy?")
            continue
        try:
            speed = _speed(kind(**options), texts, size)
        except Exception as error:
            remedy = "this is a defect, or the installation is damaged: install curate again"
            yield Finding(family, "bad", f"{name}: {type(error).__name__}: {error}", remedy)
            continue
        warm.mark(name, kind)
        facts = {"stage": name, "megabytes_per_second": round(speed, 2)}
        yield Finding(
            family, "good", f"{name}: {speed:,.0f} MB of simple English a second on one core, at best", facts=facts
        )


def _speed(stage: Stage, texts: Sequence[str], size: int) -> float:
    """Megabytes of text a second, the best of several batches: the machine may be busy with other things."""
    warm.exercise(stage, warm.batch_of(texts))
    best, end = float("inf"), time.perf_counter() + EACH
    while time.perf_counter() < end:
        batch = warm.batch_of(texts)  # a new one: what is known of a batch is not found out twice
        began = time.perf_counter()
        warm.exercise(stage, batch)
        best = min(best, time.perf_counter() - began)
    return size / best / 1e6
