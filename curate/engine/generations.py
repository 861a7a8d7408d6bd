"""Runs that follow each other: each takes what is new of the input, and what was published before stays as it is.

Under the output folder: `generations/gen-0007/`, a run folder as any other; `data/gen-0007/`, what it keeps, hidden as
`data/.gen-0007` until all of it is there; `index/<step>/`, what deduplication remembers; and `manifest.json`, which
names the generations that are published. A generation is there as soon as that file names it, and not before.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import curate
from curate import recipe as recipes
from curate.documents import ID, TEXT
from curate.engine import driver, intake, seal
from curate.engine.events import NothingNew, Published, Resolved, RunDone, Show, Warned, silent
from curate.engine.manifest import read
from curate.errors import RecipeError, StoreError
from curate.executors import Executor
from curate.recipe import Recipe, Step
from curate.remembering import Remembering
from curate.stage import Cluster, Global, Match
from curate.store import system
from curate.store.files import read_json, sha256, whole, write_json
from curate.store.folder import GENERATIONS, RunFolder
from curate.store.inputs import InputFile, Listing
from curate.store.lock import alone

SCHEMA = 1
"""Of the manifest; raised when a field changes its meaning or goes away."""
_FIRST = 1


@dataclass(frozen=True)
class Stream:
    """The output folder of a recipe with `incremental`."""

    root: Path

    @property
    def manifest(self) -> Path:
        return self.root / "manifest.json"

    @property
    def recipe(self) -> Path:
        """The recipe as the last generation was begun with it, `incremental` and all."""
        return RunFolder(self.root).recipe

    @property
    def pending(self) -> Path:
        """Which files the generation in the making takes: it is finished with them, whatever has come since."""
        return self.root / "pending.json"

    def folder(self, number: int) -> RunFolder:
        """The run folder of a generation."""
        return RunFolder(self.root / GENERATIONS / f"gen-{number:04d}")

    def index(self, label: str) -> Path:
        """What a step of deduplication remembers."""
        return self.root / "index" / label

    def published(self) -> list[dict[str, Any]]:
        """What the manifest says of each generation. Raises RecipeError if the folder is of another kind of run."""
        if not self.manifest.exists():
            return []
        data = read_json(self.manifest)
        if "generations" not in data:
            raise RecipeError(f"{self.root}: it is the output of a run without `incremental`; name another output.path")
        if data["schema"] != SCHEMA:
            raise StoreError(f"{self.manifest}: schema {data['schema']}; this version of curate reads {SCHEMA}")
        return list(data["generations"])


def run(
    recipe: Recipe, executor: Executor, show: Show = silent, settings: driver.Settings | None = None
) -> RunDone | None:
    """Make the next generation of a recipe with `incremental`, or go on with one that was stopped.

    None: no input file is new. Raises as `driver.run`.
    """
    settings = settings or driver.Settings()
    source = recipe.source or "recipe"
    if settings.fresh or settings.limit is not None:
        raise RecipeError(
            f"{source}: incremental: what was published stays, so --fresh and --limit have no place here; "
            "try another folder: --set output.path=…"
        )
    stream = Stream(Path(recipe.output.path))
    others = stream.folder(_FIRST).root.parent.exists() or stream.manifest.exists()
    if stream.root.is_dir() and not others and RunFolder(stream.root).others():
        raise RecipeError(f"{source}: output.path = {stream.root}: the folder has other files in it; name an own one")
    stream.root.mkdir(parents=True, exist_ok=True)
    with alone(stream.root / ".lock"):
        return _Next(recipe, stream, show, settings).run(executor)


@dataclass
class _Next:
    """The making of one generation."""

    recipe: Recipe
    stream: Stream
    show: Show
    settings: driver.Settings

    def run(self, executor: Executor) -> RunDone | None:
        done = self.stream.published()
        listing = intake.listing(self.recipe)
        number = len(done) + _FIRST
        files, begun = self._files(listing, done, number)
        if not files:
            self.show(NothingNew(len(listing.files), len(done), str(self.stream.root)))
            return None
        frozen = self._frozen(number)  # complains before anything is written
        self._warn(files, done)
        self._keep_recipe()
        write_json(self.stream.pending, {"generation": number, "files": [_state(file) for file in files]})
        folder = self.stream.folder(number)
        recipe = self._of(number, folder)
        settings = replace(
            self.settings,
            generation=True,
            fresh=begun == "otherwise",
            only=frozenset(file.name for file in files),
            frozen=frozen,
        )
        result = driver.run(recipe, executor, self.show, settings)
        self._publish(number, files, done, folder)
        self.show(Published(number, str(folder.published_data)))
        return result

    def _files(
        self, listing: Listing, done: Sequence[Mapping[str, Any]], number: int
    ) -> tuple[Sequence[InputFile], str]:
        """The files to take, and whether this generation was begun with them, or otherwise."""
        known = {(f["name"], f["size"], f["mtime_ns"]) for generation in done for f in generation["files"]}
        new = [file for file in listing.files if (file.name, file.size, file.mtime_ns) not in known]
        if not self.stream.pending.exists():
            return new, ""
        pending = read_json(self.stream.pending)
        if pending["generation"] != number:  # it was published, and stopped before this could be removed
            return new, ""
        asked = {(f["name"], f["size"], f["mtime_ns"]) for f in pending["files"]}
        begun = [file for file in listing.files if (file.name, file.size, file.mtime_ns) in asked]
        if len(begun) == len(asked):
            return begun, "with these"
        self.show(Warned(f"generation {number} was begun with files that have changed since; it begins anew"))
        return new, "otherwise"

    def _warn(self, files: Sequence[InputFile], done: Sequence[Mapping[str, Any]]) -> None:
        before = {file["name"]: generation["number"] for generation in done for file in generation["files"]}
        for file in files:
            if file.name in before:
                self.show(
                    Warned(
                        f"{file.name} has changed since generation {before[file.name]}: it is taken again, whole; "
                        "what was published of it then stays"
                    )
                )

    def _keep_recipe(self) -> None:
        """The recipe of all generations, for who changes it: that of a generation is about that one alone."""
        with whole(self.stream.recipe) as part:
            part.write_text(recipes.dump(seal.anywhere(self.recipe)), encoding="utf-8", newline="\n")

    def _of(self, number: int, folder: RunFolder) -> Recipe:
        """The recipe of one generation: its own folder, and an index for each step that can have one."""
        steps = tuple(self._remembering(step) for step in self.recipe.stages)
        output = self.recipe.output.model_copy(update={"path": str(folder.root)})
        return self.recipe.model_copy(update={"output": output, "incremental": None, "stages": steps})

    def _remembering(self, step: Step) -> Step:
        stage = step.stage
        if not isinstance(stage, Remembering) or stage.index is not None:
            return step
        index = Path(os.path.abspath(self.stream.index(step.label)))
        return replace(step, stage=stage.model_copy(update={"index": index}))

    def _frozen(self, number: int) -> dict[str, str]:
        """Label → the decision of the first generation, for the steps whose decision is kept."""
        assert self.recipe.incremental is not None
        found: dict[str, str] = {}
        for label in self.recipe.incremental.freeze:
            step = next((step for step in self.recipe.stages if step.label == label), None)
            if step is None or not isinstance(step.stage, Global) or isinstance(step.stage, Match | Cluster):
                able = ", ".join(
                    step.label
                    for step in self.recipe.stages
                    if isinstance(step.stage, Global) and not isinstance(step.stage, Match | Cluster)
                )
                raise RecipeError(
                    f"{self.recipe.source or 'recipe'}: incremental.freeze: '{label}' is no step whose decision could "
                    f"be kept; there {f'are {able}' if able else 'is none here'}"
                )
            self._check_what_it_reads(step)
            if number > _FIRST:
                path = self.stream.folder(_FIRST).small_artifact(label)
                if not path.exists():
                    raise RecipeError(
                        f"{self.recipe.source or 'recipe'}: incremental.freeze: the first generation decided nothing "
                        f"as '{label}'; leave it out, or begin in another folder"
                    )
                found[label] = os.path.abspath(path)
                self.show(Resolved(label, f"as generation {_FIRST} decided"))
        return found

    def _check_what_it_reads(self, step: Step) -> None:
        """A decision that is kept must be about columns that mean the same in each generation."""
        assert self.recipe.incremental is not None
        kept, read = self.recipe.incremental.freeze, {*step.read()} - {ID, TEXT}
        for other in self.recipe.stages[: step.index - 1]:
            of = other.stage
            decides = isinstance(of, Global) and not isinstance(of, Match | Cluster) and not of.is_decided()
            columns = sorted(read & set(other.written()))
            if decides and columns and other.label not in kept:
                together = [one.label for one in self.recipe.stages if one.label in (*kept, other.label)]
                raise RecipeError(
                    f"{self.recipe.source or 'recipe'}: incremental.freeze: '{step.label}' reads column "
                    f"'{columns[0]}', and '{other.label}', which writes it, decides anew in each generation: "
                    f"its values would not mean the same; keep both: freeze: [{', '.join(together)}]"
                )

    def _publish(
        self, number: int, files: Sequence[InputFile], done: Sequence[Mapping[str, Any]], folder: RunFolder
    ) -> None:
        """All files are there: give them their name, then name them in the manifest."""
        hidden, final = folder.hidden_data, folder.published_data
        if hidden.exists():
            system.move(hidden, final)
        manifest = read(folder)
        entry = {
            "number": number,
            "published": datetime.now(UTC).isoformat(timespec="seconds"),
            "files": [_state(file) for file in files],
            "run": folder.root.relative_to(self.stream.root).as_posix(),
            "data": final.relative_to(self.stream.root).as_posix(),
            "accounting": manifest["accounting"],
            "output": manifest["output"],
            "recipe": sha256(folder.recipe),
        }
        state = {"schema": SCHEMA, "versions": {"curate": curate.__version__}, "generations": [*done, entry]}
        write_json(self.stream.manifest, state)
        self.stream.pending.unlink()


def _state(file: InputFile) -> dict[str, Any]:
    """What tells whether a file is as it was."""
    return {name: asdict(file)[name] for name in ("name", "size", "mtime_ns")}
