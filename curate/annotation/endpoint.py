"""A language model behind HTTP: OpenAI's chat completions, as vLLM, llama.cpp, Ollama and the large providers speak it.

A key is sent to the endpoint and goes nowhere else: what the server sends is searched for it before it is passed on.
"""

from __future__ import annotations

import asyncio
import email.utils
import json
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from types import TracebackType
from typing import TYPE_CHECKING, Any, Protocol
from urllib.parse import urlsplit

from curate.annotation.form import SYSTEM
from curate.errors import CurateError, RecipeError

if TYPE_CHECKING:
    import httpx

SEED = 1024
"""Of the model's own draws, as DataMan has it; it is raised by one each time that a question is put again."""
LARGEST_REPLY = 4 << 20  # bytes; fifteen short lines and what surrounds them are not a thousandth of that
AGAIN = {408, 409, 429}
"""Statuses below 500 after which asking again may help; after any other of them it cannot."""
_PATH = "/chat/completions"


@dataclass(frozen=True)
class Reply:
    """What came back with status 2xx."""

    content: str | None
    """What the model said; None if there is nothing of that kind in the reply."""
    problem: str = ""
    """Why not."""
    body: str = ""
    """The beginning of the reply, where there is a problem."""
    prompt_tokens: int = 0
    answer_tokens: int = 0
    """As the server counts them; 0 if it does not say."""


class Unavailable(Exception):
    """No reply, which may be otherwise in a while."""

    def __init__(self, problem: str, wait: float | None = None) -> None:
        """wait: seconds for which the server wants to hear nothing."""
        super().__init__(problem)
        self.wait = wait


class Refused(CurateError):
    """The server will not answer this question, nor any other like it."""


class Annotator(Protocol):
    """Whatever answers questions."""

    async def ask(self, question: str, attempt: int) -> Reply:
        """The reply to a question; attempt: 0, or how often its answer was useless. Raises Unavailable, Refused."""
        ...


class Endpoint:
    """One model at one endpoint; use it as a context, which closes the connections."""

    def __init__(
        self,
        address: str,
        model: str,
        *,
        key: str = "",
        timeout: float = 120.0,
        parallel: int = 8,
        max_tokens: int = 64,
        extra: Mapping[str, Any] | None = None,
    ) -> None:
        """address: the base, such as http://localhost:8000/v1, or the whole path. key: sent as a bearer token.

        timeout: seconds for a request as a whole. extra: goes into each request; a null takes something out of it.
        Raises RecipeError for an address or a key that cannot be used, CurateError without the library httpx.
        """
        self._url = _completions(address)
        self.shown = _public(self._url)
        """The address without its query, which may hold a secret."""
        self._model, self._timeout, self._max_tokens, self._extra = model, timeout, max_tokens, dict(extra or {})
        self._key = key.strip()
        if not re.fullmatch("[!-~]*", self._key):
            raise RecipeError("the key has spaces, line ends or characters beyond ASCII in it, so it cannot be one")
        self._parallel = parallel
        _check_library()

    async def __aenter__(self) -> Endpoint:
        """Connections come as they are needed."""
        import httpx

        headers = {"User-Agent": "curate"} | ({"Authorization": f"Bearer {self._key}"} if self._key else {})
        limits = httpx.Limits(max_connections=self._parallel, max_keepalive_connections=self._parallel)
        self._client = httpx.AsyncClient(headers=headers, timeout=self._timeout, limits=limits)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._client.aclose()

    async def ask(self, question: str, attempt: int) -> Reply:
        """See Annotator."""
        import httpx

        try:
            async with asyncio.timeout(self._timeout):  # the client's own limit is for each piece of a reply
                status, headers, body = await self._post(self._request(question, attempt))
        except TimeoutError:
            raise Unavailable(f"no answer within {self._timeout:g} s") from None
        except httpx.TransportError as error:  # includes its own timeouts
            told = self._hidden(str(error)) or type(error).__name__
            raise Unavailable(f"{self.shown} cannot be reached: {told}") from None
        except httpx.DecodingError as error:
            raise Unavailable(f"the reply cannot be decompressed: {self._hidden(str(error))}") from None
        except (httpx.RequestError, httpx.InvalidURL) as error:
            raise Refused(f"{self.shown}: {self._hidden(str(error)) or type(error).__name__}") from None
        text = self._hidden(body.decode("utf-8", "replace"))
        if status in AGAIN or status >= 500:
            raise Unavailable(f"the server answers {status}: {_said(text)}", _wait(headers.get("Retry-After")))
        if not 200 <= status < 300:
            onward = f"; it sends on to {_public(headers['Location'])}" if "Location" in headers else ""
            raise Refused(f"{self.shown} answers {status}: {_said(text)}{onward}{_hint(status)}")
        if len(body) > LARGEST_REPLY:
            return Reply(None, f"the reply has more than {LARGEST_REPLY:,} bytes", text[:2000])
        return _reply(text)

    async def _post(self, request: dict[str, Any]) -> tuple[int, httpx.Headers, bytes]:
        """(status, headers, body), the body no longer than it takes to see that it is too long."""
        body = bytearray()
        async with self._client.stream("POST", self._url, json=request) as answer:
            async for piece in answer.aiter_bytes():
                body += piece
                if len(body) > LARGEST_REPLY:
                    break
            return answer.status_code, answer.headers, bytes(body)

    def _request(self, question: str, attempt: int) -> dict[str, Any]:
        """The body of a request. The first is as deterministic as can be; so its answer would be no other again."""
        said = [{"role": "system", "content": SYSTEM}, {"role": "user", "content": question}]
        request: dict[str, Any] = {
            "model": self._model,
            "messages": said,
            "temperature": 0.0 if attempt == 0 else 0.5,
            "seed": SEED + attempt,
            "max_tokens": self._max_tokens,
            **self._extra,
        }
        return {name: value for name, value in request.items() if value is not None}

    def _hidden(self, text: str) -> str:
        """The text, without the key: servers like to repeat a key that they do not know."""
        return text.replace(self._key, "***") if self._key else text


