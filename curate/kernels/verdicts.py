"""From broken rules to the reason that a filter gives: the first rule broken, in the order of the rules."""

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
import pyarrow as pa


def first_reason(broken: Mapping[str, npt.NDArray[np.bool_]], documents: int) -> pa.StringArray:
    """string[documents]: for each the first name whose flags (bool[documents]) are true, else null."""
    codes = np.full(documents, len(broken), np.int32)
    for code, flags in reversed(list(enumerate(broken.values()))):
        codes[flags] = code
    names = pa.array([*broken, None], pa.string())
    return names.take(pa.array(codes))
