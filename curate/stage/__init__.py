"""The stage contract: a stage returns exactly one value per document, evidence aside; only the engine removes rows."""

from curate.stage.contract import DEVICES, Column, Outcome, Part, Sign, Stage, Threshold, names_a_column
from curate.stage.corpus import ID_BYTES, Evidence, Global, Grouping, Memory
from curate.stage.groups import Cluster, Keys, Likeness, Match, Sketch
from curate.stage.per_batch import Annotate, Edit, Filter, One, PerBatch, Rewrite

__all__ = [
    "DEVICES",
    "ID_BYTES",
    "Annotate",
    "Cluster",
    "Column",
    "Edit",
    "Evidence",
    "Filter",
    "Global",
    "Grouping",
    "Keys",
    "Likeness",
    "Match",
    "Memory",
    "One",
    "Outcome",
    "Part",
    "PerBatch",
    "Rewrite",
    "Sign",
    "Sketch",
    "Stage",
    "Threshold",
    "names_a_column",
]