def _check_library() -> None:
    if find_spec("httpx") is None:
        raise CurateError(
            "asking an endpoint takes the library httpx, which is not installed: pip install 'curate[annotate]'"
        )


def _completions(address: str) -> str:
    """The URL to post to."""
    try:
        parts = urlsplit(address)
        usable = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
    except ValueError:
        usable = False
    if not usable:
        raise RecipeError(f"--endpoint {_public(address)}: expected an address such as http://localhost:8000/v1")
    if parts.username or parts.password:
        raise RecipeError(
            f"--endpoint {_public(address)}: there is a name or password in it; put a key into an environment variable "
            "and say --key-env NAME"
        )
    path = parts.path.rstrip("/")
    if not path.endswith(_PATH):
        path = f"{path or '/v1'}{_PATH}"
    return parts._replace(path=path, fragment="").geturl()


def _public(address: str) -> str:
    """The address without what may be secret: names, passwords, queries."""
    return re.sub(r"[?#].*", "", re.sub(r"//[^/]*@", "//", address), flags=re.DOTALL)


def _reply(text: str) -> Reply:
    """What a body with status 2xx says."""
    if not text.strip():
        return Reply(None, "the reply is empty")
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return Reply(None, "the reply is not JSON", text[:2000])
    try:
        choice = found["choices"][0]
        content = choice["message"]["content"]
    except (LookupError, TypeError):
        return Reply(None, "the reply has no choices[0].message.content", text[:2000])
    usage = found.get("usage") if isinstance(found.get("usage"), dict) else {}
    tokens = [usage.get(name) for name in ("prompt_tokens", "completion_tokens")]
    prompt, answer = (count if type(count) is int and 0 <= count < 2**40 else 0 for count in tokens)
    if not isinstance(content, str):
        why = choice.get("finish_reason")
        return Reply(None, f"the model said nothing (finish_reason: {why})", text[:2000], prompt, answer)
    return Reply(content, "", "", prompt, answer)


def _said(text: str) -> str:
    """What a server says about an error, on one line and short; the usual forms have it in error.message."""
    try:
        found = json.loads(text)
        error = found.get("error", found)
        text = str(error.get("message") or error.get("detail") or text) if isinstance(error, dict) else str(error)
    except (ValueError, AttributeError, RecursionError):
        pass
    return " ".join(text.split())[:500] or "(nothing more)"


def _hint(status: int) -> str:
    if status in (401, 403):
        return "; the key is taken from the environment variable that --key-env names"
    if status == 404:
        return "; look at the address and the name of the model"
    if status in (400, 413, 422):
        example = '{"max_tokens": null, "max_completion_tokens": 64}'
        return f"; --text-tokens sends less of a long text; --extra changes the request, as '{example}' does"
    return ""


def _wait(header: str | None) -> float | None:
    """Seconds that a Retry-After asks for: a number, or a date; None if it does not."""
    if header is None:
        return None
    if re.fullmatch(r"\s*[0-9]{1,9}(\.[0-9]+)?\s*", header, re.ASCII):
        return float(header)
    try:
        return max(0.0, email.utils.parsedate_to_datetime(header).timestamp() - time.time())
    except (ValueError, OverflowError):
        return None
