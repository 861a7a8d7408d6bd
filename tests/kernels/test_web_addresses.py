"""Canonical web addresses: a table of cases, what must not matter, and the fast form against the plain one."""
# ruff: noqa: E501

import time

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from curate.kernels import web_addresses
from curate.kernels.web_addresses import canonical, canonical_one

CASES = [  # address, canonical form
    ("http://example.com", "http://example.com"),
    ("HTTPS://Example.COM/Path/", "http://example.com/Path"),
    ("https://www.example.com/", "http://example.com"),
    ("https://www.example.com//a//", "http://example.com//a"),
    ("https://www.com/x", "http://www.com/x"),
    ("http://www.www.example.com/x", "http://example.com/x"),
    ("http://www2.example.com", "http://www2.example.com"),
    ("  http://example.com/a\n", "http://example.com/a"),
    ("http://exa\nmple.com/a\tb", "http://example.com/ab"),
    # ports, users, hosts
    ("http://example.com:80/a", "http://example.com/a"),
    ("https://example.com:443/a", "http://example.com/a"),
    ("https://example.com:/a", "http://example.com/a"),
    ("http://example.com:443/a", "http://example.com/a"),
    ("http://example.com:08080/a", "http://example.com:8080/a"),
    ("http://user:pa@ss@example.com/a", "http://example.com/a"),
    ("http://example.com./a", "http://example.com/a"),
    ("http://ex%61mple.com/a", "http://example.com/a"),
    ("http://[2001:DB8:0:0::1]:80/a", "http://[2001:db8::1]/a"),
    ("http://[::1]:8080", "http://[::1]:8080"),
    ("http://192.168.0.1/", "http://192.168.0.1"),
    ("http://Bücher.example/ü", "http://xn--bcher-kva.example/%C3%BC"),
    ("http://www.xn--bcher-kva.example/%c3%bc", "http://xn--bcher-kva.example/%C3%BC"),
    ("http://b%C3%BCcher.example", "http://xn--bcher-kva.example"),
    ("http://例え。テスト/", "http://xn--r8jz45g.xn--zckzah"),
    ("http://a_b.example.com", "http://a_b.example.com"),
    # paths
    ("http://e.com/%7Euser/%41%2d%2F%3a", "http://e.com/~user/A-%2F%3A"),
    ("http://e.com/a b\"<c>", "http://e.com/a%20b%22%3Cc%3E"),
    ("http://e.com/100%/%zz/%4", "http://e.com/100%25/%25zz/%254"),
    ("http://e.com/%%34%31", "http://e.com/%2541"),
    ("http://e.com/a/./b/../c", "http://e.com/a/c"),
    ("http://e.com/../../a/%2e%2E/b/..", "http://e.com"),
    ("http://e.com/a/..b/.c/d...", "http://e.com/a/..b/.c/d..."),
    ("http://e.com/a;jsessionid=1F.n1/b;v=2;JSESSIONID=x", "http://e.com/a/b;v=2"),
    ("http://e.com/index.html", "http://e.com/index.html"),
    # queries
    ("http://e.com?", "http://e.com"),
    ("http://e.com/?&&", "http://e.com"),
    ("http://e.com/a/?b=1", "http://e.com/a?b=1"),
    ("http://e.com?b=2&a=1&B=3", "http://e.com?B=3&a=1&b=2"),
    ("http://e.com?a=2&b=0&a=1", "http://e.com?a=2&a=1&b=0"),
    ("http://e.com?a&a=", "http://e.com?a&a="),
    ("http://e.com?q=a+b&u=http://x.y/z?w", "http://e.com?q=a+b&u=http://x.y/z?w"),
    ("http://e.com?q=%c3%a9&q=é&x[]=1&x%5B%5D=2", "http://e.com?q=%C3%A9&q=%C3%A9&x%5B%5D=1&x%5B%5D=2"),
    ("http://e.com?utm_source=x&UTM_Medium=y&utm%5Fid=z&id=7", "http://e.com?id=7"),
    ("http://e.com?gclid=1&fbclid=2&msclkid=3&_ga=4", "http://e.com"),
    ("http://e.com?utmost=1&gclids=2", "http://e.com?gclids=2&utmost=1"),
    ("http://e.com?PHPSESSID=ab&ASPSESSIONIDQATQ=cd&jsessionid=1", "http://e.com"),
    ("http://e.com?t=1&sid=58428beaa14598c2e02d93ad5c773e4d", "http://e.com?t=1"),
    ("http://e.com?sid=1234", "http://e.com?sid=1234"),
    # fragments
    ("http://e.com/a#b?c=d", "http://e.com/a"),
    ("http://e.com#", "http://e.com"),
    ("http://e.com/?a#!/Page 1", "http://e.com?a#!/Page%201"),
]  # fmt: skip

