"""Drop pages by their addresses: listed domains and pages, words in the address."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from functools import lru_cache
from pathlib import Path
from typing import ClassVar, Self

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from pydantic import Field, model_validator

from curate.documents import Batch
from curate.kernels.hashing import hash64
from curate.kernels.verdicts import first_reason
from curate.stage import Column, Filter

_LISTS = ("domains", "urls", "words", "soft_words", "subwords")
_SCHEME = re.compile(r"[a-z][a-z0-9+.-]*://|//")
_HOST = re.compile(r"[^/?#\\]*")
_BETWEEN = re.compile(r"[^a-z0-9]+")


class UrlFilter(Filter):
    """Drop pages by their addresses: listed domains and pages, and words in the address (FineWeb, RefinedWeb, DCLM).

    In a recipe: `url_filter: {domains: adult/domains, urls: adult/urls}`, or, by words alone, `url_filter: {words:
    hard.txt, soft_words: soft.txt, subwords: parts.txt}`.

    The rules of datatrove's URLFilter and of RefinedWeb (Penedo et al. 2023, arXiv:2306.01116, appendix). The lists
    are yours to bring: text files, UTF-8, one entry a line, `#` before a comment. FineWeb takes those of adult sites of
    the University of Toulouse (UT1), and datatrove's own words. The first rule broken, in the order of the options, is
    the reason: `bad_domain`, `bad_url`, `bad_word`, `soft_words`, `bad_subword`. Documents without an address are kept.

    Addresses are compared in lower case; datatrove 0.10 leaves capitals in them, so that a bad word in capitals passes.
    Of domains it asks for the registered one and for the whole host; here any domain above the host counts.
    """

    url_column: Column = "url"
    """Column with the addresses, strings."""
    domains: Path | None = None
    """List of domains: pages go whose host is one of them or lies below one. Null: not tested."""
    urls: Path | None = None
    """List of single pages, compared without scheme, `www.` and slashes at the end. Null: not tested."""
    words: Path | None = None
    """List of words of which one is enough: what stands between other characters than letters and digits of ASCII.
    Null: not tested."""
    soft_words: Path | None = None
    """List of words of which `soft_limit` different ones must occur. Null: not tested."""
    soft_limit: int = Field(2, ge=1)
    """Different soft words with which a page goes, 1 or more; 2 in all three."""
    subwords: Path | None = None
    """List of strings looked for anywhere in the address, all but letters and digits taken out. Null: not tested."""

    reads: ClassVar[tuple[str, ...]] = ()

    @model_validator(mode="after")
    def _has_lists(self) -> Self:
        if not self.files():
            raise ValueError(f"url_filter needs a list: {', '.join(_LISTS)}")
        for name in _LISTS:
            path: Path | None = getattr(self, name)
            if path is None:
                continue
            if not path.is_file():
                raise ValueError(f"{name}: there is no file {path}; it is a list with one entry a line")
            try:
                path.read_bytes().decode()  # all of it, now: of millions of lines, a tenth of a second
            except (OSError, UnicodeDecodeError) as error:
                raise ValueError(f"{name}: {path} cannot be read as UTF-8 text: {error}") from error
            if not any(_entries(path)):
                raise ValueError(f"{name}: {path} has no entries")
        return self

    def files(self) -> tuple[Path, ...]:
        return tuple(path for name in _LISTS if (path := getattr(self, name)) is not None)

    def check_columns(self, types: Mapping[str, pa.DataType]) -> None:
        kind = types.get(self.url_column)
        plain = kind.value_type if kind is not None and pa.types.is_dictionary(kind) else kind
        fits = (pa.types.is_string, pa.types.is_large_string, pa.types.is_string_view, pa.types.is_null)
        if plain is not None and not any(fit(plain) for fit in fits):
            raise ValueError(f"url_column '{self.url_column}' is {kind}; URLs are strings")

    def judge_one(self, text: str | None) -> str | None:
        """`text`: the address."""
        url = (text or "").lower()
        if self.domains and not _listed(self.domains).isdisjoint(_domains(url)):
            return "bad_domain"
        if self.urls and _page(url) in map(_page, _listed(self.urls)):
            return "bad_url"
        return self._by_words(url)

    def _by_words(self, url: str) -> str | None:
        """What the words of an address in lower case say."""
        found = set(_BETWEEN.split(url))
        if self.words and not found.isdisjoint(_listed(self.words)):
            return "bad_word"
        if self.soft_words and len(found & _listed(self.soft_words)) >= self.soft_limit:
            return "soft_words"
        if self.subwords and _anywhere(self.subwords).search(_BETWEEN.sub("", url)):
            return "bad_subword"
        return None

    def judge(self, batch: Batch) -> pa.Array:
        urls = [(url or "").lower() for url in batch[self.url_column].cast(pa.large_string()).to_pylist()]
        broken = {}
        if self.domains:
            split = [_domains(url) for url in urls]
            rows = np.repeat(np.arange(len(urls)), [len(names) for names in split])
            bad = _among(self.domains, False, [name for names in split for name in names])
            broken["bad_domain"] = np.isin(np.arange(len(urls)), rows[bad])
        if self.urls:
            broken["bad_url"] = _among(self.urls, True, [_page(url) for url in urls])
        if self.words or self.soft_words or self.subwords:
            said = [self._by_words(url) for url in urls]
            for reason in ("bad_word", "soft_words", "bad_subword"):
                broken[reason] = np.array([one == reason for one in said], np.bool_)
        return first_reason(broken, len(urls))


def _domains(url: str) -> list[str]:
    """The host of an address in lower case, and each domain above it: `a.b.org` → a.b.org, b.org, org."""
    rest = url.strip()
    scheme = _SCHEME.match(rest)
    host = _HOST.match(rest, scheme.end() if scheme else 0)
    name = host[0].rpartition("@")[2].partition(":")[0].strip(".") if host else ""
    labels = name.split(".")[-32:]  # more there are in no name: each has a cost
    return [".".join(labels[i:]) for i in range(len(labels))] if name else []


def _page(url: str) -> str:
    """An address in lower case as pages are compared."""
    rest = url.strip()
    scheme = _SCHEME.match(rest)
    return (rest[scheme.end() :] if scheme else rest).removeprefix("www.").rstrip("/")


def _entries(path: Path) -> Iterable[str]:
    """The entries of a list, in lower case."""
    with path.open(encoding="utf-8-sig") as file:
        lines = (line.strip().lower() for line in file)
        yield from (line for line in lines if line and not line.startswith("#"))


@lru_cache(maxsize=16)
def _listed(path: Path) -> frozenset[str]:
    return frozenset(_entries(path))


@lru_cache(maxsize=16)
def _hashes(path: Path, pages: bool) -> npt.NDArray[np.uint64]:
    """The entries of a list as sorted hashes: of millions of domains, 8 bytes each in place of 100.

    A name that is not listed has the hash of one that is with a chance of entries / 2**64.
    """
    names = {_page(entry) for entry in _entries(path)} if pages else set(_entries(path))
    return np.sort(hash64(pa.array(sorted(names), pa.large_string())))


def _among(path: Path, pages: bool, names: list[str]) -> npt.NDArray[np.bool_]:
    """Which names are listed, bool[n]."""
    listed, asked = _hashes(path, pages), hash64(pa.array(names, pa.large_string()))
    place = np.minimum(np.searchsorted(listed, asked), len(listed) - 1)
    return np.asarray(listed[place] == asked)


@lru_cache(maxsize=16)
def _anywhere(path: Path) -> re.Pattern[str]:
    parts = sorted({_BETWEEN.sub("", entry) for entry in _entries(path)} - {""})
    return re.compile("|".join(parts) or r"[^\s\S]")
