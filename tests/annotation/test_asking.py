"""Every kind of reply, of a real server on this machine."""

import email.utils
import json
import socket
import threading
import time

import pytest

from curate.annotation import endpoint, pace
from curate.annotation.asking import Patience, Progress, ask_all
from curate.annotation.drawing import Document
from curate.annotation.endpoint import Endpoint, Refused
from curate.annotation.form import Form
from curate.annotation.pace import Pace, back_off
from curate.errors import CurateError, RecipeError
from tests.annotation.server import GOOD, answer, completion, rated_by_length, serving

FORM = Form("Rate: {text}")


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    monkeypatch.setattr(pace, "FIRST", 0.01)


def ask(server, documents=1, *, parallel=1, per_minute=None, patience=None, show=lambda _: None, **options):
    """(the outcomes, the progress) of documents d0, d1, …"""
    base = server if isinstance(server, str) else server.base
    outcomes = []
    progress = ask_all(
        [Document(f"d{i}", "x" * (i + 1)) for i in range(documents)],
        Endpoint(base, "m", **options),
        FORM,
        outcomes.append,
        parallel=parallel,
        pace=Pace(per_minute),
        patience=patience or Patience(),
        show=show,
    )
    return outcomes, progress


def one(replies, **options):
    """(the outcome of a single document, the server)."""
    with serving(replies) as server:
        (outcome,), _ = ask(server, **options)
    return outcome, server


def test_a_good_answer_and_what_was_asked():
    outcome, server = one([completion(GOOD)], key="sk-1", extra={"top_p": 1, "seed": None})
    assert (outcome.reason, outcome.answer, outcome.requests) == (None, GOOD, 1)
    (request,) = server.requests
    assert request == {
        "model": "m", "temperature": 0.0, "max_tokens": 64, "top_p": 1,
        "messages": [
            {"role": "system", "content": "You are a helpful assistant."},
            {"role": "user", "content": "Rate: x"},
        ],
    }  # fmt: skip
    assert server.headers[0]["Authorization"] == "Bearer sk-1"


