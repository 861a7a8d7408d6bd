"""Losses of language models on documents: from a column, from an n-gram model, or from a transformer.

Losses are sums of -ln p over the tokens of a document, in nats: models are compared on one document, where a common
denominator such as its characters changes nothing. Every token is scored, each document on its own, cut after the same
number of characters for all models.
"""

from __future__ import annotations

import hashlib
import math
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal, Protocol

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from curate.errors import CurateError, RecipeError
from curate.kernels.text import buffers, char_counts

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]
Unit = Literal["nats", "bits_per_character", "bits_per_byte"]

WINDOW = 2048
"""Tokens that a transformer sees, unless told otherwise; PreSelect's saw 1,900. The logits of a window take 4 bytes for
each token and each word of the vocabulary: 1 GB with 128 K words, but 67 GB for a window of 128 K tokens."""
_SLICE = 256
"""Tokens whose probabilities are computed at a time: beside the logits, 130 MB with 128 K words."""


class LossProvider(Protocol):
    """Something that knows the losses of documents."""

    @property
    def name(self) -> str:
        """Of the model."""
        ...

    @property
    def columns(self) -> list[str]:
        """Columns that it reads beside the texts."""
        ...

    def facts(self) -> dict[str, Any]:
        """What the losses depend on: with other facts they are others."""
        ...

    def losses(self, documents: pa.Table) -> tuple[Floats, Integers]:
        """(nats float64[n], NaN for an empty text; tokens scored int64[n]) of documents with `id` and `text`."""
        ...


def in_nats(values: Floats, unit: Unit, texts: pa.LargeStringArray) -> Floats:
    """Losses of whole documents from losses in another unit."""
    if unit == "nats":
        return values
    sizes = char_counts(texts) if unit == "bits_per_character" else np.diff(buffers(texts)[1])
    return values * math.log(2) * sizes


@dataclass(frozen=True)
class ColumnLoss:
    """Losses that are there already."""

    name: str
    column: str
    unit: Unit = "nats"

    @property
    def columns(self) -> list[str]:
        return [self.column]

    def facts(self) -> dict[str, Any]:
        return {"kind": "column", "column": self.column, "unit": self.unit}

    def losses(self, documents: pa.Table) -> tuple[Floats, Integers]:
        """Tokens are not known, so that their number is 0."""
        try:
            values = documents[self.column].cast(pa.float64()).to_numpy()
        except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
            raise RecipeError(f"column '{self.column}' is no loss: {error}") from error
        return in_nats(values, self.unit, documents["text"].combine_chunks()), np.zeros(len(values), np.int64)


@dataclass
class NGramLoss:
    """A model of bytes given those before, for tests and toys: a ladder of these is one of context, not of ability.

    p(x | context) = (count(context x) + weight * p(x | shorter context)) / (count(context) + weight); without any
    counts 1/257, for each byte and for the end.
    """

    name: str
    order: int = 3
    """Bytes of context, 0 or more."""
    weight: float = 5.0
    max_chars: int | None = None
    counts: dict[bytes, dict[int, int]] = field(default_factory=lambda: defaultdict(lambda: defaultdict(int)))
    totals: dict[bytes, int] = field(default_factory=lambda: defaultdict(int))
    """Context → how often it was seen."""
    columns: list[str] = field(default_factory=list)
    _learned: Any = field(default_factory=hashlib.sha256, repr=False, compare=False)
    """SHA-256 of what was learned."""

    _END = 256

    def learn(self, texts: Iterable[str]) -> NGramLoss:
        """Count; returns itself."""
        for text in texts:
            data = self._cut(text)
            self._learned.update(len(data).to_bytes(8, "little") + data)
            for at, byte in enumerate([*data, self._END]):
                for size in range(min(self.order, at) + 1):
                    self.counts[data[at - size : at]][byte] += 1
                    self.totals[data[at - size : at]] += 1
        return self

    def probability(self, context: bytes, byte: int) -> float:
        """Of a byte, or of the end (256), after a context."""
        p = 1 / 257
        for size in range(min(self.order, len(context)) + 1):
            seen = self.counts.get(context[len(context) - size :])
            if seen is None:
                break
            p = (seen.get(byte, 0) + self.weight * p) / (self.totals[context[len(context) - size :]] + self.weight)
        return p

    def facts(self) -> dict[str, Any]:
        return {
            "kind": "ngram",
            "order": self.order,
            "weight": self.weight,
            "max_chars": self.max_chars,
            "learned": self._learned.hexdigest(),
        }

    def losses(self, documents: pa.Table) -> tuple[Floats, Integers]:
        found, tokens = [], []
        for text in documents["text"].to_pylist():
            data = self._cut(text)
            end = [*data, self._END]
            nats = [
                -math.log(self.probability(data[max(at - self.order, 0) : at], byte)) for at, byte in enumerate(end)
            ]
            found.append(math.fsum(nats) if data else math.nan)
            tokens.append(len(end) if data else 0)
        return np.array(found), np.array(tokens, np.int64)

    def _cut(self, text: str) -> bytes:
        return text[: self.max_chars].encode()


