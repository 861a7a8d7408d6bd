"""Drop pages by their addresses: listed domains and pages, words in the address."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Mapping
from functools import lru_cache
from pathlib import Path
from typing import ClassVar, Self
from urllib.parse import unquote

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from pydantic import Field, model_validator

from curate.documents import Batch
from curate.kernels.hashing import hash64
from curate.kernels.verdicts import first_reason
from curate.stage import Column, Filter

_LISTS = ("domains", "urls", "words", "soft_words", "subwords")
_IGNORED = re.compile(r"[\t\r\n]")  # browsers take them out of an address, wherever they stand
_SCHEME = re.compile(r"(?:https?|ftp|wss?):[/\\]*|[a-z][a-z0-9+.-]*://|[/\\]{2,}")
_HOST = re.compile(r"[^/?#\\]*")
_BETWEEN = re.compile(r"[^a-z0-9]+")
_LONGEST_HOST = 253  # of DNS (RFC 1035); longer ones are no names, and IDNA takes long over them
_MOST_LABELS = 32  # more there are in no name: each has a cost

_PLAIN_DOMAIN = re.compile(r"[a-z0-9_-]+(?:\.[a-z0-9_-]+){0,31}")
_DOMAIN = re.compile(r"(?:(?:[a-z][a-z0-9+.-]*:)?//|\|\||\*?\.)?([^\s/\\?#@:*|^$\[\]]+)[/^]?")
_HOSTS_LINE = re.compile(r"(?:[0-9]+(?:\.[0-9]+){3}|[0-9a-f]*:[0-9a-f:]+(?:%\w+)?)\s+(.*)")
_COMMENT = re.compile(r"\s#.*")
_WORD = "letters and digits of ASCII alone, such as casino"
_EXPECTED = {
    "domains": "a domain, such as evil.com; also taken are http://evil.com/, *.evil.com, ||evil.com^, 0.0.0.0 evil.com",
    "urls": "a page with its host, such as evil.com/page",
    "words": _WORD,
    "soft_words": _WORD,
    "subwords": "ASCII with a letter or digit, such as casino or free-stuff",
}


class UrlFilter(Filter):
    """Drop pages by their addresses: listed domains and pages, and words in the address (FineWeb, RefinedWeb, DCLM).

    In a recipe: `url_filter: {domains: adult/domains, urls: adult/urls}`, or, by words alone, `url_filter: {words:
    hard.txt, soft_words: soft.txt, subwords: parts.txt}`.

    The rules of datatrove's URLFilter and of RefinedWeb (Penedo et al. 2023, arXiv:2306.01116, appendix). The lists
    are yours to bring: text files, UTF-8, one entry a line, `#` before a comment; an entry that no address can match is
    an error. FineWeb takes those of adult sites of
    the University of Toulouse (UT1), and datatrove's own words. The first rule broken, in the order of the options, is
    the reason: `bad_domain`, `bad_url`, `bad_word`, `soft_words`, `bad_subword`. Documents without an address are kept.

    Addresses are compared in lower case; datatrove 0.10 leaves capitals in them, so that a bad word in capitals passes.
    Of domains it asks for the registered one and for the whole host; here any domain above the host counts. Hosts are
    read as browsers read them (WHATWG URL): slashes of any number and kind behind `http:`, no tabs or line ends,
    `%65vil.com`, fullwidth letters and ideographic dots; names in other scripts equal their `xn--` form (IDNA 2003, in
    which `ß` is `ss`).
    """

    url_column: Column = "url"
    """Column with the addresses, strings."""
    domains: Path | None = None
    """List of domains: pages go whose host is one of them or lies below one. Lines of hosts files (`0.0.0.0 evil.com`)
    and of ad blockers (`||evil.com^`) are understood too. Null: not tested."""
    urls: Path | None = None
    """List of single pages, compared without scheme, `www.` and slashes at the end. Null: not tested."""
    words: Path | None = None
    """List of words of which one is enough: what stands between other characters than letters and digits of ASCII
    (`foo-bar` is two words). Null: not tested."""
    soft_words: Path | None = None
    """List of words of which `soft_limit` different ones must occur. Null: not tested."""
    soft_limit: int = Field(2, ge=1)
    """Different soft words with which a page goes, 1 or more; 2 in all three."""
    subwords: Path | None = None
    """List of strings of ASCII looked for anywhere in the address, all but letters and digits taken out of both. Null:
    not tested."""

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
                found = sum(1 for _ in _entries(name, path))  # all of it, now: of a million lines, 0.7 s
            except (OSError, UnicodeDecodeError) as error:
                raise ValueError(f"{name}: {path} cannot be read as UTF-8 text: {error}") from error
            if not found:
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
        if self.domains and not _listed("domains", self.domains).isdisjoint(_domains(url)):
            return "bad_domain"
        if self.urls and _page(url) in _listed("urls", self.urls):
            return "bad_url"
        return self._by_words(url)

    def _by_words(self, url: str) -> str | None:
        """What the words of an address in lower case say."""
        found = set(_BETWEEN.split(url))
        if self.words and not found.isdisjoint(_listed("words", self.words)):
            return "bad_word"
        if self.soft_words and len(found & _listed("soft_words", self.soft_words)) >= self.soft_limit:
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
            bad = _among("domains", self.domains, [name for names in split for name in names])
            broken["bad_domain"] = np.isin(np.arange(len(urls)), rows[bad])
        if self.urls:
            broken["bad_url"] = _among("urls", self.urls, [_page(url) for url in urls])
        if self.words or self.soft_words or self.subwords:
            said = [self._by_words(url) for url in urls]
            for reason in ("bad_word", "soft_words", "bad_subword"):
                broken[reason] = np.array([one == reason for one in said], np.bool_)
        return first_reason(broken, len(urls))


def _domains(url: str) -> list[str]:
    """The host of an address in lower case, and each domain above it: `a.b.org` → a.b.org, b.org, org."""
    host = _HOST.match(_without_scheme(url))
    name = _host(host[0].rpartition("@")[2].partition(":")[0]).strip(".") if host else ""
    labels = name.split(".")[-_MOST_LABELS:]
    return [".".join(labels[i:]) for i in range(len(labels))] if name else []


def _page(url: str) -> str:
    """An address in lower case as pages are compared; empty if there is nothing but a scheme, `www.` and slashes."""
    rest = _without_scheme(url)
    host = _HOST.match(rest)
    end = host.end() if host else 0
    return (_host(rest[:end]) + rest[end:]).removeprefix("www.").rstrip("/")


def _without_scheme(url: str) -> str:
    rest = _IGNORED.sub("", url).strip()
    scheme = _SCHEME.match(rest)
    return rest[scheme.end() :] if scheme else rest


def _host(written: str) -> str:
    """A host in lower case as browsers read it: the name that is looked up."""
    host = unquote(written).lower() if "%" in written else written
    if host.isascii():
        return host
    host = unicodedata.normalize("NFKC", host).lower().replace("\u3002", ".").strip(".")
    if len(host) > _LONGEST_HOST:
        return host
    try:
        return host.encode("idna").decode().lower()
    except UnicodeError:  # a label that is empty or too long, or a character that no name has
        return host


def _entries(name: str, path: Path) -> Iterator[str]:
    """The entries of the list of option `name` as addresses are compared with them; none is empty.

    Raises ValueError for the first that no address can match.
    """
    with path.open(encoding="utf-8-sig") as file:
        for number, line in enumerate(file, 1):
            entry = line.strip().lower()
            if name == "domains" and _PLAIN_DOMAIN.fullmatch(entry):
                yield entry
            elif entry and not _is_comment(name, entry):
                taken = _taken(name, _COMMENT.sub("", entry))
                if not all(taken):
                    shown = entry if len(entry) <= 80 else f"{entry[:80]}…"
                    raise ValueError(
                        f"{name}: {path}:{number}: no address matches '{shown}'; expected {_EXPECTED[name]}"
                    )
                yield from taken


def _is_comment(name: str, entry: str) -> bool:
    return entry.startswith("#") or (name == "domains" and entry.startswith(("!", "[adblock")))


def _taken(name: str, entry: str) -> list[str]:
    """What an entry of the list of option `name` stands for; an empty string where it is of no use."""
    if name == "domains":
        hosts = _HOSTS_LINE.fullmatch(entry)
        return [_domain(word) for word in (hosts[1].split() if hosts else [entry])]
    if name == "urls":
        return [_page(entry)]
    plain = _BETWEEN.sub("", entry)
    if name == "subwords":
        return [plain if entry.isascii() else ""]
    return [entry if entry == plain else ""]


def _domain(entry: str) -> str:
    """The domain of an entry such as `http://evil.com/`, `*.evil.com` and `||evil.com^`; empty if it names none."""
    found = _DOMAIN.fullmatch(entry)
    domain = _host(found[1]).strip(".") if found else ""
    return domain if domain.count(".") < _MOST_LABELS else ""


@lru_cache(maxsize=16)
def _listed(name: str, path: Path) -> frozenset[str]:
    return frozenset(_entries(name, path))


@lru_cache(maxsize=16)
def _hashes(name: str, path: Path) -> npt.NDArray[np.uint64]:
    """The entries of a list as sorted hashes: of millions of domains, 8 bytes each in place of 100.

    A name that is not listed has the hash of one that is with a chance of entries / 2**64.
    """
    return np.sort(hash64(pa.array(sorted(set(_entries(name, path))), pa.large_string())))


def _among(name: str, path: Path, asked: list[str]) -> npt.NDArray[np.bool_]:
    """Which of the domains or pages asked for are listed, bool[n]."""
    listed, hashes = _hashes(name, path), hash64(pa.array(asked, pa.large_string()))
    place = np.minimum(np.searchsorted(listed, hashes), len(listed) - 1)
    return np.asarray(listed[place] == hashes)


@lru_cache(maxsize=16)
def _anywhere(path: Path) -> re.Pattern[str]:
    return re.compile("|".join(sorted(set(_entries("subwords", path)))))