def test_without_a_key_none_is_sent(monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", "sk-secret")
    _, server = one([completion(GOOD)])
    assert "Authorization" not in server.headers[0]
    assert "sk-secret" not in str(server.headers)


@pytest.mark.parametrize("status", [500, 502, 503, 529, 408, 409, 429])
def test_asks_again_where_that_may_help(status):
    outcome, server = one([(status, "busy"), (status, ""), completion(GOOD)])
    assert (outcome.reason, outcome.requests) == (None, 3)
    assert server.requests[0] == server.requests[2]


@pytest.mark.parametrize("date", [False, True])
def test_waits_as_long_as_the_server_wants(date):
    wait = email.utils.formatdate(time.time() + 2, usegmt=True) if date else "1"
    waits = []
    with serving([(429, "slow down", {"Retry-After": wait}), completion(GOOD)]) as server:
        (outcome,), progress = ask(server, show=lambda at: waits.append(at.waiting))
    assert outcome.reason is None
    assert server.times[1] - server.times[0] > (0.5 if date else 0.99)  # a date has whole seconds
    assert waits[0].startswith("the server answers 429: slow down; again in")
    assert progress.waiting == ""


def test_all_wait_when_one_is_told_to():
    def reply(number, body):
        return (429, "", {"Retry-After": "1"}) if number == 0 else completion(GOOD)

    with serving(reply) as server:
        outcomes, _ = ask(server, 6, parallel=2)
    assert len(outcomes) == 6
    assert sum(later - server.times[0] < 0.9 for later in server.times[1:]) <= 1  # what was under way


def test_a_pause_that_is_too_long_ends_the_run():
    with serving(lambda *_: (429, "quota", {"Retry-After": "7200"})) as server:
        with pytest.raises(CurateError, match=r"429: quota; it wants a pause of 7,200 s: run again then"):
            ask(server)
    assert len(server.requests) == 1


@pytest.mark.parametrize(
    ("header", "seconds"),
    [(None, None), ("3", 3), (" 1.5 ", 1.5), ("soon", None), ("", None), ("-4", None), ("٣", None), ("1e5", None)],
)
def test_retry_after(header, seconds):
    assert endpoint._wait(header) == seconds
    assert endpoint._wait("Wed, 21 Oct 2015 07:28:00 GMT") == 0


@pytest.mark.parametrize(
    ("status", "body", "told"),
    [
        (
            400,
            '{"error": {"message": "max_tokens is\\nnot supported"}}',
            "400: max_tokens is not supported; --text-tokens",
        ),
        (401, '{"error": {"message": "Incorrect API key provided: sk-secret"}}', r"401: Incorrect .*: \*\*\*; the key"),
        (403, '{"error": "no"}', "403: no; the key"),
        (404, '{"detail": "The model `m` does not exist"}', "404: The model `m` does not exist; look at the address"),
        (413, "", r"413: \(nothing more\)"),
        (418, "<h1>I'm a teapot</h1>", "418: <h1>I'm a teapot</h1>"),
        (422, "[1]", r"422: \[1\]"),
        (301, "", "answers 301"),
    ],
)
def test_stops_at_once_when_refused(status, body, told):
    with serving(lambda *_: (status, body, {"Location": "http://u:p@other/x?q=1"} if status == 301 else {})) as server:
        with pytest.raises(Refused, match=told) as caught:
            ask(server, 50, key="sk-secret")
    assert len(server.requests) == 1
    assert "sk-secret" not in str(caught.value)
    if status == 301:
        assert "it sends on to http://other/x" in str(caught.value)
        assert "q=1" not in str(caught.value)


@pytest.mark.parametrize(
    ("body", "reason", "problem"),
    [
        (completion("I cannot do that."), "malformed", "1 lines came; expected 15"),
        (completion(answer() + "\n3"), "malformed", "16 lines came"),
        (completion(answer()[:-2]), "malformed", "14 lines came"),
        (completion(answer(scores=(6,) * 14)), "malformed", "line 2 is '6'"),
        (completion(answer(scores=(0,) * 14)), "malformed", "line 2 is '0'"),
        (completion("Sure:\n" + answer()), "malformed", "16 lines came"),
        (completion(""), "malformed", "1 lines came"),
        (completion("\ud800"), "malformed", "1 lines came"),
        (completion(None), "no_answer", "the model said nothing (finish_reason: stop)"),
        ("", "no_answer", "the reply is empty"),
        ("<html>", "no_answer", "the reply is not JSON"),
        ("[" * 100_000, "no_answer", "the reply is not JSON"),
        ("[]", "no_answer", "has no choices[0].message.content"),
        ('{"choices": []}', "no_answer", "has no choices[0].message.content"),
        ('{"choices": [{"message": "text"}]}', "no_answer", "has no choices[0].message.content"),
        ('{"choices": [{"message": {"content": 5}}]}', "no_answer", "the model said nothing"),
        (completion("x" * (5 << 20)), "no_answer", "more than 4,194,304 bytes"),
    ],
    ids=range(17),
)
def test_useless_answers_are_kept_with_the_reason(body, reason, problem):
    with serving(lambda *_: body) as server:
        (outcome,), progress = ask(server, patience=Patience(attempts=2))
    assert outcome.reason == reason
    assert problem in outcome.problem
    assert progress.useless == 1
    content = json.loads(body)["choices"][0]["message"]["content"] if reason == "malformed" else body[:2000]
    assert outcome.answer == content.replace("\ud800", "?")
    assert [request["seed"] for request in server.requests] == [1024, 1025]
    assert [request["temperature"] for request in server.requests] == [0.0, 0.5]


def test_odd_counts_of_tokens_do_no_harm():
    for usage in (None, 5, {}, {"prompt_tokens": "many", "completion_tokens": -1}):
        outcome, _ = one([completion(GOOD, usage=usage)])
        assert outcome.reason is None


def test_a_reply_that_is_not_what_its_headers_say():
    outcome, _ = one([(200, "no gzip", {"Content-Encoding": "gzip"}), completion(GOOD)])
    assert (outcome.reason, outcome.requests) == (None, 2)


def test_garbage_then_good():
    outcome, _ = one([completion("What?"), "", completion(GOOD)])
    assert (outcome.reason, outcome.requests) == (None, 3)


def test_nobody_listens():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"http://127.0.0.1:{free.getsockname()[1]}"
        with pytest.raises(CurateError, match=r"/v1/chat/completions cannot be reached: .* \(asked 3 times\)"):
            ask(address, 20, patience=Patience(retries=2))


def test_a_server_that_hangs_up():
    with socket.create_server(("127.0.0.1", 0)) as mute:  # accepts, and says nothing

        def hang_up():
            for _ in range(2):
                mute.accept()[0].close()

        thread = threading.Thread(target=hang_up)
        thread.start()
        with pytest.raises(CurateError, match="cannot be reached"):
            ask(f"http://127.0.0.1:{mute.getsockname()[1]}", patience=Patience(retries=1))
        thread.join()


def test_a_server_that_hangs():
    def reply(number, body):
        return (200, completion(GOOD), {"Hang": "1.5" if number == 0 else "0"})

    with serving(reply) as server:
        (outcome,), _ = ask(server, timeout=0.5)
    assert outcome.reason is None
    assert outcome.requests >= 2


def test_a_server_that_sends_drop_by_drop_is_not_waited_for():
    """A limit for each piece of a reply would never be met."""
    stop = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as slow:

        def drip():
            connection, _ = slow.accept()
            with connection:
                connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")
                while not stop.wait(0.05):
                    try:
                        connection.sendall(b" ")
                    except OSError:
                        return

        thread = threading.Thread(target=drip)
        thread.start()
        with pytest.raises(CurateError, match=r"no answer within 0\.4 s"):
            ask(f"http://127.0.0.1:{slow.getsockname()[1]}", timeout=0.4, patience=Patience(retries=0))
        stop.set()
        thread.join()


def test_a_document_that_breaks_the_server_does_not_stop_the_others():
    def reply(number, body):
        return (500, "out of memory") if body["messages"][1]["content"] == "Rate: xxx" else rated_by_length(body)

    with serving(reply) as server:
        outcomes, progress = ask(server, 10, patience=Patience(retries=2))
    assert [outcome.reason for outcome in outcomes] == [None, None, "failed", *[None] * 7]
    assert outcomes[2].problem == "the server answers 500: out of memory"
    assert (progress.rated, progress.failed, progress.requests) == (9, 1, 12)


def test_a_server_that_goes_down_ends_the_run():
    def reply(number, body):
        return rated_by_length(body) if number < 3 else (503, "bye")

    with serving(reply) as server:
        with pytest.raises(CurateError, match="503: bye"):
            ask(server, 100, patience=Patience(retries=1))
    assert len(server.requests) == 3 + 5 * 2


def test_requests_are_spread():
    with serving(lambda _, body: rated_by_length(body)) as server:
        ask(server, 6, parallel=6, per_minute=600)
    assert server.times[-1] - server.times[0] > 0.3  # five times 0.1, less what the first was late


@pytest.mark.parametrize("parallel", [1, 4])
def test_as_many_at_a_time_as_asked(parallel):
    with serving(lambda *_: (200, completion(GOOD), {"Hang": "0.3"})) as server:
        _, progress = ask(server, 8, parallel=parallel)
    assert server.most == parallel
    assert progress == Progress(8, 8, 0, 0, 8, 800, 8 * 29)


def test_waits_double_and_differ():
    waits = [back_off(failures) for failures in range(1, 9)]
    for failures, wait in enumerate(waits):
        assert 0.005 * 2**failures <= wait <= 0.01 * 2**failures
    assert back_off(10**6) <= pace.LONGEST
    assert len({back_off(3) for _ in range(20)}) > 10


@pytest.mark.parametrize(
    ("address", "url"),
    [
        ("http://h:1", "http://h:1/v1/chat/completions"),
        ("http://h:1/", "http://h:1/v1/chat/completions"),
        ("https://h/v1", "https://h/v1/chat/completions"),
        ("https://h/api/openai/v1/", "https://h/api/openai/v1/chat/completions"),
        ("https://h/v1/chat/completions", "https://h/v1/chat/completions"),
        ("https://h/v1/chat/completions?api-version=2", "https://h/v1/chat/completions?api-version=2"),
    ],
)
def test_addresses(address, url):
    found = Endpoint(address, "m")
    assert found._url == url
    assert found.shown == url.split("?")[0]


@pytest.mark.parametrize("address", ["", "localhost:8000", "ftp://h/v1", "http://", "http://h:99999", "http://[::1"])
def test_addresses_that_are_none(address):
    with pytest.raises(RecipeError, match="expected an address such as http://localhost:8000/v1"):
        Endpoint(address, "m")


def test_secrets_in_addresses_are_refused_and_not_shown():
    with pytest.raises(RecipeError, match="--key-env") as caught:
        Endpoint("https://me:hunter2@h/v1", "m")
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize("key", ["sk-a b", "sk-a\nX-Other: 1", "sk-ä"])
def test_a_key_that_cannot_be_one(key):
    with pytest.raises(RecipeError, match="it cannot be one") as caught:
        Endpoint("http://h", "m", key=key)
    assert "sk-" not in str(caught.value)


def test_the_library_is_named_where_it_lacks(monkeypatch):
    monkeypatch.setattr(endpoint, "find_spec", lambda name: None)
    with pytest.raises(CurateError, match=r"pip install 'curate\[annotate\]'"):
        Endpoint("http://h", "m")
