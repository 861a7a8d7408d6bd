"""Drop documents with a word of a list, as C4 did."""

from __future__ import annotations

import hashlib
import re
from functools import lru_cache
from pathlib import Path
from typing import Annotated, NamedTuple, Self

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pydantic import Field, model_validator

from curate.documents import TEXT, Batch
from curate.stage import Column, Edit, One, Outcome

WITHOUT_SPACES = {"ja", "th", "zh"}
ALLOWED = {"ja": {"sm", "グロ", "女の子"}, "zh": {"性"}}
"""Words of the LDNOOBW lists that C4 passed over (from the code of TFDS's C4)."""
_URL_SCHEME = re.compile(r"https?://(?:www\.)?")
_URL_TAIL = re.compile(r"\?(?:utm_|ref|feed).*")
_REASON = "bad_word"
_AROUND = (r"(?:\W|^)", r"(?:\W|$)")
_RUN = re.compile(r"\w+")
_LONG = 800
"""Words of a list from which Arrow takes more than half a second to compile it; LDNOOBW's longest has 403."""


class Badwords(Edit):
    """Drop documents that contain a word of a list (C4's rule); a list of words is no measure of toxicity.

    In a recipe, with a folder of lists: `badwords: {lists: LDNOOBW}`; or, by the language of each document, and only
    for nine of ten of those found, `badwords: {lists: LDNOOBW, column: language, filter_fraction: 0.9, url: url}`.

    C4's rule (Raffel et al. 2020; its code in TFDS), with C4's list: LDNOOBW, the "List of Dirty, Naughty, Obscene and
    Otherwise Bad Words", one file for each language, to be fetched from its repository. The text is lowercased; a word
    counts if no letter, digit or underscore stands next to it. In Japanese, Thai and Chinese it counts anywhere, and
    of the Japanese and Chinese lists, four words do not count (`sm`, `グロ`, `女の子`, `性`). The column `badword` has
    the first word found; null where there is none. Reason: `bad_word`.

    Known to remove health, law and LGBTQ text along with what it is after (Dodge et al. 2021, arXiv:2104.08758): look
    at `curate why` and at what was dropped before relying on it.
    """

    lists: Path
    """A file with one word or phrase a line, UTF-8; or a folder of such files, each named after a language, with or
    without `.txt`, as in LDNOOBW's repository."""
    language: str = "en"
    """The language of all texts, or of those without a value in `column`: the file to take out of a folder, and whether
    words have spaces around them. What follows a `-` does not count: `en-latin` is `en`."""
    column: Column | None = None
    """Column with the language of each document, as in the names of the files; for a folder. Documents in a language
    without a list pass."""
    filter_fraction: Annotated[float, Field(gt=0, le=1)] = 1.0
    """Share of the documents found to drop, from 0 to 1. With less than 1, the MD5 of the address in `url` decides, as
    in TFDS, so that neither order nor sharding matters."""
    url: Column | None = None
    """Column with the address of each document; needed for a `filter_fraction` below 1."""

    edits_text = False
    writes = {"badword": pa.string()}

    @model_validator(mode="after")
    def _has_what_it_needs(self) -> Self:
        if self.filter_fraction < 1 and self.url is None:
            raise ValueError(f"filter_fraction {self.filter_fraction} needs `url`, the column with addresses")
        if self.column is not None and self.lists.is_file():
            raise ValueError(f"`column` chooses a file of a folder, but {self.lists} is a file")
        if not self.lists.exists():
            raise ValueError(
                f"there is no file or folder {self.lists}; `lists` is a list of words, or a folder of them"
            )
        there = self._languages()
        if self.column is not None and not there:
            raise ValueError(f"{self.lists} has no lists: files named after languages, such as `en` or `en.txt`")
        if self.column is None and _file(self.lists, _code(self.language)) is None:
            some = f"it has {', '.join(there)}" if there else "it has none, which are files such as `en` or `en.txt`"
            raise ValueError(f"{self.lists} has no list '{_code(self.language)}'; {some}; give `lists` and `language`")
        for path in self.files():
            try:
                words = _read(path)
            except (OSError, UnicodeDecodeError) as error:
                raise ValueError(f"{path} cannot be read as UTF-8 text: {error}") from error
            if not words:
                raise ValueError(f"{path} has no words")
        return self

    def _languages(self) -> list[str]:
        """Those with a list in the folder."""
        if not self.lists.is_dir():
            return []
        return sorted({path.stem for path in self.lists.iterdir() if _is_list(path)})

    def notes(self) -> tuple[str, ...]:
        if self.column is None:
            return ()
        return (f"documents pass in languages other than {', '.join(self._languages())}, which have lists",)

    def files(self) -> tuple[Path, ...]:
        if self.column is None:
            path = _file(self.lists, _code(self.language))
            return () if path is None else (path,)
        return tuple(sorted(path for path in self.lists.iterdir() if _is_list(path)))

    def edit_one(self, text: str, language: str | None = None, url: str = "") -> One:
        """`language`: what `column` says; `url`: the address."""
        rule = self._rule(language)
        found = rule.exact.search(text.lower()) if rule else None
        reason = _REASON if found and _drawn(url, self.filter_fraction) else None
        return One(text, reason, {"badword": found["word"] if found else None})

    def edit(self, batch: Batch) -> Outcome:
        texts = batch[TEXT]
        words: list[str | None] = [None] * len(texts)
        languages = batch[self.column].cast(pa.string()) if self.column else pa.nulls(len(texts), pa.string())
        for language in pc.unique(languages).to_pylist():
            rule = self._rule(language)
            if rule is None:
                continue
            of_it = pc.is_null(languages) if language is None else pc.equal(languages, language).fill_null(False)
            rows = np.flatnonzero(of_it.to_numpy(False))
            for row in rows[rule.may_have(texts.take(pa.array(rows)))].tolist():
                words[row] = rule.first(texts[row].as_py().lower())
        urls = batch[self.url].cast(pa.string()) if self.url else pa.nulls(len(texts), pa.string())
        dropped = [
            word is not None and _drawn(urls[row].as_py() or "", self.filter_fraction) for row, word in enumerate(words)
        ]
        reason = pa.array([_REASON if drop else None for drop in dropped], pa.string())
        return Outcome(reason=reason, columns={"badword": pa.array(words, pa.string())})

    def _rule(self, language: str | None) -> _Rule | None:
        code = _code(language or self.language)
        path = _file(self.lists, code)
        return None if path is None else _rule(path, code)


