"""Documents that would take over a page if any of their text got into it as anything but text."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

MARK = "curate_was_here"
"""What hostile scripts set on `window`."""

TEXTS = (
    f"</script><script>window.{MARK} = 1</script>",
    f"<img src=x onerror='window.{MARK} = 1'>",
    f"<svg onload=window.{MARK}=1><style>body {{ display: none }}</style></svg>",
    f"</pre></details></main><iframe srcdoc='<script>parent.{MARK} = 1</script>'></iframe>",
    f"<a href=\"javascript:window.{MARK}=1\">press</a> javascript:window.{MARK}=1",
    f"<!-- <script> --!><script>window.{MARK}=1</script>",
    f"</title></style></textarea><script>window.{MARK}=1</script><base href=//evil.example>",
    "line\u2028separator\u2029paragraph\x00nul\x1b[2J\x9b31m",
    "\u202eoverride\u202c \u2066isolate\u2069 \u200f right to left \u0627\u0644\u0639\u0631\u0628\u064a\u0629",
    "<meta http-equiv=refresh content='0;url=//evil.example'><form action=//evil.example><input onfocus=alert(1)>",
    "&lt;script&gt; &amp; &#60;b&#62; ]]> <![CDATA[ <x> ]]>",
    "%{x} %{customdata} <b>bold</b> <a href='javascript:alert(1)'>here</a> <extra></extra>",
)  # fmt: skip


def write(folder: Path, *, huge: int = 10_000_000) -> Path:
    """Two copies of each text but the first, with hostile ids, sources and columns; and one line of `huge` bytes."""
    folder.mkdir(parents=True)
    texts = [*TEXTS, *TEXTS[1:], "</script>x" * (huge // 10)]
    table = pa.table(
        {
            "id": [f"{number}{text[:60]}" for number, text in enumerate(texts)],
            "text": texts,
            "source": [TEXTS[number % 5] for number in range(len(texts))],
            "lang": [("en", "<b>de</b>")[number % 2] for number in range(len(texts))],
            f"<script>{MARK}": list(range(len(texts))),
            "score": pa.array([number / len(texts) for number in range(len(texts))], pa.float32()),
        }
    )
    pq.write_table(table, folder / "<img src=x onerror=alert(1)>.parquet")
    return folder
