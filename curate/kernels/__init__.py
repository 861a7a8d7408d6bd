"""Numba kernels over Arrow buffers. Nothing of curate may be imported here but this room itself.

Compiled code is cached on disk, in a folder named after the content of every kernel file: a cache entry of numba is
renewed only when its own file changes, not when a kernel that it calls does. `NUMBA_CACHE_DIR` overrides the place.
"""

import hashlib
import os
from pathlib import Path

import numba
import numba.core.config


def cache_folder() -> Path:
    """Where compiled kernels live: `~/.cache/curate/kernels-<hash of the sources and of numba's version>`."""
    digest = hashlib.blake2b(numba.__version__.encode(), digest_size=8)
    for source in sorted(Path(__file__).parent.glob("*.py")):
        digest.update(source.read_bytes())
    home = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return home / "curate" / f"kernels-{digest.hexdigest()}"


if not os.environ.get("NUMBA_CACHE_DIR"):
    numba.core.config.CACHE_DIR = str(cache_folder())
