"""Whether the kernels of a stage are compiled: as numba sees it, or a run would compile them without a word."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from curate import kernels
from curate.catalog import stage_class
from curate.engine import warm


def test_what_another_installation_compiled_is_not_compiled_for_this_one(tmp_path, monkeypatch):
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path / "cache"))
    kind = stage_class("normalize")
    assert not warm.is_compiled("normalize", kind)
    warm.mark("normalize", kind)
    assert warm.is_compiled("normalize", kind)
    here, there = Path(kernels.__file__).parent, tmp_path / "another/kernels"
    shutil.copytree(here, there, ignore=shutil.ignore_patterns("__pycache__"))
    monkeypatch.setattr(kernels, "__file__", str(there / "__init__.py"))
    assert not warm.is_compiled("normalize", kind)
    warm.mark("normalize", kind)
    assert warm.is_compiled("normalize", kind)
    os.utime(there / "hashing.py", (0, 0))  # as when the same version is installed again
    assert not warm.is_compiled("normalize", kind)