class HFCausalLoss:
    """A causal language model of the `transformers` library, from a folder on this machine or the Hub's cache there.

    A document that is longer than the window is scored in steps: each but the first scores its last `stride` tokens,
    given those before in the window, which makes window / stride times the work.
    """

    columns: list[str] = []

    def __init__(
        self,
        name: str,
        model: str,
        *,
        window: int | None = None,
        stride: int = 512,
        max_chars: int | None = None,
        device: str = "cpu",
    ) -> None:
        """window: tokens, at most what the model takes; None: that, but no more than WINDOW. Needs no network."""
        try:
            import torch
            from transformers import AutoModelForCausalLM, AutoTokenizer
        except ImportError as error:
            raise CurateError(
                "losses of transformers take the libraries torch and transformers: pip install 'curate[lm]'"
            ) from error
        try:
            self._tokenizer = AutoTokenizer.from_pretrained(model, local_files_only=True)
            self._model = AutoModelForCausalLM.from_pretrained(model, local_files_only=True).to(device).eval()
        except (OSError, ValueError) as error:
            raise CurateError(f"{model}: no model can be loaded from there: {error}") from error
        self._torch, self._device = torch, device
        self.name, self.model, self.max_chars = name, model, max_chars
        most = int(getattr(self._model.config, "max_position_embeddings", None) or 2048)
        self.window = min(window or WINDOW, most)
        self.stride = min(stride, self.window - 1)
        if self.stride < 1:
            raise RecipeError(f"{name}: a window of {self.window} tokens leaves nothing to look back at")
        starts = (self._tokenizer.bos_token_id, self._tokenizer.eos_token_id)
        self._start: int | None = next((token for token in starts if token is not None), None)

    @property
    def parameters(self) -> int:
        """Of the model."""
        return sum(weights.numel() for weights in self._model.parameters())

    def operations(self, characters: int) -> float:
        """About how many floating-point operations texts of so many characters take: 4 characters make a token."""
        return 2.0 * self.parameters * characters / 4 * self.window / self.stride

    @cached_property
    def digest(self) -> str:
        """SHA-256 of the weights as they are in memory, and of the tokenizer."""
        found = hashlib.sha256()
        for name, weights in sorted(self._model.state_dict().items()):
            found.update(f"{name} {weights.dtype} {tuple(weights.shape)}\n".encode())
            flat = weights.detach().cpu().contiguous().reshape(-1)
            found.update(flat.view(self._torch.uint8).numpy())
        tokenizer = getattr(self._tokenizer, "backend_tokenizer", None)
        words = sorted(self._tokenizer.get_vocab().items())
        found.update((tokenizer.to_str() if tokenizer is not None else repr(words)).encode())
        return found.hexdigest()

    def facts(self) -> dict[str, Any]:
        own = ("model", "digest", "window", "stride", "max_chars", "parameters")
        return {"kind": "transformer", **{name: getattr(self, name) for name in own}}

    def losses(self, documents: pa.Table) -> tuple[Floats, Integers]:
        """The first token is scored too, after the token that begins (or else ends) a text, if the model has one."""
        pairs = [self._loss(text[: self.max_chars]) for text in documents["text"].to_pylist()]
        return np.array([nats for nats, _ in pairs], np.float64), np.array([tokens for _, tokens in pairs], np.int64)

    def _loss(self, text: str) -> tuple[float, int]:
        own = self._tokenizer(text, add_special_tokens=False, verbose=False)["input_ids"]
        tokens = own if self._start is None else [self._start, *own]
        if len(tokens) < 2:
            return math.nan, 0
        total, scored = 0.0, 1  # tokens so far; the first has nothing before it
        while scored < len(tokens):
            stop = min(len(tokens), self.window if scored == 1 else scored + self.stride)
            begin = max(0, stop - self.window)
            total += self._sum(tokens[begin:stop], scored - begin)
            scored = stop
        return total, scored - 1

    def _sum(self, tokens: list[int], first: int) -> float:
        """Nats of the tokens from `first` on, given those before."""
        torch = self._torch
        with torch.inference_mode():
            ids = torch.tensor([tokens], device=self._device)
            logits, wanted = self._model(ids).logits[0, first - 1 : -1], ids[0, first:, None]
            total = 0.0
            for at in range(0, len(logits), _SLICE):
                logs = torch.log_softmax(logits[at : at + _SLICE].float(), dim=-1)
                total -= float(logs.gather(1, wanted[at : at + _SLICE]).double().sum())
            return total
