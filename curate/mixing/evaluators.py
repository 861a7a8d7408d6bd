"""The evaluator that a search has chosen, as a worker loads it from the search's folder."""

from __future__ import annotations

from pathlib import Path

from curate.mixing.corpus import Prepared
from curate.mixing.ngram import NGramProxy
from curate.mixing.options import SearchOptions
from curate.mixing.trials import Evaluator
from curate.store.files import read_json

ASKED, CORPUS = "search.json", "corpus.json"
"""Files of a search's folder: its options, and what was found in the corpus."""


def evaluator_of(folder: Path) -> Evaluator:
    """Ready to evaluate; reads what `prepare` wrote to the folder."""
    options = SearchOptions.model_validate(read_json(folder / ASKED))
    prepared = Prepared.of_facts(read_json(folder / CORPUS))
    targets = {name: target.weight for name, target in options.targets.items()}
    proxy = NGramProxy(folder / "corpus", prepared.names, targets)
    proxy.fit(prepared.natural, options.budget)
    return proxy
