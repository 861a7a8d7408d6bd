"""The doorway to model files of arrays (.npz): they are looked at before they are read, and nothing in them is run."""

from __future__ import annotations

import math
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

MOST = 1 << 30  # bytes of all arrays of a file together; the bundled raters have 16 MB


def read_arrays(path: Path) -> dict[str, npt.NDArray[Any]]:
    """Name → array. Raises FileNotFoundError, or ValueError, in words, if it is no such file or is damaged.

    A packed array may unpack to any size: what each says of its type and shape is compared with its bytes first.
    """
    try:
        with zipfile.ZipFile(path) as packed:
            entries = packed.infolist()
            size = sum(entry.file_size for entry in entries)
            if size > MOST:
                raise ValueError(f"its arrays would take {size:,} bytes; the most that is read is {MOST:,}")
            for entry in entries:
                _check(packed, entry)
        with path.open("rb") as file, np.load(file, allow_pickle=False) as stored:
            return {name: stored[name] for name in stored.files}
    except FileNotFoundError:
        raise
    except Exception as error:  # a dozen types, by what was damaged: zlib's, zipfile's, struct's, numpy's, …
        raise ValueError(str(error) or type(error).__name__) from error


def _check(packed: zipfile.ZipFile, entry: zipfile.ZipInfo) -> None:
    """Raise ValueError unless an entry is an array of numbers or letters with as many bytes as its shape asks for."""
    with packed.open(entry) as file:
        version = np.lib.format.read_magic(file)
        read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
        shape, _, kind = read(file)
        wanted = math.prod(shape) * kind.itemsize
        if kind.hasobject or wanted != entry.file_size - file.tell():
            raise ValueError(f"'{entry.filename}' is no array of numbers of the size that it says")
