"""What a report must know of the steps of a recipe, as plain data: recipes and stages are rooms above this one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from curate.report.groups import Grouped

Sign = Literal["<", "<=", ">", ">="]


@dataclass(frozen=True)
class Limit:
    """A threshold of a step: it drops a document whose value of `column` is `sign` than or as `value`."""

    option: str
    """The option that sets it; "" if it was found by the run, as by a share to keep."""
    column: str
    sign: Sign
    value: float
    reason: str

    def breaks(self, values: npt.NDArray[np.generic]) -> npt.NDArray[np.bool_]:
        """Which values are beyond it; NaN is not. The limit is rounded as the column is: 0.3 is not above 0.3."""
        limit = np.asarray(self.value).astype(values.dtype) if values.dtype.kind == "f" else np.float64(self.value)
        with np.errstate(invalid="ignore"):
            match self.sign:
                case "<":
                    return np.asarray(values < limit)
                case "<=":
                    return np.asarray(values <= limit)
                case ">":
                    return np.asarray(values > limit)
                case _:
                    return np.asarray(values >= limit)

    def __str__(self) -> str:
        """As a person would say it: `gopher_n_words < 50`."""
        return f"{self.column} {self.sign} {self.value:g}"


@dataclass(frozen=True)
class Best:
    """What a step keeps that takes the highest scores of the corpus."""

    column: str
    share: float | None
    """Of the weight, 0 to 1; None: `budget` is given."""
    budget: int | None
    by: Literal["documents", "characters", "tokens"]
    tokens_column: str | None = None


@dataclass(frozen=True)
class StepFacts:
    """A step of the recipe that a run carried out."""

    label: str
    name: str
    """The stage; of a user's own, the name of its file."""
    options: str
    """Those that are not at their defaults, in one line."""
    columns: tuple[str, ...] = ()
    """That it adds."""
    limits: tuple[Limit, ...] = ()
    """In the order in which the step asks them: the first that is broken gives the reason."""
    grouped: Grouped | None = None
    """Where it says which documents belong together, if it does and has decided."""
    tokens_column: str | None = None
    """The column that it takes the tokens of a document from."""
    drops: Literal["never", "by limits", "otherwise"] = "otherwise"
    """Whether its limits alone decide what it drops; "otherwise": it must look at the text, or at the corpus."""
    looks_at_corpus: bool = False
    """Whether what it does with a document depends on the others."""
    movable: frozenset[str] = frozenset()
    """Options that can be changed without looking at the documents anew."""
    frozen: bool = False
    """Whether it does what an earlier run decided: its limits hold, whatever the documents are."""
    best: Best | None = None
