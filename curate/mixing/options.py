"""What a search is asked to do: the keys of its YAML file."""

from __future__ import annotations

import shlex
from difflib import get_close_matches
from typing import Annotated, Any, Literal, Self, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StrictInt, model_validator

from curate.mixing.predicting import LEAST

Name = Annotated[str, Field(min_length=1)]
Share = Annotated[float, Field(gt=0, lt=1)]


def _as_list(value: Any) -> Any:
    return [value] if isinstance(value, str) else value


def _by_name(part: type[BaseModel]) -> BeforeValidator:
    """`ngram` → `{ngram: {}}`, and `{ngram: null}` likewise. Raises ValueError for what `part` has not."""

    def named(value: Any) -> Any:
        given = {value: {}} if isinstance(value, str) else value
        if not isinstance(given, dict):
            return value
        unknown = next((name for name in given if name not in part.model_fields), None)
        if unknown is not None:
            near = get_close_matches(str(unknown), part.model_fields, 1)
            guess = f"did you mean '{near[0]}'?" if near else f"there are {', '.join(part.model_fields)}"
            raise ValueError(f"there is no '{unknown}'; {guess}")
        return {name: {} if options is None else options for name, options in given.items()}

    return BeforeValidator(named)


def _as_words(value: Any) -> Any:
    return shlex.split(value) if isinstance(value, str) else value


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
    """Instead of paths: domains of the corpus, of which documents are held out. "*": all, each a target by its name."""
    where: dict[Name, Strings] = {}
    """Instead of paths: documents of the corpus whose columns have one of these values, as in where: {source: wiki}."""
    held_out: Share = 0.1
    """Share of these documents that is held out, by a hash of the text, 0 to 1."""
    most: StrictInt = Field(500_000, ge=1000)
    """Characters that are measured on, at most: documents are chosen by a hash of the text."""
    weight: float = Field(1.0, gt=0, allow_inf_nan=False)
    """Of this target in the mean that the search makes small."""

    @model_validator(mode="after")
    def _has_one_origin(self) -> Self:
        if bool(self.paths) + bool(self.domains) + bool(self.where) != 1:
            raise ValueError("a target has paths, or else domains or where, of which documents are held out")
        return self


class NGram(_Part):
    """An interpolated n-gram model of words: milliseconds; see docs/mixtures.md for what it cannot predict."""

    order: StrictInt = Field(3, ge=1, le=5)
    """Words in the longest n-gram."""
    vocabulary: StrictInt = Field(32_768, ge=16, le=1 << 22)
    """Words that are told apart; rarer ones are spelled, byte by byte."""


class Transformer(_Part):
    """A small decoder, trained from nothing with PyTorch (extra `lm`): under a minute on a core as it stands."""

    vocabulary: StrictInt = Field(4096, ge=16, le=1 << 20)
    """Words that are told apart; rarer ones are spelled, byte by byte."""
    width: StrictInt = Field(64, ge=8, le=8192)
    """Numbers in a vector; a multiple of `heads`."""
    layers: StrictInt = Field(2, ge=1, le=100)
    """Blocks of attention and feed-forward."""
    heads: StrictInt = Field(4, ge=1, le=128)
    """Of attention."""
    context: StrictInt = Field(128, ge=8, le=8192)
    """Tokens that it sees."""
    batch: StrictInt = Field(16, ge=1, le=65_536)
    """Sequences of a step."""
    steps: StrictInt | None = Field(128, ge=1)
    """Steps at most: beyond them the drawn text, in random order, is not seen. null: as many as the budget takes, each
    document as often as it is drawn."""
    rate: float = Field(3e-3, gt=0, le=1)
    """Learning rate at its highest, after a tenth of the steps; it then falls along a cosine to a tenth of that."""
    device: Name = "cpu"
    """Where it runs, as torch names it: cpu, cuda, cuda:1. On a GPU give one worker for each."""
    threads: StrictInt = Field(1, ge=1)
    """Of torch, in each worker, on the CPU."""

    @model_validator(mode="after")
    def _has_whole_heads(self) -> Self:
        if self.width % self.heads:
            raise ValueError(f"width = {self.width} is no multiple of heads = {self.heads}")
        return self