AS_THEY_ARE = [
    "", " ", "example.com/A/", "/A/", "//example.com/A", "HTTP:/e.com/", "http:e.com", "ftp://E.com/A/", "mailto:A@b.c",
    "http://", "http:///A", "http://?a", "https://:80/A", "http://A b.com/", "http://E.com:8x/", "http://E.com:99999/",
    "http://a..b/C/", "http://[::G]/A", "http://[::1/A", "http://::1/A", "http://E.com%/", "http://e%ff.com/A",
    "http://e.com%2Fa/B", "http://.E.com", f"http://{'ü' * 70}.com/A", "http://E.com:" + "9" * 5000, "\0", "中文",
]  # fmt: skip

pieces = st.sampled_from(
    "http:// https:// HTTP:// www. e.com E.com :80 :443 /a / // . .. /. ? & = a b utm_x=1 sid= ; ;jsessionid=1 # ! %41 %2F"
    " %2e % %3 @ [ ] [::1] ü %C3%BC 。 中 \u0301 \U0001f600 \0 \t \n \u2028 \u00a0 ~ ' | \\ \" ß Ａ x--".split(" ")
)
addresses = st.lists(pieces | st.text(st.characters(codec="utf-8"), max_size=3), max_size=14).map("".join)
likely = st.tuples(st.sampled_from(["http://", "https://www."]), addresses).map("".join)


@pytest.mark.parametrize(("url", "expected"), CASES)
def test_the_canonical_form(url, expected):
    assert canonical_one(url) == expected


@pytest.mark.parametrize("url", AS_THEY_ARE, ids=range(len(AS_THEY_ARE)))
def test_what_is_no_web_address_stays_as_it_is(url):
    assert canonical_one(url) == url


@settings(deadline=None, max_examples=120)
@given(st.lists(addresses | likely, max_size=5))
def test_fast_form_is_plain_form(urls):
    array = pa.array([*urls, None, *[url for url, _ in CASES], *AS_THEY_ARE, None], pa.large_string())
    found = canonical(array)
    assert found.type == pa.large_string()
    assert found.to_pylist() == [None if url is None else canonical_one(url) for url in array.to_pylist()]


@pytest.mark.parametrize(
    "url",
    [
        "http://" + "@" * 2_000_000 + "[",
        "http://" + "www." * 500_000 + "e.com",
        "http://e.com/" + "a/../" * 400_000,
        "http://e.com/?" + "a&" * 1_000_000,
        "http://e.com/" + ";jsessionid=" * 160_000,
    ],
    ids=lambda url: url[7:20],
)
def test_hostile_addresses_take_no_longer_than_they_are_long(url, monkeypatch):
    assert canonical_one(url) == url
    monkeypatch.setattr(web_addresses, "_LONGEST", len(url))
    began = time.process_time()
    canonical_one(url)
    assert time.process_time() - began < 10  # if it were quadratic, some minutes


def test_very_long_addresses_stay_as_they_are():
    fits = "http://www.e.com/" + "a" * (2**14 - 18) + "/"
    long = ["https://www.e.com/" + "a" * 2**14 + "/", "https://www.e.com/é" + "a" * 2**14]
    assert canonical_one(fits) == "http://e.com/" + "a" * (2**14 - 18)
    assert [canonical_one(url) for url in long] == long
    wide = "https://www.e.com/" + "é" * 9000  # in bytes it is longer
    assert canonical_one(wide) == "http://e.com/" + "%C3%A9" * 9000
    urls = [fits, *long, wide]
    assert canonical(pa.array(urls, pa.large_string())).to_pylist() == [canonical_one(url) for url in urls]


def test_nothing_to_do():
    for none in ([], [None, None]):
        assert canonical(pa.array(none, pa.large_string())).to_pylist() == none


@settings(deadline=None, max_examples=300)
@given(addresses | likely)
def test_a_canonical_form_is_its_own(url):
    once = canonical_one(url)
    assert canonical_one(once) == once


words = st.text("abcXYZ019-_~", min_size=1, max_size=5)


@settings(deadline=None)
@given(
    host=st.lists(st.text("abcxyz019", min_size=1, max_size=5), min_size=2, max_size=4).map(".".join),
    path=st.lists(words, max_size=3),
    query=st.dictionaries(st.sampled_from("abcdef"), words, max_size=4),
    draw=st.randoms(use_true_random=False),
)
def test_what_does_not_matter(host, path, query, draw):
    plain = f"http://{host}{''.join(f'/{word}' for word in path)}"
    pairs = [f"{name}={value}" for name, value in query.items()]
    first = canonical_one(plain + ("?" if pairs else "") + "&".join(pairs))
    escaped = [draw.choice([word, f"./{word}", "".join(f"%{ord(sign):02x}" for sign in word)]) for word in path]
    pairs += draw.sample(["utm_source=x", "fbclid=1", "", "PHPSESSID=3"], 2)
    draw.shuffle(pairs)
    scheme, port = draw.choice([("https", ":443"), ("http", ":80"), ("HTTP", "")])
    other = f"{scheme}://{draw.choice(['', 'u@'])}{draw.choice(['', 'www.', 'WWW.'])}{host.upper()}{port}"
    other += f"{''.join(f'/{word}' for word in escaped)}{draw.choice(['', '/'])}?{'&'.join(pairs)}#top"
    assert canonical_one(other) == first
    assert canonical_one(f"{plain}/other?{'&'.join(pairs)}") != first
