"""What a search is asked to do: the keys of its YAML file."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StrictInt, model_validator

Name = Annotated[str, Field(min_length=1)]
Share = Annotated[float, Field(gt=0, lt=1)]


def _as_list(value: Any) -> Any:
    return [value] if isinstance(value, str) else value


def _as_mapping(value: Any) -> Any:
    """`ngram` → `{ngram: {}}`, and `{ngram: null}` likewise."""
    if isinstance(value, str):
        return {value: {}}
    return {name: {} if given is None else given for name, given in value.items()} if isinstance(value, dict) else value


Strings = Annotated[tuple[Name, ...], BeforeValidator(_as_list), Field(min_length=1)]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)


class Corpus(_Part):
    """The documents that are mixed."""

    paths: Strings
    """Folders, globs, files, or the output folder of a run; relative ones are relative to the current directory."""
    domain: Name = "domain_name"
    """The column that says which domain a document is of. Documents without a value are left out, and counted."""
    text: Name = "text"
    """The column of the texts."""
    id: Name = "id"
    """The column of the ids."""
    tokens_column: Name | None = None
    """Column with the number of tokens of each document: sizes, weights and budgets are then in tokens. Default: in
    characters."""


class Target(_Part):
    """Texts on which a proxy is measured: files, or documents held out of the corpus."""

    paths: Annotated[tuple[Name, ...], BeforeValidator(_as_list)] = ()
    """Files of validation texts. Documents of the corpus with the same text are not trained on."""
    text: Name = "text"
    """The column of the texts in these files."""
    domains: Annotated[tuple[Name, ...], BeforeValidator(_as_list)] = ()
    """Instead of paths: domains of the corpus, of which documents are held out."""
    held_out: Share = 0.1
    """Share of the documents of these domains that is held out, by a hash of the text, 0 to 1."""
    most: StrictInt = Field(500_000, ge=1000)
    """Characters that are measured on, at most: documents are chosen by a hash of the text."""
    weight: float = Field(1.0, gt=0, allow_inf_nan=False)
    """Of this target in the mean that the search makes small."""

    @model_validator(mode="after")
    def _has_one_origin(self) -> Self:
        if bool(self.paths) == bool(self.domains):
            raise ValueError("a target has paths, or else domains of which documents are held out")
        return self


class NGram(_Part):
    """An interpolated n-gram model of words: seconds on one core; see docs/mixtures.md for what it cannot predict."""

    order: StrictInt = Field(3, ge=1, le=5)
    """Words in the longest n-gram."""
    vocabulary: StrictInt = Field(32_768, ge=16, le=1 << 22)
    """Words that are told apart; rarer ones are spelled, byte by byte."""


class Evaluator(_Part):
    """Who measures a mixture: one of these."""

    ngram: NGram | None = None

    @model_validator(mode="after")
    def _is_one(self) -> Self:
        if len(self.model_fields_set) != 1:
            raise ValueError(f"an evaluator is one of {', '.join(type(self).model_fields)}, as in evaluator: ngram")
        return self

    @property
    def kind(self) -> str:
        """Which one it is."""
        return next(iter(self.model_fields_set))


class Output(_Part):
    """Where the answer goes, with all that was measured."""

    path: Name
    """Folder of the search: its journal, weights.yaml and the report. A search that was stopped goes on in it."""


class SearchOptions(_Part):
    """A search for a mixture."""

    input: Corpus
    output: Output
    """Where the answer goes."""
    targets: Annotated[dict[Name, Target], Field(min_length=1)]
    """What the proxy is measured on, by name."""
    budget: Annotated[int, Field(ge=1000)]
    """Training text of one evaluation, in characters (or tokens, with tokens_column)."""
    planned: Annotated[int, Field(ge=1000)] | None = None
    """Training text of the run that the mixture is for. If given, each domain is cut down by budget / planned, so that
    a proxy repeats a small domain as often as that run will."""
    max_epochs: float = Field(4.0, gt=0, allow_inf_nan=False)
    """How often a domain may be repeated within the budget: a bound on its weight. Four are nearly as good as new text
    (Muennighoff et al. 2023)."""
    method: Literal["climb"] = "climb"
    """How mixtures are searched for."""
    batches: Annotated[tuple[Annotated[int, Field(ge=1)], ...], Field(min_length=1)] = (64, 32, 16)
    """Mixtures of each batch; those of later ones are chosen by what was learned from the earlier. As in the paper."""
    predictor: Literal["both", "lightgbm", "process"] = "both"
    """What is learned from the measured: LightGBM's trees as in the paper, a Gaussian process, or the mean of both."""
    bound: float | None = Field(15.0, gt=0, allow_inf_nan=False)
    """In the first batch, times its share in the corpus that a domain has at most, as in RegMix; null: no bound."""
    evaluator: Annotated[Evaluator, BeforeValidator(_as_mapping)] = Evaluator(ngram=NGram())
    """Who measures."""
    finalists: StrictInt = Field(3, ge=1)
    """Best mixtures that are measured again with other seeds, from which the answer is taken."""
    seeds: StrictInt = Field(5, ge=1)
    """Times that finalists and the mixtures they are compared with are measured, each with other documents."""
    temperature: float = Field(0.5, gt=0, le=1)
    """Exponent of the natural shares in the temperature mixture of the comparison."""
    seed: StrictInt = Field(0, ge=0, lt=1 << 31)
    """Of everything that is drawn."""
    workers: StrictInt | Literal["auto"] = "auto"
    """Processes; 0: none but this one; auto: as many as there are cores."""