Better = Literal["lower", "higher"]


class Command(_Part):
    """A program of your own: it is given a JSON file with the weights, and says a score."""

    run: Annotated[tuple[Name, ...], BeforeValidator(_as_words), Field(min_length=1)]
    """The program and its arguments; `{job}` stands for the path of the JSON file, which else is the last of them."""
    timeout: float = Field(86_400, gt=0, allow_inf_nan=False)
    """Seconds after which an evaluation is ended, with all processes that it started, and has failed."""
    better: Better = "lower"
    """Whether a lower or a higher score is better."""


class File(_Part):
    """People, or a cluster: weights are written to `asked.csv`, scores are read from `scores.csv`."""

    better: Better = "lower"
    """Whether a lower or a higher score is better."""


class Evaluator(_Part):
    """Who measures a mixture: one of these."""

    ngram: NGram | None = None
    """An n-gram model."""
    transformer: Transformer | None = None
    """A small language model."""
    command: Command | None = None
    """Any program."""
    file: File | None = None
    """Scores that come later."""

    @model_validator(mode="after")
    def _is_one(self) -> Self:
        return _one_of(self, "an evaluator", "evaluator: ngram")

    @property
    def kind(self) -> str:
        """Which one it is."""
        return next(iter(self.model_fields_set))

    @property
    def chosen(self) -> NGram | Transformer | Command | File:
        """Its options."""
        found: NGram | Transformer | Command | File = getattr(self, self.kind)
        return found

    @property
    def sign(self) -> float:
        """What makes a loss of a score: -1 where higher is better."""
        return -1.0 if getattr(self.chosen, "better", "lower") == "higher" else 1.0


Predictors = Literal["both", "lightgbm", "process"]


class Climb(_Part):
    """CLIMB (Diao et al. 2025): batches, each chosen by a predictor that has learned from those before."""

    batches: Annotated[tuple[Annotated[int, Field(ge=1)], ...], Field(min_length=1)] = (64, 32, 16)
    """Mixtures of each batch, of the first 8 or more. As in the paper."""
    bound: float | None = Field(15.0, gt=0, allow_inf_nan=False)
    """In the first batch, times its share in the corpus that a domain has at most, as in RegMix; null: no bound."""
    predictor: Predictors = "both"
    """What is learned from the measured: LightGBM's trees as in the paper, a Gaussian process, or the mean of both."""

    @model_validator(mode="after")
    def _has_what_is_learned_from(self) -> Self:
        if self.batches[0] < LEAST:
            raise ValueError(f"batches: the first has {self.batches[0]} mixtures; a predictor takes {LEAST} or more")
        return self


class RegMix(_Part):
    """RegMix (Liu et al. 2024): one batch, and the mean of the mixtures that are predicted to do best."""

    mixtures: StrictInt = Field(512, ge=LEAST)
    """That are measured. As in the paper."""
    bound: float | None = Field(15.0, gt=0, allow_inf_nan=False)
    """Times its share in the corpus that a domain has at most; null: no bound."""
    predictor: Predictors = "lightgbm"
    """What is learned from the measured: LightGBM's trees as in the paper, a Gaussian process, or the mean of both."""


class DoReMi(_Part):
    """In the manner of DoReMi (Xie et al. 2023): weight goes where a proxy is worst against a reference.

    Takes one target for each domain, `domains: "*"`. The paper does it in each step of one training; here each round
    trains anew.
    """

    rounds: StrictInt = Field(20, ge=1)
    """Evaluations."""
    rate: float = Field(5.0, gt=0, allow_inf_nan=False)
    """Of the updates, over losses in bits per byte. The paper has 1, over nats per token and many thousand steps."""
    smoothing: float = Field(1e-3, ge=0, le=1)
    """Share of the uniform mixture that is mixed in after each update. As in the paper."""