class _Rule(NamedTuple):
    """How to find a word of one list."""

    exact: re.Pattern[str]
    """On lowercased text; the word is the group `word`."""
    quick: str | None
    """In Arrow's regular expressions, on text as it is: finds all that `exact` does, and perhaps more, since only ASCII
    counts as letters beside a word. None for a long list, which would take long to compile, at every call."""
    runs: dict[str, list[str]]
    """Of a long list, where words stand alone: the words by their first run of letters, or by "" if they have none. A
    text that has the word has that run, between other characters."""
    place: dict[str, int]
    """Where each word is in the list."""

    def may_have(self, texts: pa.LargeStringArray) -> np.ndarray:
        """Which texts must be looked at, bool[n]."""
        if self.quick is None:
            return np.ones(len(texts), np.bool_)
        dotted = pc.replace_substring(texts, "İ", "i̇")  # the one capital of which `lower` makes two characters
        return np.asarray(pc.match_substring_regex(dotted, self.quick).to_numpy(False))

    def first(self, lowered: str) -> str | None:
        """The word that `exact` finds in a lowercased text."""
        exact = self.exact
        if self.runs:
            there = {"", *_RUN.findall(lowered)} & self.runs.keys()
            if not there:
                return None
            exact = _exact(sorted({word for run in there for word in self.runs[run]}, key=self.place.__getitem__), True)
        found = exact.search(lowered)
        return found["word"] if found else None


def _exact(words: list[str], alone: bool) -> re.Pattern[str]:
    either = "|".join(map(re.escape, words)) or r"[^\s\S]"
    front, behind = _AROUND if alone else ("", "")
    return re.compile(f"{front}(?P<word>{either}){behind}")


@lru_cache(maxsize=64)
def _rule(path: Path, code: str) -> _Rule:
    words = [word for word in _read(path) if word not in ALLOWED.get(code, ())]
    alone = code not in WITHOUT_SPACES
    exact, place = _exact(words, alone), {word: number for number, word in enumerate(words)}
    runs: dict[str, list[str]] = {}
    if len(words) > _LONG:
        for word in words if alone else ():
            run = _RUN.search(word)
            runs.setdefault(run[0] if run else "", []).append(word)
        return _Rule(exact, None, runs, place)
    front, behind = _AROUND if alone else ("", "")
    quick = "|".join("".join(f"\\x{{{ord(char):x}}}" for char in word) for word in words) or r"[^\s\S]"
    return _Rule(exact, f"(?is){front}(?:{quick}){behind}", runs, place)


@lru_cache(maxsize=64)
def _read(path: Path) -> tuple[str, ...]:
    """The words of a list, without blank lines; lowercased like the texts, in which else one with a capital is not."""
    lines = path.read_text(encoding="utf-8-sig").split("\n")
    return tuple(dict.fromkeys(word for line in lines if (word := line.strip().lower())))


def _code(language: str) -> str:
    return language.split("-")[0].lower()


def _file(lists: Path, code: str) -> Path | None:
    """The file with the list of a language; None if there is none."""
    if lists.is_file():
        return lists
    found = (lists / name for name in (code, f"{code}.txt"))
    return next((path for path in found if path.is_file()), None)


def _is_list(path: Path) -> bool:
    """Whether a file of a folder is a list, and no README: named after a language."""
    return path.is_file() and path.suffix in ("", ".txt") and re.fullmatch("[a-z]{2,3}", path.stem) is not None


def _drawn(url: str, fraction: float) -> bool:
    """Whether a document with a listed word is one of those to drop: MD5 of its address modulo the denominator."""
    if fraction == 1:
        return True
    share, whole = fraction.as_integer_ratio()
    address = _URL_TAIL.sub("", _URL_SCHEME.sub("", url)).rstrip("/")
    return int(hashlib.md5(address.encode(), usedforsecurity=False).hexdigest(), 16) % whole < share
