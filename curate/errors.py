"""The errors a person meets. Each says where, what was expected, what came, and what to try; none says a secret."""

import os
import re

_HIDDEN = "***"
_PATTERNS = tuple(
    re.compile(pattern)
    for pattern in (
        r"(?P<kept>\b[A-Za-z][A-Za-z0-9+.-]*:/{1,2})[^\s/@'\"]+(?=@)",  # user:password, also where // became /
        r"(?i)(?P<kept>[?&;](?:x-(?:amz|goog|ms)-[\w-]+|awsaccesskeyid|googleaccessid|key-pair-id|signature|sig|policy"
        r"|[\w-]*(?:token|secret|password|passwd|api[_-]?key|access[_-]?key))=)[^&;\s'\"<>]+",  # signed addresses
        r"(?i)(?P<kept>\b(?:authorization|x-amz-security-token|x-goog-api-key)['\"]?\s*[:=]\s*['\"]?)"
        r"(?:[\w-]+ )?[^\s'\",]+",
        r"(?i)(?P<kept>\bbearer )[\w.~+/=-]{8,}",
        r"(?P<kept>)\b(?:AKIA|ASIA)[A-Z0-9]{16}\b",  # of AWS
        r"(?P<kept>)\bhf_[A-Za-z0-9]{20,}",  # of the Hugging Face Hub
    )
)
_SECRET_NAME = re.compile(r"(?i)(?:secret|token|password|passwd|_key|access_key_id|connection_string)$")
_SHORTEST = 8  # characters of a secret; shorter values of variables with such names are words such as `false`


def redacted(text: str) -> str:
    """A text without the secrets in it: of addresses, of headers, and of this process's environment."""
    for name, value in os.environ.items():
        if len(value) >= _SHORTEST and value in text and _SECRET_NAME.search(name):
            text = text.replace(value, _HIDDEN)
    for pattern in _PATTERNS:
        text = pattern.sub(rf"\g<kept>{_HIDDEN}", text)
    return text


class CurateError(Exception):
    """Anything that curate refuses or cannot do; the message is meant to be read as it is."""

    def __init__(self, *words: object) -> None:
        """The message is without secrets, wherever it came from."""
        super().__init__(*(redacted(word) if isinstance(word, str) else word for word in words))


class RecipeError(CurateError):
    """The recipe or the command line is wrong; found before any work is done (exit code 2)."""


class StageError(CurateError):
    """A stage failed on a unit of work, or broke its contract (exit code 1)."""


class StoreError(CurateError):
    """A file or folder cannot be read or written, or is not what it was at the start (exit code 1)."""


class BadInput(CurateError):
    """More input was unreadable than `on_bad_input` allows (exit code 1)."""
