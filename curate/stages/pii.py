"""Mask e-mail addresses, IP addresses and telephone numbers, and drop documents with many of them."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Iterable, Iterator
from itertools import cycle
from typing import Annotated, ClassVar, Literal, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pydantic import Field

from curate.documents import TEXT, Batch
from curate.kernels.verdicts import first_reason
from curate.stage import Edit, One, Outcome

Kind = Literal["email", "ip", "ipv6", "phone"]
Placeholders = Annotated[list[str], Field(min_length=1)]

_ATOM = r"A-Za-z0-9!#$%&'*+/=?^_`{|}~\-"
_OCTET = "(?:25[0-5]|2[0-4][0-9]|[01]?[0-9][0-9]?)"
_IP = rf"(?:{_OCTET}\.){{3}}{_OCTET}"
_LABEL = "[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?"
_RUN = re.compile(rf"(?<![{_ATOM}.])[{_ATOM}.]++@")
_BEGIN = re.compile(rf"\b[{_ATOM}]")
_HOST = re.compile(rf"(?:{_LABEL}\.)+{_LABEL}|\[(?:{_OCTET}\.){{3}}(?:{_OCTET}|[A-Za-z0-9-]*[A-Za-z0-9]:)\]")
_IP_ANYWHERE, _IP_ALONE = re.compile(_IP), re.compile(rf"(?<![\w.]){_IP}(?!\w|\.\w)")
_PHONE = re.compile(
    r"(?<![\w.+/-])(?P<number>\+\d{1,3}+(?:[ .-]?\(?\d{1,5}+\)?){2,5}+"
    r"|(?:1[ .-])?(?:\([2-9]\d\d\) ?|[2-9]\d\d[ .-])[2-9]\d\d[ .-]\d{4})"
    r"(?:(?:[ ,]{0,2}(?i:x|ext|extn|extension)[ .:]{0,2}|#)\d{1,6})?(?![\w/-]|\.\d)",
    re.ASCII,
)
_IPV6 = re.compile(r"(?<![\w:.])(?=[0-9A-Fa-f.]*+:[0-9A-Fa-f.]*+:)[0-9A-Fa-f:.]{3,46}+(?![\w:])")
_UNICAST = ipaddress.IPv6Network("2000::/3")  # all that is in use for hosts of the public Internet (IANA)
_QUICK = {
    "email": "@",
    "ip": r"\d\.\d{1,3}\.\d{1,3}\.\d",
    "ipv6": ":[0-9A-Fa-f]{0,4}:",
    "phone": r"\+\d|\d\d\d[ .)-] ?\d\d\d[ .-]\d\d\d\d",
}
"""In Arrow's regular expressions, what a text must have to have one of the kind."""
_PHONE_DIGITS = range(8, 16)  # E.164 has no more than 15; fewer than 8 are as likely to be anything else


