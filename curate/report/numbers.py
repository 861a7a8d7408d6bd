"""All that a report shows of a run, as data: gathered here, drawn by `page`."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa

from curate.report.facts import Document, Run
from curate.report.groups import Group, Groups
from curate.report.samples import KEPT, Picks, shares
from curate.report.scan import Scan, scan
from curate.report.steps import StepFacts
from curate.report.tables import known_columns
from curate.store.files import read_json

KEPT_SHOWN, DROPPED_SHOWN, OF_ONE_STEP = 6, 60, 8  # documents of which the text is shown: at most some 70
QUICK, THOROUGH = 500_000, 5_000_000  # documents that are looked at, at the end of a run and when asked to
GROUPED = 5_000_000  # documents of a run, above which its groups of repeats are left to `curate inspect`
GROUPS_SHOWN, REPEATS_SHOWN = 4, 2  # of each step that keeps one document of each group
TOKENS = ("n_tokens", "num_tokens", "token_count", "tokens")
"""Columns with the tokens of a document, if no step names another one."""


@dataclass(frozen=True)
class FunnelStep:
    """What one step did to the documents that reached it."""

    label: str
    documents_in: int
    documents_out: int
    chars_in: int | None
    """Characters; None where nobody counted."""
    chars_out: int | None
    reasons: Mapping[str, tuple[int, int | None]]
    """reason → (documents, characters) dropped for it, the most frequent first."""
    unreadable: bool = False
    """Whether this is no step, but what could not be read."""

    @property
    def dropped(self) -> int:
        return self.documents_in - self.documents_out


@dataclass(frozen=True)
class StepSamples:
    """Some documents that a step dropped."""

    label: str
    dropped: int
    by_reason: tuple[tuple[str, int, tuple[Document, ...]], ...]
    """(reason, documents dropped for it, some of them)."""


@dataclass(frozen=True)
class StepTime:
    """How long a step worked in this run, all workers together."""

    label: str
    seconds: float
    documents: int
    """That reached it."""
    chars: int | None


@dataclass(frozen=True)
class Tokens:
    """Tokens of the documents, if a column has them."""

    column: str | None = None
    kept: int | None = None
    after: Mapping[str, int] = field(default_factory=dict)
    """Label of a step → tokens of the documents that it left."""


@dataclass(frozen=True)
class Point:
    """A document on a map."""

    x: float
    y: float
    domain: str
    about: str
    """Its id, and its beginning."""


@dataclass(frozen=True)
class Numbers:
    """A report, but for how it looks."""

    title: str
    digest: str
    """See `digest_of`: what tells whether a page is of this run."""
    manifest: Mapping[str, Any]
    steps: tuple[StepFacts, ...]
    funnel: tuple[FunnelStep, ...]
    recipe: str
    """Its text, as the run folder has it."""
    kept: tuple[Document, ...] = ()
    dropped: tuple[StepSamples, ...] = ()
    times: tuple[StepTime, ...] = ()
    tokens: Tokens = Tokens()
    scan: Scan | None = None
    duplicates: tuple[tuple[str, tuple[Group, ...]], ...] = ()
    """Label of a step → the largest groups of repeats that it found."""
    domain_words: Mapping[str, Sequence[str]] = field(default_factory=dict)
    """Name of a domain → the words that tell it from the others."""
    domain_map: tuple[Point, ...] = ()
    """Documents in the plane, near each other if they are about the same; none if the run left none behind."""
    notes: list[str] = field(default_factory=list)
    """What a reader should know of how the numbers were come by."""

    @property
    def done(self) -> bool:
        return bool(self.manifest["state"] == "done")

    @property
    def documents_in(self) -> int:
        return self.funnel[0].documents_in if self.funnel else 0

    @property
    def documents_out(self) -> int:
        return self.funnel[-1].documents_out if self.funnel else 0

    @property
    def chars_in(self) -> int | None:
        """Characters of all documents that could be read."""
        return next((step.chars_in for step in self.funnel if not step.unreadable), None)

    @property
    def chars_out(self) -> int | None:
        return self.funnel[-1].chars_out if self.funnel else None

    @property
    def reused(self) -> bool:
        """Whether some of the work was done by an earlier run, so that the times are not those of all documents."""
        units, timings = self.manifest["input"].get("units", 0), self.manifest.get("timings", {})
        return any(timings.get(f"pass-{number}", {}).get("units", 0) < units for number in self.manifest["passes"])


def gather(
    run: Run, steps: Sequence[StepFacts], recipe: str, title: str, by: Sequence[str] = (), most: int = THOROUGH
) -> Numbers:
    """All numbers of a run, be it done or not. Reads its ledgers, and texts of what is shown only.

    by: columns to tell documents apart by, beside those that are known by name. most: documents that are looked at.
    """
    funnel = funnel_of(run.manifest)
    tokens = tokens_column(run, steps)
    found = scan(run, steps, tokens, by, max(KEPT_SHOWN, OF_ONE_STEP), most) if run.passes else None
    kept, dropped = _samples(run, funnel, found.picks) if found is not None else ((), ())
    words, points = _domains(run)
    return Numbers(
        title=title,
        digest=digest_of(run.manifest, recipe),
        manifest=run.manifest,
        steps=tuple(steps),
        funnel=funnel,
        recipe=recipe,
        kept=kept,
        dropped=dropped,
        times=_times(run.manifest, steps, funnel),
        tokens=_tokens(steps, tokens, found),
        scan=found,
        duplicates=_duplicates(run, steps, found),
        domain_words=words,
        domain_map=points,
        notes=_notes(found),
    )


def digest_of(manifest: Mapping[str, Any], recipe: str) -> str:
    """SHA-256 of a run's recipe and of what it found, not of when and how fast: 64 hexadecimal digits."""
    lasting = {name: manifest.get(name) for name in ("schema", "state", "funnel", "decisions", "models", "output")}
    lasting |= {"curate": manifest["versions"]["curate"], "recipe": recipe, "name": manifest.get("recipe")}
    return hashlib.sha256(json.dumps(lasting, sort_keys=True).encode()).hexdigest()


