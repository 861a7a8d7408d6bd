"""The evaluator that a search has chosen: what it needs on disk, and itself, as a worker loads it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from curate.errors import RecipeError
from curate.mixing import ngram_counts, tokens
from curate.mixing.command import CommandEvaluator
from curate.mixing.corpus import Prepared
from curate.mixing.ngram import NGramProxy
from curate.mixing.options import SearchOptions
from curate.mixing.transformer import TransformerProxy
from curate.mixing.trials import Evaluator
from curate.store.files import read_json

ASKED, CORPUS, FOLDER = "search.json", "corpus.json", "corpus"
"""Of a search's folder: its options, what was found in the corpus, and what evaluators read of it."""
VERSION = 2
"""Raised when an evaluator gives other answers to the same questions: those of older versions are then not used."""


def make_ready(folder: Path, options: SearchOptions) -> None:
    """Write what the evaluator needs beside pool and targets."""
    if options.evaluator.ngram is not None:
        ngram_counts.write(folder / FOLDER, options.evaluator.ngram)
    if options.evaluator.transformer is not None:
        tokens.write(folder / FOLDER, options.evaluator.transformer.vocabulary)


def evaluator_of(folder: Path) -> Evaluator:
    """Ready to evaluate; reads what `prepare` and `make_ready` wrote to the folder of the search."""
    options = SearchOptions.model_validate(read_json(folder / ASKED))
    prepared = Prepared.of_facts(read_json(folder / CORPUS))
    chosen = options.evaluator
    if chosen.ngram is not None:
        proxy = NGramProxy(folder / FOLDER, prepared.names, prepared.targets)
        proxy.fit(prepared.natural, options.budget)
        return proxy
    if chosen.transformer is not None:
        return TransformerProxy(folder / FOLDER, prepared.names, prepared.targets, chosen.transformer)
    if chosen.command is not None:
        return CommandEvaluator(chosen.command, folder, _told(folder, options))
    raise RecipeError("evaluator file waits for scores, and evaluates nothing itself")


def _told(folder: Path, options: SearchOptions) -> dict[str, Any]:
    """What a command is told of the search beside weights, budget and seed."""
    corpus = options.input
    told: dict[str, Any] = {
        "unit": options.unit,
        "input": {
            "paths": [str(Path(path).absolute()) for path in corpus.paths],
            "domain": corpus.domain, "text": corpus.text, "id": corpus.id,
        },
    }  # fmt: skip
    if options.targets:
        told["targets"] = str((folder / FOLDER / "targets.arrow").absolute())
    return told
