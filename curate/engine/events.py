"""What the engine says while a run goes: plain facts, in the order they happen. The screen decides how they look."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TypeAlias


@dataclass(frozen=True)
class FunnelRow:
    """What one step of the recipe did to the documents that reached it; in = out + all reasons, for documents."""

    label: str
    """The step's label in the recipe; `READ` for the opening of the input, whose reasons are what could not be read."""
    documents_in: int
    documents_out: int
    chars_in: int | None = None
    """Characters (code points) of the documents that reached the step; None where nobody counted."""
    chars_out: int | None = None
    unreadable: bool = False
    """Whether this is no step, but what could not be read."""
    reasons: Mapping[str, tuple[int, int | None]] = field(default_factory=dict)
    """reason → (documents, characters) dropped for it; characters None where nobody counted."""

    @property
    def dropped(self) -> int:
        """Documents that did not leave the step."""
        return self.documents_in - self.documents_out


READ = "read"
"""The label of the funnel's first row when some input could not be read."""


@dataclass(frozen=True)
class RunStarted:
    """The plan stands and work begins."""

    recipe: str
    files: int
    documents: int | None
    """None while JSON lines are not counted yet."""
    bytes: int
    """Of the input files, as they lie on disk."""
    workers: int
    """Processes; 0 when the driver does the work itself."""
    out: str
    resumed: bool = False
    """An earlier run with the same output goes on."""
    finished: bool = False
    """It was finished, and nothing has changed since."""


@dataclass(frozen=True)
class KernelsCompiling:
    """The first run on a machine compiles the kernels, which takes up to half a minute; later runs do not say this."""


@dataclass(frozen=True)
class PassStarted:
    """A pass over all units begins. Pass 0, if any, is the import of JSON lines and the look at the ids."""

    number: int
    of: int
    """The number of the last pass."""
    title: str
    """Its steps, in a few words."""
    units: int
    documents: int | None
    """Documents that will be read, None if not known before."""
    bytes: int
    """What the units' `bytes` will add up to."""


@dataclass(frozen=True)
class UnitDone:
    """A unit of work is done, and its files are whole."""

    pass_number: int
    documents: int
    """Documents that were read: kept + dropped + quarantined."""
    bytes: int
    """Of text, or whatever unit `PassStarted.bytes` has."""
    kept: int
    dropped: int
    quarantined: int = 0
    retried: int = 0
    """Times that its worker died before it was done."""
    reused: bool = False
    """Its result was there from an earlier run; no work was done, so it does not count towards the speed."""


@dataclass(frozen=True)
class Resolving:
    """Between two passes, a global step makes its decision."""

    step: str


@dataclass(frozen=True)
class Resolved:
    """A global step has decided."""

    step: str
    text: str
    """What, in one line."""


@dataclass(frozen=True)
class PassDone:
    """A pass, with what is resolved after it, is complete."""

    number: int
    seconds: float
    documents: int
    """Documents that were read."""
    bytes: int
    kept: int
    dropped: int
    quarantined: int = 0
    """Rows that could not be read."""


@dataclass(frozen=True)
class Quarantined:
    """Something of the input could not be read and is kept aside. The first few are named, all are counted."""

    file: str
    row: int | None
    """In a Parquet file, from 0; None when it is the whole file."""
    line: int | None
    """In a file of JSON lines, from 1."""
    reason: str
    error: str


@dataclass(frozen=True)
class Warned:
    """Something that a person should know, and that stops nothing."""

    text: str


@dataclass(frozen=True)
class NothingNew:
    """No input file is new or changed since the last generation, and there is nothing to do."""

    files: int
    """Of the input, all of them known."""
    generations: int
    out: str


@dataclass(frozen=True)
class Published:
    """A generation is there for all to see."""

    number: int
    data: str
    """The folder with its shards."""


@dataclass(frozen=True)
class Waiting:
    """The run stops where it was asked to, before a pass that can now be done in shares."""

    number: int
    """The pass, as in `PassStarted`."""
    of: int
    title: str
    units: int
    """What there is to share."""
    out: str


@dataclass(frozen=True)
class ShareDone:
    """A share of a pass is done."""

    share: str
    """`2/8`"""
    number: int
    """The pass, as in `PassStarted`."""
    of: int
    units: int
    """Of this share."""
    missing: int
    """Units of other shares that are not done yet."""
    out: str
    late: bool = False
    """The pass was complete before, so that there was nothing to do."""


@dataclass(frozen=True)
class RunDone:
    """The output is whole."""

    funnel: tuple[FunnelRow, ...]
    seconds: float
    out: str
    exit_code: int
    """0 all well, 3 something was quarantined."""
    shards: int | None = None
    """Output files written."""
    bytes_out: int | None = None
    """Of the output files."""
    quarantined: int = 0
    broken_files: int = 0
    """Input files that could not be read at all: nobody knows how many documents they have."""
    rows: int | None = None
    """Of the output files, where a step says how often each document is written; None: every survivor, once."""
    report: str | None = None
    """The page about the run; None: there is none."""


@dataclass(frozen=True)
class RunFailed:
    """The run stopped: an error, or the user. The message is whole, with what to try."""

    message: str
    interrupted: bool = False
    """By Ctrl-C: not an error."""


Event: TypeAlias = (
    RunStarted
    | KernelsCompiling
    | PassStarted
    | UnitDone
    | Resolving
    | Resolved
    | PassDone
    | Quarantined
    | Warned
    | NothingNew
    | Published
    | Waiting
    | ShareDone
    | RunDone
    | RunFailed
)

Show: TypeAlias = Callable[[Event], None]
"""What the engine is given to speak to: called in the driver's one thread, never in a worker."""


def silent(event: Event) -> None:
    """Show nothing: for runs from Python and for tests."""