class Pii(Edit):
    """Mask e-mail addresses, public IP addresses and telephone numbers; drop documents with too many.

        - pii: {}                                                  # as FineWeb
        - pii: {find: [email, ip, phone], drop_above: 5}           # Dolma: five are masked, with six the page goes

    All kinds are looked for in the text as it came, never in what masks another; what overlaps is masked once, and
    counts as the first of its kinds in the order above.

    E-mail addresses and IPv4 addresses are found by the rules of datatrove's PIIFormatter (FineWeb). Its placeholders
    go on from document to document; here they begin anew in each, so that the order of documents does not matter. The
    columns `pii_emails`, `pii_ips` (of both versions) and `pii_phones` have the numbers found; 0 for what is not looked
    for.

    What it does not find: names, postal addresses, numbers of accounts and cards, telephone numbers without
    separators or in national forms other than North America's. Four numbers with points between, as of a section or a
    version, may be taken for an address.
    """

    find: Annotated[list[Kind], Field(min_length=1)] = ["email", "ip"]
    """What to look for: `email`, `ip` (version 4), `ipv6`, `phone` (North American numbers with separators, and
    international ones from `+`, of 8 to 15 digits; both with an extension, as `x12`). FineWeb and Dolma do not look for
    IPv6."""
    act: Literal["mask", "annotate"] = "mask"
    """`mask` what is found, or `annotate`: only add the columns."""
    public_only: bool = True
    """Whether only public IP addresses count, not those of local networks, of documentation and so on; as FineWeb. Of
    IPv6: those in 2000::/3. Else all count that have a digit, so that `dead::beef` stays a name of some program."""
    inside_numbers: bool = False
    """Whether an IP address also counts within a longer number or name, as the end of `1234.5.6.7` or in `v1.2.3.4.5`;
    datatrove's way."""
    drop_above: int | None = Field(None, ge=0)
    """Drop documents in which more than this number are found, of all kinds together; Dolma has 5. null: none. Reason:
    `too_many`."""
    email_with: Placeholders = ["email@example.com", "firstname.lastname@example.org"]
    """What masks e-mail addresses, in turn. Dolma: `" |||EMAIL_ADDRESS||| "`."""
    ip_with: Placeholders = [
        "22.214.171.124", "126.96.36.199", "188.8.131.52", "184.108.40.206", "220.127.116.11", "18.104.22.168",
    ]  # fmt: skip
    """What masks IP addresses, in turn. FineWeb's answered no ping when they were chosen. Dolma:
    `" |||IP_ADDRESS||| "`."""
    ipv6_with: Placeholders = ["2001:db8::1", "2001:db8::2"]
    """What masks IPv6 addresses, in turn: of the block that is kept for documentation (RFC 3849)."""
    phone_with: Placeholders = ["|||PHONE_NUMBER|||"]
    """What masks telephone numbers, in turn. Dolma has a space on both sides."""

    version: ClassVar[int] = 2

    writes = {"pii_emails": pa.int32(), "pii_ips": pa.int32(), "pii_phones": pa.int32()}
    examples = {
        "Write to jane.doe@uni.edu or bob@site.co.uk, please.": {
            "text": "Write to email@example.com or firstname.lastname@example.org, please.",
            "pii_emails": 2,
        },
        "The server at 8.8.8.8 answers, 192.168.0.1 is at home.": {
            "text": "The server at 22.214.171.124 answers, 192.168.0.1 is at home.",
            "pii_ips": 1,
        },
        "Call +1 415 555 2671.": {"text": "Call +1 415 555 2671.", "pii_phones": 0},
    }

    @property
    def edits_text(self) -> bool:  # type: ignore[override]
        return self.act == "mask"

    def edit_one(self, text: str) -> One:
        new, numbers = self._masked(text)
        reason = "too_many" if self.drop_above is not None and sum(numbers) > self.drop_above else None
        return One(new if self.act == "mask" else text, reason, dict(zip(self.writes, numbers, strict=True)))

    def edit(self, batch: Batch) -> Outcome:
        texts = batch[TEXT]
        some = np.logical_or.reduce(
            [pc.match_substring_regex(texts, _QUICK[kind]).to_numpy(False) for kind in self.find]
        )
        numbers, rows, new = np.zeros((3, len(texts)), np.int32), np.flatnonzero(some), list[str]()
        for row in rows.tolist():
            text, numbers[:, row] = self._masked(texts[row].as_py())
            new.append(text)
        many = numbers.sum(axis=0) > (np.inf if self.drop_above is None else self.drop_above)
        return Outcome(
            text=_replaced(texts, some, new) if self.act == "mask" and numbers.any() else None,
            reason=first_reason({"too_many": many}, len(texts)),
            columns={name: pa.array(row) for name, row in zip(self.writes, numbers, strict=True)},
        )

    def _masked(self, text: str) -> tuple[str, tuple[int, int, int]]:
        """(the text with all that is found masked, how many of each kind)."""
        finders: tuple[tuple[int, Kind, Callable[[str], Iterator[_Span]], list[str]], ...] = (
            (0, "email", _emails, self.email_with),
            (1, "ipv6", self._ipv6s, self.ipv6_with),  # before `ip`: it may end in one
            (1, "ip", self._ips, self.ip_with),
            (2, "phone", _phones, self.phone_with),
        )
        asked = [finder for finder in finders if finder[1] in self.find]
        turns = [cycle(placeholders) for *_, placeholders in asked]
        found = (_Found(*span, which) for which, finder in enumerate(asked) for span in finder[2](text))
        numbers, parts, end = [0, 0, 0], list[str](), 0
        for one in _merged(sorted(found)):
            parts += [text[end : one.begin], next(turns[one.which])]
            numbers[asked[one.which][0]] += 1
            end = one.end
        return "".join([*parts, text[end:]]), (numbers[0], numbers[1], numbers[2])

    def _ips(self, text: str) -> Iterator[_Span]:
        for match in (_IP_ANYWHERE if self.inside_numbers else _IP_ALONE).finditer(text):
            if _is_address(match[0], self.public_only):
                yield _Span(*match.span())

    def _ipv6s(self, text: str) -> Iterator[_Span]:
        for match in _IPV6.finditer(text):
            whole = match[0].rstrip(".")
            for name in dict.fromkeys([whole, whole.removesuffix(":")]):  # a colon may follow it
                if _is_ipv6(name, self.public_only):
                    yield _Span(match.start(), match.start() + len(name))
                    break


class _Span(NamedTuple):
    begin: int
    end: int


class _Found(NamedTuple):
    """A span, and which of the kinds asked for it is of."""

    begin: int
    end: int
    which: int


def _merged(found: Iterable[_Found]) -> Iterator[_Found]:
    """What overlaps is one, of the first of its kinds. `found`: in ascending order."""
    last = None
    for one in found:
        if last is not None and one.begin < last.end:
            last = _Found(last.begin, max(last.end, one.end), min(last.which, one.which))
            continue
        if last is not None:
            yield last
        last = one
    if last is not None:
        yield last


def _emails(text: str) -> Iterator[_Span]:
    """What datatrove's expression matches, in time that grows with the text: it is looked for around each `@` alone."""
    end = 0
    for run in _RUN.finditer(text):
        begin, at = max(run.start(), end), run.end() - 1
        host = _HOST.match(text, at + 1)
        if begin >= at or text[at - 1] == "." or host is None:
            continue
        begin = max(begin, text.rfind("..", begin, at) + 2) if ".." in text[begin:at] else begin
        first = _BEGIN.search(text, begin, at)
        if first:
            end = host.end()
            yield _Span(first.start(), end)


def _phones(text: str) -> Iterator[_Span]:
    for match in _PHONE.finditer(text):
        if sum(map(str.isdigit, match["number"])) in _PHONE_DIGITS:
            yield _Span(*match.span())


def _is_address(name: str, public_only: bool) -> bool:
    try:
        address = ipaddress.ip_address(name)
    except ValueError:  # a leading zero
        return False
    return address.is_global or not public_only


def _is_ipv6(name: str, public_only: bool) -> bool:
    try:
        address = ipaddress.IPv6Address(name)
    except ValueError:
        return False
    if public_only:
        return address.is_global and address in _UNICAST
    return any(map(str.isdigit, name))


def _replaced(texts: pa.LargeStringArray, some: np.ndarray, new: list[str]) -> pa.LargeStringArray:
    """The texts with new ones where it says so."""
    return pc.replace_with_mask(texts, pa.array(some), pa.array(new, pa.large_string()))
