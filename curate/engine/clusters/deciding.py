"""How a `Cluster` stage decides, in four rounds of tasks: pairs, edges, groups, verdicts.

1. Pairs: a range of keys gives the documents that share one. Work per key is bounded.
2. Edges: a range of documents, and the pairs whose first member is in it. Each pair is compared once, by its sets.
3. Groups: one task, arrays over the documents that have an edge. Which document is kept, and how large its group is.
4. Verdicts: a range of documents, and for each one that is in a group: what is kept in its place, how alike they are.

What is decided does not depend on how keys and documents are cut into ranges: pairs are a property of the documents of
a bucket, groups of all edges together, and the document that is kept of a total order. Only how many pairs had to be
compared for that does, where components are looked for: see `Summary`.
"""

from __future__ import annotations

from dataclasses import asdict
from functools import cached_property

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from curate.documents import EARLIER, earlier_run
from curate.engine.clusters.comparing import compare, similarities
from curate.engine.clusters.grouping import kept_of
from curate.engine.clusters.summary import Summary
from curate.engine.context import Context
from curate.engine.rounds import VERDICTS, Range, Rounds
from curate.kernels.overlap import jaccards
from curate.kernels.union_find import bucket_pairs, components, first_keep
from curate.recipe import Step
from curate.stage import Cluster
from curate.store import evidence
from curate.store.arrow import ArrowFile
from curate.store.evidence import DOCUMENT, KEY, EvidenceFiles
from curate.store.files import write_json
from curate.store.fixed import first_address
from curate.store.index import Record
from curate.store.sketches import SketchFiles, SketchPaths

MOST = 64
"""Different documents in a bucket of which every pair is compared; in larger ones each is compared with HUBS."""
HUBS = 8  # and as many again where there are earlier runs

PAIRS = pa.schema([(KEY, pa.uint64()), ("other", pa.uint64()), ("same", pa.bool_())])
"""Of candidates, and of those of them that are alike; `same`: of the same text in normal form."""
GROUPS = pa.schema([(DOCUMENT, pa.uint64()), ("kept", pa.uint64()), ("size", pa.int64())])

_Unsigned = npt.NDArray[np.uint64]


