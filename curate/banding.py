"""How MinHash signatures are cut into bands: as a corpus or a tool has it, by a threshold, or as given."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from pydantic import TypeAdapter, ValidationError

from curate.kernels.minhash import best_bands

HASHES, MOST_HASHES = 112, 10_000
"""Values of a signature that a threshold makes bands of: unless said, and at most."""

_DATATROVE = {"normalize": "fineweb", "unit": "words", "words": "spacy", "ngram": 5}
PRESETS: dict[str, dict[str, Any]] = {
    "fineweb": {**_DATATROVE, "bands": 14, "rows": 8, "verify": False},
    "refinedweb": {**_DATATROVE, "bands": 450, "rows": 20, "verify": False},
    "slimpajama": {
        "normalize": "slimpajama", "unit": "characters", "ngram": 13, "bands": 9, "rows": 13, "verify": False,
        "keep": "first",
    },
    "nemo": {"normalize": "off", "unit": "characters", "ngram": 24, "bands": 20, "rows": 13, "verify": False},
    "olmo3": {**_DATATROVE, "bands": 26, "rows": 11, "verify": True, "threshold": 0.8},
}  # fmt: skip


def settled(given: Mapping[str, Any]) -> dict[str, Any]:
    """Options with what `like` and `threshold` say about others filled in. To settle them again changes nothing.

    A null `threshold` or `hashes` is one that is not given; both become null where nothing is left for them to decide.
    What is wrong in kind is left to the fields to complain of.

    Raises:
        ValueError: an option is given that has no effect, or no two bands can be made for the threshold.
    """
    given = {name: value for name, value in given.items() if value is not None or name not in ("threshold", "hashes")}
    if len({"bands", "rows"} & given.keys()) == 1:
        raise ValueError("bands and rows go together")
    like = f"like: {given.get('like')}"
    preset = PRESETS.get(str(given.get("like")), {})
    options = {**preset, **given}
    cut_by = "bands and rows" if "bands" in given else like if "bands" in preset else None
    if "threshold" in given and "verify" not in given:
        options["verify"] = True
    compares = not _is_false(options.get("verify", True))
    if "hashes" in given and (cut_by or "threshold" not in given):
        why = f"{cut_by} cut signatures into bands" if cut_by else "there is no threshold"
        raise ValueError(f"hashes has no effect, as {why}; give a threshold with it and no bands, rows or like")
    if "threshold" in given and cut_by and not compares:
        what = f"threshold has no effect with verify: false, as {cut_by} cut signatures into bands"
        raise ValueError(f"{what}; leave out verify, so that documents are compared, or threshold")
    if "threshold" in given and not cut_by:
        threshold, hashes = _number(given["threshold"]), _number(given.get("hashes", HASHES))
        if 0 < threshold <= 1 and 2 <= hashes <= MOST_HASHES and hashes.is_integer():
            options["bands"], options["rows"] = _bands(threshold, int(hashes))
            options["hashes"] = None
            if not compares:
                options["threshold"] = None
    if "threshold" not in given and not compares:
        options["threshold"] = None
    return options


def _bands(threshold: float, hashes: int) -> tuple[int, int]:
    try:
        return best_bands(threshold, hashes)
    except ValueError:
        what = f"of {hashes} hashes no two bands can be made for a threshold of {threshold:g}"
        raise ValueError(f"{what}; give bands and rows") from None


def _number(given: Any) -> float:
    """Of what may be one; NaN otherwise."""
    try:
        return math.nan if isinstance(given, bool) else float(given)
    except (TypeError, ValueError):
        return math.nan


def _is_false(given: Any) -> bool:
    """Whether an option of this value is switched off."""
    try:
        return not _BOOL.validate_python(given)
    except ValidationError:
        return False


_BOOL = TypeAdapter(bool)
