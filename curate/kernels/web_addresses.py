"""The canonical form of web addresses: what they share when they lead to the same page."""

from __future__ import annotations

import ipaddress
import re
from functools import lru_cache
from urllib.parse import quote, unquote_to_bytes

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

_TRACKING = frozenset(
    "gclid gclsrc dclid gbraid wbraid fbclid msclkid yclid ysclid twclid ttclid igshid mc_cid mc_eid mkt_tok _ga _gl"
    " _hsenc _hsmi vero_id oly_anon_id oly_enc_id wickedid".split()
)
"""Query parameters by which advertisers and mailers follow readers; and all that begin with `utm_`."""
_SESSION = frozenset("jsessionid phpsessid sessionid session_id cfid cftoken zenid oscsid".split())
"""Query parameters that hold the number of a visit; and `aspsessionid…`, and `sid` with 32 hexadecimal digits. Those of
the Internet Archive's canonical form (from memory), and a few more."""
_NO_SAY = _TRACKING | _SESSION
_SAFE = "!$%&'()*+,;=:@/?-._~"  # RFC 3986: what a path or query holds as it is, beside letters and digits

_LONGEST = 1 << 14
"""Characters of an address; a longer one is data, or a mishap. What servers take ends at some 8,000."""
_OUTER = "".join(map(chr, range(0x21)))
_PARTS = re.compile(r"https?://([^/?#]*)([^?#]*)(?:\?([^#]*))?(?:#(.*))?", re.IGNORECASE | re.DOTALL)
_HOST = re.compile(r"(\[[^\[\]]*\]|[^:\[\]]*)(?::([0-9]*))?", re.DOTALL)
_PORTS = (0, 80, 443)  # none said, and those of http and https
_NAME = re.compile(r"[a-z0-9_-]+(?:\.[a-z0-9_-]+)*")
_ESCAPE = re.compile(r"%(?:([0-9A-Fa-f]{2})|)")
_JSESSION = re.compile(r";jsessionid=[^;/]*", re.IGNORECASE)
_HEX32 = re.compile(r"[0-9a-fA-F]{32}")
_FINE = re.compile(r"[a-zA-Z0-9!$&'()*+,;=:@/?._~-]*")  # letters, digits and _SAFE without %
_LINE_ENDS = re.compile(r"[\t\n\r]+")

_ORDINARY = r"\Ahttps?://[a-z0-9_-]+(?:\.[a-z0-9_-]+)*(?:/+[a-zA-Z0-9_~!$&'()*+,=:@-][a-zA-Z0-9._~!$&'()*+,=:@-]*)*/*\z"
"""Most addresses: nothing in them changes but what `_START` matches, and the slashes at the end."""
_START, _HTTP = r"\Ahttps?://(?:www\.)?", "http://"
_DIFFICULT = r"\Ahttps?://www\.(?:www\.|[^./]*(?:/|\z))"
"""Hosts of which more than the first `www.` goes, or not even that: `www.com`."""


def canonical_one(url: str) -> str:
    """The canonical form of one address. Applied to it again, it changes nothing.

    Other schemes than http and https, what is relative or broken, and what has more than 16,384 characters stay as they
    are. Else:

    * controls and spaces at the ends, and line ends and tabs within, go (as browsers do);
    * https is written as http; user, password, the ports 80 and 443 and a dot behind the host go; so does `www.` if a
      dot is left in the host;
    * the host is in lower case and in ASCII (IDNA 2003), an IPv6 address in its short form;
    * escapes of letters, digits and `-._~` are decoded, others are in upper case; what needs an escape gets it, a `%`
      that begins none too;
    * `.` and `..` in the path are resolved (RFC 3986, 5.2.4), slashes at its end and `;jsessionid=…` go. Case stays;
    * parameters for tracking and sessions and empty ones go; the others are sorted by name, those of one name stay in
      their order;
    * the fragment goes, unless it begins with `!`: these were made for crawlers, one for each page.
    """
    found = _PARTS.fullmatch(_LINE_ENDS.sub("", url.strip(_OUTER))) if len(url) <= _LONGEST else None
    if not found:
        return url
    authority, path, query, fragment = found.groups("")
    host = _host(authority.rpartition("@")[2])
    if host is None:
        return url
    path = _escaped(path)
    path = _without_dots(_JSESSION.sub("", path) if ";" in path else path).rstrip("/")
    query = _query(query)
    fragment = _escaped(fragment) if fragment.startswith("!") else ""
    return f"http://{host}{path}{'?' if query else ''}{query}{'#' if fragment else ''}{fragment}"


