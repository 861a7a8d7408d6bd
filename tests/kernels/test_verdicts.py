"""The reason is that of the first rule broken."""

import numpy as np
import pyarrow as pa

from curate.kernels.verdicts import first_reason


def test_the_first_rule_broken_wins():
    broken = {"short": np.array([True, False, True, False]), "loud": np.array([True, True, False, False])}
    assert first_reason(broken, 4).to_pylist() == ["short", "loud", "short", None]


def test_without_rules_all_are_kept():
    assert first_reason({}, 2).equals(pa.nulls(2, pa.string()))