class Clusters(Rounds):
    """The decision of one `Cluster` stage of a run."""

    stays = ("groups", VERDICTS)

    def __init__(self, context: Context, step: Step, number: int) -> None:
        """number: the pass that made the sketches."""
        super().__init__(context, step, number)
        assert isinstance(step.stage, Cluster)
        self.stage = step.stage
        self.likeness = step.stage.likeness()

    @cached_property
    def earlier(self) -> tuple[Record, ...]:
        """What earlier runs kept, by the index."""
        seen = self.context.inputs.earlier.get(self.step.label)
        return seen.records if seen is not None else ()

    @cached_property
    def sketches(self) -> SketchFiles:
        """Of this run and of earlier ones."""
        return SketchFiles([*self._own, *((r.first, r.sketches) for r in self.earlier)], self.stage.documents())

    @cached_property
    def own_sketches(self) -> SketchFiles:
        """Of this run alone."""
        return SketchFiles(self._own, self.stage.documents())

    @property
    def _own(self) -> list[tuple[int, SketchPaths]]:
        units = self.context.inputs.units
        return [(int(first_address(u)), self.folder.sketches(self.number, u.stem, self.step.label)) for u in units]

    def cuts(self) -> dict[str, list[tuple[int, int]]]:
        """Keys, documents, all, documents."""
        by_keys, by_documents = self.keys.ranges(), self.context.inputs.ranges()
        return {"pairs": by_keys, "edges": by_documents, "groups": [(0, 2**64 - 1)], VERDICTS: by_documents}

    def run(self, task: Range) -> None:
        """Do a part of a round; what it makes is whole when this returns."""
        work = {"pairs": self._pairs, "edges": self._edges, "groups": self._groups, VERDICTS: self._verdicts}
        work[task.round](task)

    def summary(self) -> Summary:
        """What was decided, when it is."""
        return Summary(**ArrowFile(self.folder.between(self.step.label, "groups-000")).facts["summary"])

    def dropped(self) -> npt.NDArray[np.uint64]:
        """Addresses of the documents that are dropped, ascending."""
        groups = self._groups_found()
        document = groups.column(DOCUMENT).to_numpy()
        return np.asarray(document[document != groups.column("kept").to_numpy()])

    def _pairs(self, task: Range) -> None:
        schema = evidence.stored_schema(self.stage.evidence)
        parts = [part.cast(schema) for part in self.keys.scan(schema.names, task.low, task.high)]
        if self.earlier:
            own = np.unique(np.concatenate([np.zeros(0, np.uint64), *(part.column(KEY).to_numpy() for part in parts)]))
            parts += EvidenceFiles([record.keys for record in self.earlier]).matching(own, schema.names)
        table = pa.concat_tables([schema.empty_table(), *parts]).combine_chunks()
        members = table.take(pa.array(_repeated(table.column(KEY).to_numpy())))
        key, document, twin = (members.column(name).to_numpy() for name in (KEY, DOCUMENT, "twin"))
        order = np.lexsort((document, twin, key))
        hubs = 2 * HUBS if self.earlier else HUBS
        if self.likeness.method == "greedy":
            order = order[self._rather_kept_first(key[order], twin[order], document[order])]
        a, b, same, found = bucket_pairs(key[order], twin[order], document[order], MOST, hubs, np.uint64(EARLIER))
        order = np.lexsort((same, b, a))
        a, b, same = a[order], b[order], same[order]
        new = np.ones(len(a), bool)
        new[1:] = (a[1:] != a[:-1]) | (b[1:] != b[:-1])
        rows = pa.table([pa.array(column[new]) for column in (a, b, same)], schema=PAIRS)
        self.write(task, rows, large_buckets=found.large, largest_bucket=found.largest)

    def _rather_kept_first(self, key: _Unsigned, twin: _Unsigned, document: _Unsigned) -> npt.NDArray[np.int64]:
        """An order of rows that are sorted by (key, twin, document): in large buckets, what is rather kept comes first.

        Greedily, documents are dropped for such as are kept: others could not stand for a bucket.
        """
        new_key, new_text = np.ones(len(key), bool), np.ones(len(key), bool)
        new_key[1:] = key[1:] != key[:-1]
        new_text[1:] = new_key[1:] | (twin[1:] != twin[:-1])
        bucket, text = np.cumsum(new_key) - 1, np.cumsum(new_text) - 1
        large = np.bincount(bucket[new_text], minlength=1)[bucket] > MOST
        if not large.any():
            return np.arange(len(key))
        documents, places = np.unique(document[large], return_inverse=True)
        rank, place = np.empty(len(documents), np.int64), np.zeros(len(key), np.int64)
        by_rank = self._by_rank(documents)
        foreign = int(np.count_nonzero(documents >= np.uint64(EARLIER)))
        # By turns one of earlier runs and one of this: each document is to meet some of both.
        rank[by_rank[:foreign]] = 2 * np.arange(foreign)
        rank[by_rank[foreign:]] = 2 * np.arange(len(documents) - foreign) + 1
        place[large] = rank[places]
        best = np.minimum.reduceat(place, np.flatnonzero(new_text))
        return np.lexsort((document, twin, best[text], key))

    def _by_rank(self, documents: _Unsigned) -> npt.NDArray[np.int64]:
        """Documents, whose addresses ascend, in the order of the stage; but what earlier runs kept comes first."""
        own = int(np.searchsorted(documents, np.uint64(EARLIER)))
        facts = self.sketches.of(documents[:own], ["source", "prefer", "tie"])
        keys = [documents[:own], *(facts.column(name).to_numpy() for name in ("tie", "prefer", "source"))]
        return np.concatenate([np.arange(own, len(documents)), np.lexsort(keys)])

    def _edges(self, task: Range) -> None:
        pairs = EvidenceFiles(self.found("pairs")).sorted_range(PAIRS, task.low, task.high)
        a, b = pairs.column(KEY).to_numpy(), pairs.column("other").to_numpy()
        same = pairs.column("same").to_numpy()
        new = np.ones(len(a), bool)
        new[1:] = (a[1:] != a[:-1]) | (b[1:] != b[:-1])
        a, b = a[new], b[new]
        same = np.logical_or.reduceat(same, np.flatnonzero(new)) if len(same) else same
        alike, compared = np.ones(len(a), bool), 0
        if self.likeness.verify:
            found = compare(self.sketches, self.likeness, a[~same], b[~same])
            alike[~same], compared = found.alike, found.compared
        rows = pa.table([pa.array(column[alike]) for column in (a, b, same)], schema=PAIRS)
        identical, joined = int(np.count_nonzero(same)), int(np.count_nonzero(alike))
        counts = {"identical": identical, "candidates": len(a) - identical, "compared": compared}
        self.write(task, rows, **counts, alike=joined - identical if compared else 0)

    def _groups(self, task: Range) -> None:
        edges = pa.concat_tables(
            [PAIRS.empty_table(), *EvidenceFiles(self.found("edges")).scan(PAIRS.names)]
        ).combine_chunks()
        a, b = edges.column(KEY).to_numpy(), edges.column("other").to_numpy()
        nodes, places = np.unique(np.concatenate([a, b]), return_inverse=True)
        own = int(np.searchsorted(nodes, np.uint64(EARLIER)))
        copies = self.sketches.of(nodes[:own], ["copies"]).column("copies").to_numpy()
        by_rank = self._by_rank(nodes)
        rank = np.empty(len(nodes), np.int64)
        rank[by_rank] = np.arange(len(nodes))
        same = edges.column("same").to_numpy()
        found = kept_of(len(nodes), rank[places[: len(a)]], rank[places[len(a) :]], same, self.likeness.method)
        kept = by_rank[found[rank]]  # of each node, the node that is kept in its place
        size = np.bincount(kept[:own], copies, len(nodes)).astype(np.int64)
        size[own:] += 1  # what an earlier run kept is of the group too
        document = nodes[:own]
        rows = pa.table([pa.array(document), pa.array(nodes[kept[:own]]), pa.array(size[kept[:own]])], schema=GROUPS)
        summary = asdict(self._summary(rows))
        write_json(self.folder.small_artifact(self.step.label), summary)
        self.write(task, rows, summary=summary)  # at last: it says that the round is done

    def _summary(self, groups: pa.Table) -> Summary:
        document, kept, size = (groups.column(name).to_numpy() for name in GROUPS.names)
        pairs = [ArrowFile(path).facts for path in self.found("pairs")]
        edges = [ArrowFile(path).facts for path in self.found("edges")]
        gone = document != kept
        return Summary(
            documents=sum(map(len, self.own_sketches.documents())),
            groups=len(np.unique(kept[gone])),
            dropped=int(np.count_nonzero(gone)),
            dropped_by_index=int(np.count_nonzero(kept >= np.uint64(EARLIER))),
            largest_group=int(size[gone].max(initial=0)),
            identical=sum(fact["identical"] for fact in edges),
            candidates=sum(fact["candidates"] for fact in edges),
            compared=sum(fact["compared"] for fact in edges),
            alike=sum(fact["alike"] for fact in edges),
            large_buckets=sum(fact["large_buckets"] for fact in pairs),
            largest_bucket=max((fact["largest_bucket"] for fact in pairs), default=0),
        )

    def _verdicts(self, task: Range) -> None:
        groups = self._groups_found()
        document = groups.column(DOCUMENT).to_numpy()
        low, high = np.searchsorted(document, np.array([task.low, task.high + 1], np.uint64))
        document, kept = document[low:high], groups.column("kept").to_numpy()[low:high]
        size = groups.column("size").to_numpy()[low:high]
        gone = document != kept
        similarity = np.ones(len(document), np.float32)
        similarity[gone] = similarities(self.sketches, self.likeness, document[gone], kept[gone])
        others, at = np.unique(kept[gone], return_inverse=True)
        places = np.zeros(len(document), np.int64)
        places[gone] = at
        ids = self.sketches.of(others, ["id"]).column("id") if len(others) else pa.array([], pa.large_string())
        rows = {
            DOCUMENT: pa.array(document),
            "kept": pa.array(~gone),
            "size": pa.array(size),
            "similarity": pa.array(similarity, mask=~gone),
            "like": ids.take(pa.array(places, mask=~gone)),
            "earlier": pa.array(earlier_run(kept), mask=kept < np.uint64(EARLIER)),
        }
        path = self.folder.large_artifact(self.step.label, task.part)
        evidence.write_artifact(path, pa.table(rows), {"fingerprint": self.stamp(task)})

    def _groups_found(self) -> pa.Table:
        return pa.Table.from_batches(ArrowFile(self.folder.between(self.step.label, "groups-000")).batches, GROUPS)


def warm_up() -> None:
    """Have the kernels compiled."""
    few, keys = np.arange(2), np.zeros(2, np.uint64)
    bucket_pairs(keys, keys, keys, MOST, HUBS, np.uint64(EARLIER))
    components(2, few, few)
    first_keep(2, few, few)
    jaccards(np.arange(3), np.arange(2, dtype=np.uint32), few, few, 0.5, None)


def _repeated(key: npt.NDArray[np.uint64]) -> npt.NDArray[np.int64]:
    """Rows whose key another row has too."""
    order = np.argsort(key)
    ordered = key[order]
    same = np.zeros(len(key) + 1, bool)
    same[1:-1] = ordered[1:] == ordered[:-1]
    return np.asarray(order[same[1:] | same[:-1]])