class SkillIt(_Part):
    """Skill-it (Chen et al. 2023): rounds of one training, each weighted by what its skills do for the targets.

    The answer is the mean of all rounds; the report has the rounds themselves, in their order.
    """

    rounds: StrictInt = Field(5, ge=1)
    """That the budget is cut into."""
    rate: float = Field(0.5, gt=0, allow_inf_nan=False)
    """Of the updates. The paper has 0.1 to 0.8."""
    window: StrictInt = Field(3, ge=1)
    """Rounds whose losses count. As in the paper."""
    graph: Name | None = None
    """A JSON file: domain → target → weight, 0 or more; what is not there is 0. Default: it is measured, in an
    evaluation for each domain: what more of it takes off each target's loss, scaled so that the largest weight is 1."""


class Method(_Part):
    """How mixtures are searched for: one of these."""

    climb: Climb | None = None
    """Batches and a predictor."""
    regmix: RegMix | None = None
    """One batch and a predictor."""
    doremi: DoReMi | None = None
    """The worst domain first."""
    skillit: SkillIt | None = None
    """By a graph of skills."""

    @model_validator(mode="after")
    def _is_one(self) -> Self:
        return _one_of(self, "a method", "method: climb")

    @property
    def kind(self) -> str:
        """Which one it is."""
        return next(iter(self.model_fields_set))


P = TypeVar("P", bound=BaseModel)


def _one_of(part: P, what: str, example: str) -> P:
    if len(part.model_fields_set) != 1:
        raise ValueError(f"{what} is one of {', '.join(type(part).model_fields)}, as in {example}")
    return part


class Output(_Part):
    """Where the answer goes, with all that was measured."""

    path: Name
    """Folder of the search: its journal, weights.yaml and the report. A search that was stopped goes on in it."""


class SearchOptions(_Part):
    """A search for a mixture."""

    input: Corpus
    output: Output
    """Where the answer goes."""
    targets: dict[Name, Target] = {}
    """What the proxy is measured on, by name. A command or a person may know of targets that are not named here."""
    budget: Annotated[int, Field(ge=1000)]
    """Training text of one evaluation, in characters (or tokens, with tokens_column)."""
    planned: Annotated[int, Field(ge=1000)] | None = None
    """Training text of the run that the mixture is for. If given, each domain is cut down by budget / planned, so that
    a proxy repeats a small domain as often as that run will."""
    max_epochs: float = Field(4.0, gt=0, allow_inf_nan=False)
    """How often a domain may be repeated within the budget: a bound on its weight. Four are nearly as good as new text
    (Muennighoff et al. 2023)."""
    method: Annotated[Method, _by_name(Method)] = Method(climb=Climb())
    """How mixtures are searched for."""
    evaluator: Annotated[Evaluator, _by_name(Evaluator)] = Evaluator(ngram=NGram())
    """Who measures."""
    finalists: StrictInt = Field(3, ge=1)
    """Best mixtures that are measured again with other seeds, from which the answer is taken."""
    seeds: StrictInt = Field(5, ge=1)
    """Times that finalists and what they are compared with are measured, each time on other documents."""
    temperature: float = Field(2.0, ge=1, le=1000)
    """Of the temperature mixture that the answer is compared with: size^(1 / temperature), as in stage `mixture`."""
    seed: StrictInt = Field(0, ge=0, lt=1 << 31)
    """Of everything that is drawn."""
    workers: StrictInt | Literal["auto"] = "auto"
    """Processes; 0: none but this one; auto: as many as there are cores."""

    @property
    def unit(self) -> str:
        """Of sizes, weights and budgets."""
        return "tokens" if self.input.tokens_column else "characters"

    @model_validator(mode="after")
    def _has_targets(self) -> Self:
        if not self.targets and self.evaluator.kind in ("ngram", "transformer"):
            raise ValueError("targets: name at least one, as in targets: {mine: {paths: validation.parquet}}")
        return self
