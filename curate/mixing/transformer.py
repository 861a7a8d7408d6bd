"""A small decoder as a proxy, trained from nothing with PyTorch on a mixture; the extra `lm` has the library.

GPT's pre-norm blocks with learned places and tied embeddings (Radford et al. 2019). The same weights, budget and seed
give the same loss on the same machine; sums in another order, as on another processor, move the last digits.
"""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from curate.errors import CurateError
from curate.mixing.options import Transformer
from curate.mixing.sampling import repeats
from curate.mixing.trials import Measured
from curate.mixing.vocabulary import Tokens
from curate.store import arrow

DECAY = 0.1  # weight decay of matrices
CLIP = 1.0  # longest gradient
WARM_UP = 0.1  # share of the steps in which the learning rate rises
LAST = 0.1  # of the highest rate, what is left of it at the end


class TransformerProxy:
    """Evaluates mixtures over the tokens that `tokens.write` made."""

    def __init__(
        self, folder: Path, names: tuple[str, ...], targets: Mapping[str, float], options: Transformer
    ) -> None:
        """names: of domains, in order; targets: their weights in the mean. Raises CurateError without torch."""
        self._torch = _torch()
        self._options, self._names, self._weights = options, names, dict(targets)
        pool, measured = arrow.ArrowFile(folder / "tokens.pool.arrow"), arrow.ArrowFile(folder / "tokens.targets.arrow")
        table = pool.batches[0]
        self._domain, self._key, self._sizes = (table[name].to_numpy() for name in ("domain", "key", "size"))
        self._has = np.bincount(self._domain, self._sizes, len(names)).astype(np.int64)
        self._tokens, self._offsets = table["tokens"].values.to_numpy(), table["tokens"].offsets.to_numpy()
        self._vocabulary, self._end = int(pool.facts["vocabulary"]), int(pool.facts["end"])
        targets_table = measured.batches[0]
        self._measured = [_stream(targets_table, number) for number in range(len(self._weights))]
        self._bytes = np.array(measured.facts["bytes"], np.float64)

    def evaluate(self, weights: Mapping[str, float], budget: int, seed: int) -> Measured:
        """Bits for each byte of the targets, after one pass over the mixture or over as much as the steps allow."""
        torch, options, begun = self._torch, self._options, time.perf_counter()
        torch.set_num_threads(options.threads)
        shares = np.array([weights.get(name, 0.0) for name in self._names])
        blocks = self._blocks(repeats(self._domain, self._key, self._sizes, shares * budget, self._has, seed), seed)
        torch.manual_seed(seed)
        model = decoder(torch, options, self._vocabulary).to(options.device)
        self._train(model, torch.from_numpy(blocks))
        nats = np.array([self._nats(model, tokens) for tokens in self._measured])
        bits = nats / math.log(2) / self._bytes
        each = np.array(list(self._weights.values()))
        losses = {name: round(float(one), 6) for name, one in zip(self._weights, bits, strict=True)}
        return Measured(round(float((bits * each).sum() / each.sum()), 6), losses, time.perf_counter() - begun)

    def _blocks(self, times: Any, seed: int) -> Any:
        """int64[blocks, context + 1]: documents in a random order, as often as they are drawn, the last in part."""
        generator = np.random.default_rng([seed, 7])
        whole, part = np.floor(times).astype(np.int64), times % 1
        order = np.concatenate([np.repeat(np.arange(len(times)), whole), np.flatnonzero(part > 1e-9)])
        lengths = np.diff(self._offsets)
        taken = np.concatenate([np.repeat(lengths, whole), np.ceil(part * lengths)[part > 1e-9].astype(np.int64)])
        shuffled = generator.permutation(len(order))
        starts, sizes = self._offsets[:-1][order[shuffled]], taken[shuffled]
        stream = [
            self._tokens[start : start + size] for start, size in zip(starts.tolist(), sizes.tolist(), strict=True)
        ]
        tokens = np.concatenate([np.array([self._end], np.int32), *stream]).astype(np.int64)
        length = self._options.context
        count = max((len(tokens) - 1) // length, 1)
        tokens = np.pad(tokens, (0, max(count * length + 1 - len(tokens), 0)), constant_values=self._end)
        rows = np.arange(count)[:, None] * length + np.arange(length + 1)[None]
        return tokens[rows[generator.permutation(count)]]

    def _train(self, model: Any, blocks: Any) -> None:
        torch, options = self._torch, self._options
        steps = min(math.ceil(len(blocks) / options.batch), options.steps or len(blocks))
        matrices = [one for one in model.parameters() if one.ndim >= 2]
        others = [one for one in model.parameters() if one.ndim < 2]
        optimizer = torch.optim.AdamW(
            [{"params": matrices, "weight_decay": DECAY}, {"params": others, "weight_decay": 0.0}],
            lr=options.rate, betas=(0.9, 0.95),
        )  # fmt: skip
        model.train()
        for step in range(steps):
            for group in optimizer.param_groups:
                group["lr"] = options.rate * schedule(step, steps)
            batch = blocks[step * options.batch : (step + 1) * options.batch].to(options.device)
            loss = _cross_entropy(torch, model(batch[:, :-1]), batch[:, 1:])
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), CLIP)
            optimizer.step()

    def _nats(self, model: Any, tokens: Tokens) -> float:
        """-ln p of all tokens of a target, in windows that do not overlap."""
        torch, options, total = self._torch, self._options, 0.0
        stream = np.concatenate([[self._end], tokens]).astype(np.int64)
        model.eval()
        with torch.inference_mode():
            length = options.context
            count = (len(stream) - 1) // length
            full = torch.from_numpy(stream[: count * length + 1])
            windows = full.unfold(0, length + 1, length) if count else full[:0].reshape(0, length + 1)
            for rows in windows.split(4 * options.batch) if count else ():
                batch = rows.to(options.device)
                total += float(_cross_entropy(torch, model(batch[:, :-1]), batch[:, 1:])) * batch[:, 1:].numel()
            rest = torch.from_numpy(stream[count * length :])[None].to(options.device)
            if rest.shape[1] > 1:
                total += float(_cross_entropy(torch, model(rest[:, :-1]), rest[:, 1:])) * (rest.shape[1] - 1)
        return total


