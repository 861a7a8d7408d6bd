"""Keep one of each group of documents with the same URL."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from curate.documents import Batch
from curate.keeping import KeepOne
from curate.kernels.hashing import hash128
from curate.kernels.web_addresses import canonical
from curate.stage import Column, Grouping, Keys


class UrlDedup(KeepOne):
    """Keep one of each group of documents with the same URL.

        - url_dedup: {keep: newest, column: fetched_at, scope: crawl}
        - url_dedup: {url_column: source_url, level: lowercase}

    Documents without a URL (null or blank) are kept, and compared with none. The others of a group are dropped as
    `duplicate_url`, or as `in_index` for what an earlier run kept. URLs are compared by 128 bits of XXH3.

    Within one crawl this removes pages that were fetched twice. Across crawls it costs more than it gives: FineWeb lost
    71.5 % of its tokens by it, and models trained on what was left were worse (Penedo et al. 2024). There, name the
    crawl as `scope`.

    Adds `url_copies`, the number of documents with the URL, 1 also for one without; and `same_url_as`, the id of the
    document that was kept in place of this one.
    """

    url_column: Column = "url"
    """Column with the URLs, strings."""
    level: Literal["canonical", "lowercase"] = "canonical"
    """What counts as the same: `canonical`, the same page but for scheme, `www.`, default port, user, fragment,
    slashes at the end, needless escapes, order of parameters, and parameters for tracking and sessions; the path keeps
    its case. `lowercase`, the same string in lower case, as in FineWeb's ablation."""
    keep: Literal["any", "first", "longest", "newest", "best"] = "longest"
    """The document to keep: the `longest` in characters; `any`, by a hash of the ids; the `first` in the order of the
    input; the `newest` or the `best`, with the latest time or the highest number in `column`. Ties: as `any`. All but
    `longest` do without reading texts."""

    reads: ClassVar[tuple[str, ...]] = ()
    writes: ClassVar[dict[str, pa.DataType]] = {"url_copies": pa.int64(), "same_url_as": pa.large_string()}
    grouping: ClassVar[Grouping] = Grouping(kept="same_url_as", size="url_copies", earlier="in_index")
    reason: ClassVar[str] = "duplicate_url"

    def check_columns(self, types: Mapping[str, pa.DataType]) -> None:
        super().check_columns(types)
        kind = types.get(self.url_column)
        plain = kind.value_type if kind is not None and pa.types.is_dictionary(kind) else kind
        fits = (pa.types.is_string, pa.types.is_large_string, pa.types.is_string_view, pa.types.is_null)
        if plain is not None and not any(fit(plain) for fit in fits):
            raise ValueError(f"url_column '{self.url_column}' is {kind}; URLs are strings")

    def keys(self, batch: Batch) -> Keys:
        """The 128-bit hash of each URL in the form that is compared; none for documents without a URL."""
        self.check_columns({self.url_column: batch[self.url_column].type})
        urls = batch[self.url_column].cast(pa.large_string())
        there = pc.not_equal(pc.utf8_trim_whitespace(urls), pa.scalar("", pa.large_string()))
        rows = np.flatnonzero(pc.fill_null(there, False).to_numpy(zero_copy_only=False))
        urls = urls.take(pa.array(rows))
        key, check = hash128(canonical(urls) if self.level == "canonical" else _lowercase(urls))
        return Keys(key, check, rows)


def _lowercase(urls: pa.LargeStringArray) -> pa.LargeStringArray:
    """As Python does it: Arrow's own for other signs than ASCII may be of another edition of Unicode."""
    lower = pc.ascii_lower(urls)
    is_plain = pc.string_is_ascii(urls)
    if pc.all(is_plain).as_py() is not False:
        return lower
    others = [url.lower() for url in urls.filter(pc.invert(is_plain)).to_pylist()]
    return pc.replace_with_mask(lower, pc.invert(is_plain), pa.array(others, pa.large_string()))
