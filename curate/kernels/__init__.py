"""Numba kernels over Arrow buffers. Nothing of curate may be imported here but this room itself.

Compiled code is cached on disk, in a folder named after the content of every kernel file: a cache entry of numba is
renewed only when its own file changes, not when a kernel that it calls does. `NUMBA_CACHE_DIR` overrides the place.
"""

import hashlib
import os
import sys
from pathlib import Path

import numba
import numba.core.config
from numba.core.registry import cpu_target


def cache_folder() -> Path:
    """Where compiled kernels live: `~/.cache/curate/kernels-<hash of the sources and of numba's version>`."""
    digest = hashlib.blake2b(numba.__version__.encode(), digest_size=8)
    for source in sorted(Path(__file__).parent.glob("*.py")):
        digest.update(source.read_bytes())
    home = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return home / "curate" / f"kernels-{digest.hexdigest()}"


def circumstances() -> list[str]:
    """What numba asks of besides, before it takes compiled code from there: which installation it is of, when its
    sources were written, the version of Python, the processor.
    """
    here = Path(__file__).parent
    written = [str(source.stat().st_mtime_ns) for source in sorted(here.glob("*.py"))]
    processor = cpu_target.target_context.codegen().magic_tuple()
    return [str(here), *written, sys.implementation.cache_tag, *map(str, processor)]


if not os.environ.get("NUMBA_CACHE_DIR"):
    numba.core.config.CACHE_DIR = str(cache_folder())