def _times(
    manifest: Mapping[str, Any], steps: Sequence[StepFacts], funnel: Sequence[FunnelStep]
) -> tuple[StepTime, ...]:
    """In the order of the recipe; a step that looks at the corpus works in two passes."""
    seconds: dict[int, float] = {}
    for times in manifest.get("timings", {}).values():
        for number, spent in times.get("steps", {}).items():
            seconds[int(number)] = seconds.get(int(number), 0.0) + float(spent)
    by_label = {row.label: row for row in funnel}
    found = []
    for number, spent in sorted(seconds.items()):
        if number <= len(steps):
            label = steps[number - 1].label
            row = by_label.get(label)
            found.append(StepTime(label, spent, row.documents_in if row else 0, row.chars_in if row else None))
    return tuple(found)


def funnel_of(manifest: Mapping[str, Any]) -> tuple[FunnelStep, ...]:
    """The funnel that a manifest tells of."""
    return tuple(
        FunnelStep(
            label=row["label"],
            documents_in=row["documents_in"],
            documents_out=row["documents_out"],
            chars_in=row.get("chars_in"),
            chars_out=row.get("chars_out"),
            reasons={
                reason: (documents, chars)
                for reason, (documents, chars) in sorted(row["reasons"].items(), key=lambda one: (-one[1][0], one[0]))
            },
            unreadable=bool(row.get("unreadable")),
        )
        for row in manifest.get("funnel", [])
    )


def tokens_column(run: Run, steps: Sequence[StepFacts]) -> str | None:
    """The column that says how many tokens a document has: one that a step takes them from, or one of a known name."""
    known = known_columns(run)
    names = [*(step.tokens_column for step in steps if step.tokens_column), *TOKENS]
    return next((name for name in names if pa.types.is_integer(known.type_of(name) or pa.null())), None)


def _tokens(steps: Sequence[StepFacts], column: str | None, found: Scan | None) -> Tokens:
    if column is None or found is None or found.tokens is None:
        return Tokens()
    first = next((index for index, step in enumerate(steps) if column in step.columns), 0)
    after = {step.label: int(found.tokens[index + 1 :].sum()) for index, step in enumerate(steps) if index >= first}
    return Tokens(column, int(found.tokens[-1]), after)


def _duplicates(run: Run, steps: Sequence[StepFacts], found: Scan | None) -> tuple[tuple[str, tuple[Group, ...]], ...]:
    """The largest groups; of a run that is too large to be looked at whole, none."""
    if found is None or found.of > GROUPED:
        return ()
    grouped = [step.grouped for step in steps if step.grouped is not None]
    return tuple((one.label, tuple(Groups(run, one).largest(GROUPS_SHOWN, REPEATS_SHOWN))) for one in grouped)


def _domains(run: Run) -> tuple[dict[str, list[str]], tuple[Point, ...]]:
    """(words of each domain, points of a map), of the first step that left domains in its artifact."""
    folder = run.folder.small_artifact("").parent
    for path in sorted(folder.glob("*.json")) if folder.is_dir() else ():
        found = read_json(path)
        artifact = found.get("artifact") if isinstance(found, dict) else None
        if not isinstance(artifact, dict):
            continue
        domains = artifact.get("domains")
        if isinstance(domains, list) and all(isinstance(one, dict) and "words" in one for one in domains):
            return {str(one["name"]): list(map(str, one["words"])) for one in domains}, tuple(_points(artifact))
    return {}, ()


def _points(artifact: Mapping[str, Any]) -> Iterator[Point]:
    """Documents of the sample that the domains were found in, if they have places on a map."""
    domain_of = [one["domain"] for one in artifact.get("clusters", ())]
    for one in artifact.get("examples", ()):
        domain = domain_of[one["cluster"]]
        name = "(pruned)" if domain is None else str(artifact["domains"][domain]["name"])
        yield Point(float(one["x"]), float(one["y"]), name, f"{one['id']}: {one['text']}")


def _notes(found: Scan | None) -> list[str]:
    if found is None or not found.sampled:
        return []
    return [
        f"Scores, groups, overlaps and samples are of {found.documents:,} of the {found.of:,} documents: whole units of"
        " work, chosen by a hash. The funnel is of all."
    ]


def _samples(
    run: Run, funnel: Sequence[FunnelStep], picks: Picks
) -> tuple[tuple[Document, ...], tuple[StepSamples, ...]]:
    """Some documents that were kept, and some for each step that dropped any."""
    dropping = [step for step in funnel if step.dropped and not step.unreadable]
    wanted = {KEPT: KEPT_SHOWN}
    each = max(1, min(OF_ONE_STEP, DROPPED_SHOWN // max(len(dropping), 1)))
    for step in dropping:
        counts = {f"{step.label}/{reason}": documents for reason, (documents, _) in step.reasons.items()}
        wanted |= shares(counts, each)
    found = picks.documents(run, wanted)
    dropped = tuple(
        StepSamples(
            step.label,
            step.dropped,
            tuple(
                (reason, documents, tuple(found[f"{step.label}/{reason}"]))
                for reason, (documents, _) in step.reasons.items()
                if found.get(f"{step.label}/{reason}")
            ),
        )
        for step in dropping
    )
    return tuple(found.get(KEPT, ())), dropped
