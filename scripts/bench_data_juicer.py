"""Data-Juicer, for `bench_peers.py`; runs in its own environment.

`dj-process` with its default executor, without the cache (each step would be written to disk once more) and with
fusion of operators, which its documentation recommends for speed. It has no rules of Gopher, C4 or FineWeb: its own
filters on text stand in for them, at their defaults, those that need no word list or model from a network.
"""

import json
import os
import shutil
import sys
from pathlib import Path

from bench_peer import MODEL, Work, run, shell

RULES = [
    "alphanumeric_filter", "average_line_length_filter", "character_repetition_filter", "maximum_line_length_filter",
    "special_characters_filter", "text_length_filter", "words_num_filter", "word_repetition_filter",
]  # fmt: skip
MINHASH = {"tokenization": "space", "window_size": 5, "num_permutations": 112, "num_bands": 14, "num_rows_per_band": 8}


def process(work: Work, *steps: dict) -> None:
    recipe = Path(work.scratch) / "recipe.yaml"
    asked = {
        "dataset_path": str(Path(work.files[0]).parent),
        "export_path": f"{work.out}/kept.parquet",
        "np": work.workers,
        "use_cache": False,
        "op_fusion": True,
        "process": list(steps),
    }
    recipe.write_text(json.dumps(asked, indent=1), encoding="utf-8")
    models = Path(work.scratch, "models")
    models.mkdir()
    shutil.copy(MODEL, models / "lid.176.bin")  # the name that it looks for; the library reads both formats
    home = {"DATA_JUICER_CACHE_HOME": work.scratch, "DATA_JUICER_MODELS_CACHE": str(models), "HF_HOME": work.scratch}
    shell([os.path.join(os.path.dirname(sys.executable), "dj-process"), "--config", str(recipe)], work.scratch, **home)


def language_step() -> dict:
    return {"language_id_score_filter": {"lang": "en", "min_score": 0.65}}


def rules() -> list[dict]:
    return [{name: {}} for name in RULES]


if __name__ == "__main__":
    run(
        {
            "filters": lambda work: process(work, *rules()),
            "language": lambda work: process(work, language_step()),
            "exact": lambda work: process(work, {"document_deduplicator": {}}),
            "minhash": lambda work: process(work, {"document_minhash_deduplicator": MINHASH}),
            "recipe": lambda work: process(work, language_step(), *rules(), {"document_minhash_deduplicator": MINHASH}),
        }
    )
