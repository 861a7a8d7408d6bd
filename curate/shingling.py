"""What a shingle is, and how sets of shingles become signatures: options of all that compares documents by MinHash."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any, Literal

import numpy.typing as npt
import pyarrow as pa
from pydantic import Field, field_validator

from curate.kernels.minhash import Permutations, permutations, signatures
from curate.kernels.shingles import HashedBy, Shingles, shingles
from curate.kernels.simplify import plain, simplify
from curate.stage import Stage

_PART_BYTES = 8 << 20  # signatures that are held at a time
_NORMAL = {"fineweb": "simplified as FineWeb does", "slimpajama": "as SlimPajama has them", "off": "as they are"}


class Shingling(Stage):
    """Options on shingles and on signatures. Goes before the kind of a stage: `class X(Shingling, Annotate)`."""

    unit: Literal["words", "characters"] = "words"
    """What a shingle is a run of. Scripts without spaces between words, such as Chinese, Japanese and Thai, want
    `characters`, as a run of them is one word here."""
    ngram: int = Field(5, ge=1, le=1000)
    """Words or characters in a shingle. A text that has fewer has no shingle: it is compared as a whole."""
    normalize: Literal["fineweb", "slimpajama", "off"] = "fineweb"
    """What is done to texts before: `fineweb`, lower case, each number 0, no punctuation, no accents (datatrove's
    `simplify_text`; it merges words of scripts that write vowels as marks); `slimpajama`, lower case, no ASCII
    punctuation; both with each run of whitespace as one space; or `off`, nothing."""
    words: Literal["spacy", "whitespace"] = "spacy"
    """What a word is: as spaCy's blank English tokenizer has it (datatrove's words), or what stands between
    whitespace."""
    scheme: Literal["affine32", "affine64", "datatrove", "datatrove32"] = "affine32"
    """How hashes are permuted: `affine32` and `affine64` are datasketch's, bit for bit, `affine32` being the fastest;
    `datatrove` (64 bits) and `datatrove32` are datatrove's. Of more than some 10^8 different shingles in one document
    `affine32` cannot tell all apart."""
    hash: Literal["xxhash", "sha1"] = "xxhash"
    """How a shingle is hashed: XXH32 or XXH64, by the width of the scheme; `sha1` for parity with others, slowly."""
    seed: int = Field(1, ge=0, le=2**32 - 1)
    """Seed of the permutations. 1 is what datasketch and datatrove have."""
    max_chars: int | None = Field(500_000, ge=1)
    """Code points of a text, normalised, that shingles are made of: what is beyond them is not compared. null: all."""

    @field_validator("normalize", mode="before")
    @classmethod
    def _off_is_a_word(cls, value: Any) -> Any:
        """YAML takes `off` for false."""
        return "off" if value is False else value

    def normalised(self, texts: pa.LargeStringArray) -> pa.LargeStringArray:
        """The texts that shingles are made of, before `max_chars`."""
        if self.normalize == "off":
            return texts
        return simplify(texts) if self.normalize == "fineweb" else plain(texts)

    def shingles(self, normalised: pa.LargeStringArray) -> Shingles:
        """Hashes of the shingles of normalised texts."""
        return shingles(normalised, self.ngram, self.unit, self.words, self._hashed_by, self.max_chars)

    def signatures(self, found: Shingles, count: int) -> npt.NDArray[Any]:
        """`count` values for each text, uint32 or uint64 by the scheme; all ones where there is no shingle."""
        return signatures(found, self._permutations(count))

    def signatures_in_parts(self, found: Shingles, count: int) -> Iterator[tuple[slice, npt.NDArray[Any]]]:
        """`signatures` of some texts after others, by their places: some 8 MB at a time, however long they are."""
        n = len(found.offsets) - 1
        step = max(1, _PART_BYTES * 8 // (count * self.width.bit_width))
        for low in range(0, n, step):
            at = slice(low, min(low + step, n))
            first, after = found.offsets[at.start], found.offsets[at.stop]
            part = Shingles(found.offsets[at.start : at.stop + 1] - first, found.hashes[first:after])
            yield at, self.signatures(part, count)

    @property
    def width(self) -> pa.DataType:
        """Type of a value of a signature."""
        return pa.uint32() if self.scheme.endswith("32") else pa.uint64()

    def definition(self) -> str:
        """What a shingle is, in words."""
        what = "characters" if self.unit == "characters" else f"words ({self.words})"
        cap = f", of the first {self.max_chars:,} characters" if self.max_chars is not None else ""
        return f"a shingle is {self.ngram} {what} of the text {_NORMAL[self.normalize]}{cap}"

    def configuration(self) -> Mapping[str, Any]:
        """All that hashes of shingles depend on."""
        return {name: getattr(self, name) for name in Shingling.model_fields}

    @property
    def _hashed_by(self) -> HashedBy:
        if self.scheme.endswith("32"):
            return "sha1_32" if self.hash == "sha1" else "xxh32"
        return "sha1_64" if self.hash == "sha1" else "xxh64"

    def _permutations(self, count: int) -> Permutations:
        return _drawn(self.scheme, count, self.seed)


_drawn = lru_cache(4)(permutations)