def _torch() -> Any:
    try:
        import torch
    except ImportError as error:
        raise CurateError("evaluator transformer takes the library torch: pip install 'curate[lm]'") from error
    return torch


def _cross_entropy(torch: Any, logits: Any, wanted: Any) -> Any:
    return torch.nn.functional.cross_entropy(logits.reshape(-1, logits.shape[-1]).float(), wanted.reshape(-1))


def _stream(table: pa.RecordBatch, number: int) -> Tokens:
    """int32: the tokens of all documents of a target, one after the other."""
    rows = table.filter(pc.equal(table["domain"], number))
    return np.asarray(rows["tokens"].flatten().to_numpy())


def schedule(step: int, steps: int) -> float:
    """Share of the highest learning rate: up along a line, down along a cosine."""
    warm = max(int(steps * WARM_UP), 1)
    if step < warm:
        return (step + 1) / warm
    return LAST + (1 - LAST) * 0.5 * (1 + math.cos(math.pi * (step - warm) / max(steps - warm, 1)))


def decoder(torch: Any, options: Transformer, vocabulary: int) -> Any:
    """The model: int64[n, t] → logits float[n, t, vocabulary]."""
    nn = torch.nn
    width, heads = options.width, options.heads

    class Block(nn.Module):  # type: ignore[name-defined, misc]
        def __init__(self) -> None:
            super().__init__()
            self.before, self.between = nn.LayerNorm(width), nn.LayerNorm(width)
            self.asks, self.gives = nn.Linear(width, 3 * width, bias=False), nn.Linear(width, width, bias=False)
            self.wide, self.narrow = nn.Linear(width, 4 * width, bias=False), nn.Linear(4 * width, width, bias=False)

        def forward(self, x: Any) -> Any:
            n, t, _ = x.shape
            parts = self.asks(self.before(x)).view(n, t, 3, heads, width // heads).permute(2, 0, 3, 1, 4)
            seen = nn.functional.scaled_dot_product_attention(parts[0], parts[1], parts[2], is_causal=True)
            x = x + self.gives(seen.transpose(1, 2).reshape(n, t, width))
            return x + self.narrow(nn.functional.gelu(self.wide(self.between(x))))

    class Decoder(nn.Module):  # type: ignore[name-defined, misc]
        def __init__(self) -> None:
            super().__init__()
            self.words, self.places = nn.Embedding(vocabulary, width), nn.Embedding(options.context, width)
            self.blocks = nn.ModuleList([Block() for _ in range(options.layers)])
            self.last = nn.LayerNorm(width)
            for one in self.parameters():
                if one.ndim >= 2:
                    nn.init.normal_(one, std=0.02)

        def forward(self, tokens: Any) -> Any:
            x = self.words(tokens) + self.places.weight[: tokens.shape[1]]
            for block in self.blocks:
                x = block(x)
            return self.last(x) @ self.words.weight.T

    return Decoder()
