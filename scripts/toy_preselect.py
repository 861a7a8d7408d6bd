"""Makes `configs/toy_preselect.ftz`, the model of `configs/preselect.yaml`: PreSelect on the sample shards.

In place of a family of language models it takes n-gram models that see more or fewer bytes of context, learned from one
of the shards. What they agree on means nothing; the model is there so that the recipe runs as it is. It is quantised
and pruned, to be small.

    python scripts/toy_preselect.py
"""

from __future__ import annotations

import sys
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory

from fasttext import FastText

from curate.fit.classifier import score as scores_of
from curate.fit.losses import NGramLoss
from curate.fit.preselect import fit_preselect, read_ladder
from curate.fit.scoring import score
from curate.fit.training import Settings
from curate.models.fasttext import Model
from curate.models.fasttext_file import read
from curate.store.reading import Reader

CONFIGS = Path(__file__).resolve().parents[1] / "configs"
SEED = [str(CONFIGS / "sample" / f"shard-0{number}.parquet") for number in (0, 1)]
LEARNED = str(CONFIGS / "sample" / "shard-07.jsonl.zst")
ROWS = 2000  # vectors that are left


def main() -> None:
    with TemporaryDirectory() as scratch, ExitStack() as files:
        folder = Path(scratch)
        seed, learned = files.enter_context(Reader(SEED)), files.enter_context(Reader([LEARNED]))
        texts = [text for part in learned.read() for text in part["text"].to_pylist()]
        for order in (0, 1, 2, 4):
            model = NGramLoss(f"ngram{order}", order, max_chars=2000).learn(texts)
            list(score(seed, model, folder / "losses"))
        table = files.enter_context(Reader([str(folder / "losses")]))
        ladder = read_ladder(CONFIGS / "toy_models.json")
        found, _ = fit_preselect(
            seed, ladder, folder / "m.bin", settings=Settings(dim=16, buckets=1), share=0.1, table=table
        )
        model = FastText.load_model(str(folder / "m.bin"))
        lines = folder / "lines.txt"  # pruning keeps the longest vectors of those that these have
        lines.write_text("".join(f"__label__1 {' '.join(text.split())}\n" for text in texts), encoding="utf-8")
        model.quantize(input=str(lines), cutoff=ROWS, thread=1, verbose=0)
        out = Path(sys.argv[1]) if len(sys.argv) > 1 else CONFIGS / "toy_preselect.ftz"
        model.save_model(str(out))
        small = Model(read(out))
        first = next(iter(seed.read()))["text"].combine_chunks()
        scores = scores_of(small, first)
        print(f"{out}: {out.stat().st_size:,} bytes; ROC-AUC before {found.roc_auc:.3f}")
        print(f"scores of {len(first)} documents: {scores.min():.6f} to {scores.max():.6f}")


if __name__ == "__main__":
    main()
