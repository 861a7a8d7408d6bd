"""Name → stage class. The file name is the stage's name; there is no registry."""

from curate.catalog.facts import Facts, Option, describe, summary
from curate.catalog.finding import class_name, did_you_mean, is_path, load_path, names, stage_class
from curate.catalog.words import in_words

__all__ = [
    "Facts",
    "Option",
    "class_name",
    "describe",
    "did_you_mean",
    "in_words",
    "is_path",
    "load_path",
    "names",
    "stage_class",
    "summary",
]