def canonical(urls: pa.LargeStringArray) -> pa.LargeStringArray:
    """`canonical_one` of each address, large_string[n], null for null. Near a million a second if most are simple."""
    match = pc.match_substring_regex
    is_simple = pc.and_not(match(urls, _ORDINARY), match(urls, _DIFFICULT))  # without groups: ten times as fast
    is_simple = pc.and_(is_simple, pc.less_equal(pc.binary_length(urls), _LONGEST))  # what is simple is ASCII
    others = np.flatnonzero(pc.fill_null(pc.invert(is_simple), False).to_numpy(zero_copy_only=False))
    simple = pc.ascii_rtrim(pc.replace_substring_regex(urls, _START, _HTTP), "/")
    if not len(others):
        return simple
    changed = [canonical_one(url) for url in urls.take(pa.array(others)).to_pylist()]
    mask = np.zeros(len(urls), np.bool_)
    mask[others] = True
    return pc.replace_with_mask(simple, pa.array(mask), pa.array(changed, pa.large_string()))


@lru_cache(1 << 12)  # neighbours in a crawl often share the host
def _host(place: str) -> str | None:
    """The host, and the port if it says anything; None if there is no such host."""
    found = _HOST.fullmatch(place)
    if not found:
        return None
    name = found[1]
    try:
        port = int(found[2] or 0)
        name = f"[{ipaddress.IPv6Address(name[1:-1]).compressed}]" if name[:1] == "[" else _name(name)
    except ValueError:  # UnicodeError is one
        return None
    return None if port > 65535 else name if port in _PORTS else f"{name}:{port}"


def _name(name: str) -> str:
    """A host's name in ASCII and lower case. Raises ValueError if it is none."""
    if "%" in name:
        name = unquote_to_bytes(name).decode()
    name = (name if name.isascii() else name.encode("idna").decode()).lower().removesuffix(".")
    if not _NAME.fullmatch(name):
        raise ValueError(name)
    start, last_dot = 0, name.rfind(".")
    while name.startswith("www.", start) and last_dot >= start + 4:
        start += 4
    return name[start:]


def _escaped(part: str) -> str:
    """A path, query or fragment with escapes where they are needed, in upper case."""
    if _FINE.fullmatch(part):
        return part
    if "%" in part:
        part = _ESCAPE.sub(_one_escape, part)
    return quote(part, safe=_SAFE)


def _one_escape(found: re.Match[str]) -> str:
    if not found[1]:
        return "%25"
    sign = chr(int(found[1], 16))
    return sign if sign.isascii() and (sign.isalnum() or sign in "-._~") else found[0].upper()


def _without_dots(path: str) -> str:
    """`/a/./b/../c` → `/a/c`."""
    if "/." not in path:
        return path
    kept: list[str] = []
    *segments, last = path.split("/")[1:]
    for segment in [*segments, last, *([""] if last in (".", "..") else [])]:
        if segment == "..":
            del kept[-1:]
        elif segment != ".":
            kept.append(segment)
    return "".join(map("/".__add__, kept))


def _query(query: str) -> str:
    """The parameters that have a say, by name."""
    if not query:
        return ""
    pairs = [pair.partition("=") for pair in _escaped(query).split("&") if pair]
    pairs = [pair for pair in pairs if _has_a_say(pair)]
    return "&".join(map("".join, sorted(pairs, key=_first) if len(pairs) > 1 else pairs))


def _first(pair: tuple[str, str, str]) -> str:
    return pair[0]


def _has_a_say(pair: tuple[str, str, str]) -> bool:
    name = pair[0].lower()
    if name in _NO_SAY or name.startswith(("utm_", "aspsessionid")):
        return False
    return not (name == "sid" and _HEX32.fullmatch(pair[2]))
