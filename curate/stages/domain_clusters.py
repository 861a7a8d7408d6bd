"""Find the domains of a corpus: cluster the vectors of its documents, merge the clusters, name what comes out."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal, Self

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from pydantic import Field, model_validator

from curate.documents import ID, TEXT, Batch
from curate.domains import kmeans
from curate.domains.artifact import Cluster, Domain, Domains, Example, centred, load
from curate.domains.merging import merge
from curate.domains.naming import names, telling_words
from curate.domains.origin import maker
from curate.domains.projecting import Layout, plane
from curate.domains.sampling import chosen, noted, share_of
from curate.errors import StageError
from curate.kernels.terms import terms
from curate.kernels.vectors import Floats, Ints, is_vector, matrix
from curate.stage import Column, Evidence, Global, Outcome
from curate.weighing import is_number

READ = 2000  # characters of a document that its words are taken from
NAMED_BY = 20_000  # documents of the sample whose words the names are taken from
EXCERPT = 200  # characters of an example
PER_CLUSTER, MOST_CLUSTERS = 40, 1000  # documents of the sample for a cluster; clusters at most


class DomainClusters(Global):
    """Find the domains of a corpus, and say of each document which it is of.

        - embed
        - domain_clusters
        - domain_clusters: {domains: 12, prune: {quality_overall: 2.5}}

    The labels of an earlier run for other documents, by its centroids, and by what its `embed` learned if it was `lsa`:

        - embed: {model: out/first/artifacts/embed.json}
        - domain_clusters: {centroids: out/first/artifacts/domain_clusters.json}

    The clustering of CLIMB (Diao et al. 2025, arXiv:2504.13161): k-means with many clusters, on a sample of the
    documents; clusters whose mean scores are low are pruned, and their documents dropped; the centres of the others are
    merged by Ward linkage to a wanted number of domains, or up to a distance. Every document is then of the domain of
    the cluster that is nearest to it.

    Adds `domain_id`, 0 for the domain with most documents of the sample; `domain_name`, three words that tell it from
    the others; and `domain_distance`, to the centre of the document's own cluster: 1 - cosine, or Euclidean. The
    centres are in `artifacts/domain_clusters.json` of the run: with `centroids`, another run gives the same labels.
    Vectors that are known to come from another embedding than the centroids' are refused.

    Memory while it decides: some 600 MB for a sample of 100,000 vectors of 256 numbers, and in proportion. The result
    depends on ids, texts and vectors alone.

    Reasons: `pruned_cluster`; `no_vector`.
    """

    column: Column = "embedding"
    """Column with the vectors: lists of floats, all of one size. `embed` writes it, or the input has it."""
    clusters: int | None = Field(None, ge=1, le=65_536)
    """Clusters of the first step, 1 to 65,536. null: one for 40 documents of the sample, at most CLIMB's 1,000; of a
    small sample more, so that there are two for a domain."""
    domains: int | None = Field(None, ge=1, le=65_536)
    """Domains to merge the clusters to, 1 to 65,536; null: 20 (CLIMB: 16 to 21), unless `merge_distance` is given."""
    merge_distance: float | None = Field(None, gt=0, allow_inf_nan=False)
    """Merge clusters up to this distance in place of a number: Ward's, between vectors of length 1, or with
    `distance: euclidean` in the vectors' own space; above 0."""
    prune: dict[str, Annotated[float, Field(allow_inf_nan=False)]] = {}
    """Column of scores → the least mean that a cluster must have, in that column's unit; all of them must hold. CLIMB
    kept a quarter of its clusters. What is null, NaN or infinite does not count. The means are in
    the artifact: run with 0, look at them, then choose."""
    sample: int = Field(100_000, ge=1, le=10_000_000)
    """Documents that the clusters are fitted on, at most, chosen by a hash of their ids: 1 to 10 million."""
    sample_share: float | None = Field(None, gt=0, le=1)
    """Share of the documents to note for the sample, above 0 to 1. null: all of a small input, of a large one some
    eight times as many as `sample`."""
    distance: kmeans.Distance = "cosine"
    """How near vectors are: by the angle between them (spherical k-means), or `euclidean`: as they are, their lengths
    too. It makes little difference for those of `embed`, which all have length 1, and takes twice the disk."""
    centroids: str | None = None
    """Path of an artifact of an earlier run; nothing is fitted then, and the labels are those of that run. The vectors
    must come from the same embedding: of `lsa`, `embed: {model: …/artifacts/embed.json}` of that run."""
    shown: int = Field(2000, ge=0, le=100_000)
    """Documents that are put into the artifact for the map (`curate map`), with 200 characters of their text each:
    0 to 100,000. 0 if the artifact is to be shown to others than the documents."""
    layout: Layout = "islands"
    """How the map is laid out: `islands`, domains near those that they are like; `pca`, the two principal components of
    the documents; or `umap` (`pip install 'curate[umap]'`; seeded, and slower)."""
    missing: Literal["keep", "drop", "error"] = "keep"
    """What becomes of a document without a vector: `keep` it without a domain, `drop` it, or stop with an `error`."""
    seed: int = Field(0, ge=0, lt=2**64)
    """Another seed takes another sample and begins elsewhere: an integer from 0 to 2**64 - 1."""

    writes: ClassVar[dict[str, pa.DataType]] = {
        "domain_id": pa.int32(),
        "domain_name": pa.large_string(),
        "domain_distance": pa.float32(),
    }
    reads: ClassVar[tuple[str, ...]] = ()
    decides_by: ClassVar[tuple[str, ...]] = (
        "clusters",
        "domains",
        "merge_distance",
        "sample",
        "layout",
    )
    version: ClassVar[int] = 2
    evidence: ClassVar[pa.Schema] = pa.schema(
        {
            "key": pa.uint64(),
            "row": pa.int64(),
            "vector": pa.list_(pa.float16()),  # of length 1
            "wide": pa.list_(pa.float32()),  # as it is, and in place of that: `euclidean`
            "scores": pa.list_(pa.float64()),
            "words": pa.large_string(),
            "id": pa.large_string(),
            "text": pa.large_string(),  # the beginning
            "made_by": pa.large_string(),  # the embedding
        }
    )

    @model_validator(mode="after")
    def _is_consistent(self) -> Self:
        if self.domains is not None and self.merge_distance is not None:
            raise ValueError("domains and merge_distance are two ways to say how far to merge; give one of them")
        fitting = ("clusters", "domains", "merge_distance", "sample_share")
        given = [name for name in fitting if getattr(self, name) is not None] + (["prune"] if self.prune else [])
        if self.centroids is not None and given:
            raise ValueError(f"with centroids nothing is fitted, and {given[0]} has no meaning; leave one of both out")
        return self

    def for_corpus(self, documents: int) -> Self:
        if self.is_decided() or self.sample_share is not None:
            return self
        return self.model_copy(update={"sample_share": share_of(self.sample, documents)})

    def is_decided(self) -> bool:
        return self.centroids is not None

    def files(self) -> tuple[Path, ...]:
        return (Path(self.centroids),) if self.centroids is not None else ()

    def scratch(self, documents: int, text_bytes: int) -> int:
        vectors = 2 * 256 * documents  # of a usual size
        words = min(text_bytes, READ * documents) + EXCERPT * documents
        return round((self.sample_share or 1.0) * (super().scratch(documents, text_bytes) + vectors + words))

    def columns_read(self) -> tuple[str, ...]:
        text = () if self.is_decided() else (TEXT,)
        return (*text, *super().columns_read(), *(name for name in self.prune if name != self.column))

    def columns_applied(self) -> tuple[str, ...]:
        return (self.column,)

    def check_columns(self, types: Mapping[str, pa.DataType]) -> None:
        kind = types.get(self.column)
        if kind is not None and not is_vector(kind):
            raise ValueError(f"column '{self.column}' is {kind}; vectors are lists of floats, as embed writes them")
        if kind is not None and self.centroids is not None:
            size = kind.list_size if pa.types.is_fixed_size_list(kind) else None
            self._check_fit(load(Path(self.centroids)), kind, size)
        for name in self.prune:
            if name in types and not is_number(types[name]):
                raise ValueError(f"prune: column '{name}' is {types[name]}; a score is a number")

    def observe(self, batch: Batch) -> pa.RecordBatch:
        """A row for each document of the share that is noted; `key` is the hash of its id."""
        vectors, there = self._vectors(batch)
        key, rows = noted(batch[ID], there, self.seed, self.sample_share)
        texts = batch[TEXT].take(pa.array(rows))
        scores = np.zeros((len(rows), len(self.prune)))
        for place, name in enumerate(self.prune):
            scores[:, place] = batch[name].cast(pa.float64(), safe=False).to_numpy(zero_copy_only=False)[rows]
        scores[np.isinf(scores)] = np.nan  # no score, and it would be the mean of its cluster
        mine = vectors[np.searchsorted(there, rows)]
        nothing = np.zeros((len(rows), 0), np.float32)
        half, wide = (nothing, mine) if self.distance == "euclidean" else (mine, nothing)
        return pa.record_batch(
            [
                pa.array(key),
                pa.array(rows),
                _lists(half.astype(np.float16)),
                _lists(wide),
                _lists(scores),
                terms(texts, READ).distinct().joined(len(rows)),
                batch[ID].take(pa.array(rows)),
                pc.utf8_slice_codeunits(texts, 0, EXCERPT if self.shown else 0),
                pa.repeat(pa.scalar(maker(batch[self.column].type), pa.large_string()), len(rows)),
            ],
            schema=self.evidence,
        )

    def resolve(self, evidence: Evidence) -> Domains:
        """Clusters, those that stay, and what they are merged to. Memory: the keys of all that is noted, the sample."""
        x, centre = self._sample(evidence)
        found = chosen(evidence, ["scores", "words", "id", "text", "made_by"], self.sample)
        count = self.clusters or usual_clusters(len(x), self.domains or 20)
        centres = kmeans.fit(x, count, seed=self.seed, distance=self.distance)
        nothing = np.zeros(0, np.int32), np.zeros(0, np.float32)
        label, apart = kmeans.assign(x, centres, self.distance) if len(x) else nothing
        sizes = np.bincount(label, minlength=len(centres))
        means = self._means(found, label, len(centres))
        domain = self._merged(centres, sizes, means)
        clusters = [
            Cluster(domain=None if of < 0 else of, documents=size, means=mean)
            for of, size, mean in zip(domain.tolist(), sizes.tolist(), means, strict=True)
        ]
        return Domains(
            distance=self.distance,
            centre=centre,
            centres=centres,
            clusters=clusters,
            domains=self._named(found, domain[label], int(domain.max(initial=-1)) + 1),
            sample=len(x),
            embedding=self._maker(found),
            layout=self.layout,
            examples=self._examples(found, x, label, apart, domain),
        )

    def artifact_type(self) -> type[Domains]:
        return Domains

    def apply(self, batch: Batch, artifact: Domains | None) -> Outcome:
        artifact = artifact if self.centroids is None and artifact is not None else load(Path(self.centroids or ""))
        vectors, rows = self._vectors(batch)
        if len(rows):
            try:
                self._check_fit(artifact, batch[self.column].type, vectors.shape[1])
            except ValueError as error:
                raise StageError(f"domain_clusters: {error}") from error
        ids, apart = np.full(len(batch), -1), np.full(len(batch), np.nan, np.float32)
        reason = np.full(len(batch), 1 if self.missing == "drop" else -1)
        if len(artifact.clusters) and len(rows):
            cluster, distance = artifact.place(vectors)
            ids[rows] = np.array([-1 if one.domain is None else one.domain for one in artifact.clusters])[cluster]
            apart[rows], reason[rows] = distance, np.where(ids[rows] < 0, 0, -1)
        known = pa.array([domain.name for domain in artifact.domains], pa.large_string())
        columns = {
            "domain_id": pa.array(ids.astype(np.int32), mask=ids < 0),
            "domain_name": known.take(pa.array(ids, mask=ids < 0)),
            "domain_distance": pa.array(apart, mask=np.isnan(apart)),
        }
        reasons = pa.array(["pruned_cluster", "no_vector"], pa.string()).take(pa.array(reason, mask=reason < 0))
        return Outcome(reason=reasons, columns=columns)

    def _check_fit(self, centroids: Domains, kind: pa.DataType, size: int | None) -> None:
        """Raise ValueError if vectors of a column's type cannot be compared with the centroids."""
        misfit = centroids.misfit(maker(kind), size)
        if misfit is None:
            return
        if self.centroids is None:
            raise ValueError(f"{misfit}. Freeze both steps: incremental: {{freeze: [embed, domain_clusters]}}")
        beside = Path(self.centroids).with_name("embed.json")
        raise ValueError(
            f"{self.centroids}: {misfit}. Take the embedding that they were made with: of lsa, what that run learned, "
            f"as in embed: {{model: {beside}}}; else the same model. Or leave out centroids, and fit anew"
        )

    def _maker(self, found: pa.Table) -> str | None:
        """The embedding of the sample's vectors. Raises StageError if they are of several."""
        makers = pc.unique(found["made_by"]).to_pylist() if len(found) else []
        if len(makers) > 1:
            shown = ", ".join(sorted(str(name) for name in makers))
            raise StageError(f"domain_clusters: column '{self.column}' has vectors of several embeddings: {shown}")
        return makers[0] if makers else None

    def _vectors(self, batch: Batch) -> tuple[Floats, npt.NDArray[np.int64]]:
        """The vectors of the documents that have one, and their rows."""
        self.check_columns({self.column: batch[self.column].type})
        found, rows = matrix(batch[self.column], of_length_1=self.distance == "cosine")
        if self.missing == "error" and len(rows) < len(batch):
            first = int(np.setdiff1d(np.arange(len(batch)), rows)[0])
            raise StageError(
                f"domain_clusters: {len(batch) - len(rows)} of {len(batch)} documents have no vector in column "
                f"'{self.column}', the first has id {batch[ID][first].as_py()!r}; say missing: keep or missing: drop"
            )
        return found, rows

    def _sample(self, evidence: Evidence) -> tuple[Floats, Floats]:
        """(the vectors of the sample, `centred`, float32[n, dim]; their mean, float32[1, dim])."""
        name = "wide" if self.distance == "euclidean" else "vector"
        found = chosen(evidence, [name], self.sample)[name].combine_chunks()
        vectors, _ = matrix(found.cast(self.evidence.field(name).type), of_length_1=self.distance == "cosine")
        del found
        mean = vectors.sum(0, dtype=np.float64) / max(len(vectors), 1)
        centre = mean.astype(np.float32)[None, :]
        return centred(vectors, centre, self.distance), centre

    def _means(self, found: pa.Table, label: Ints, k: int) -> list[dict[str, float | None]]:
        """Of each cluster, the mean of each column of scores over the documents that have one."""
        if not len(label):
            return []
        scores = found["scores"].combine_chunks().flatten().to_numpy(zero_copy_only=False).reshape(len(label), -1)
        means: list[dict[str, float | None]] = [{} for _ in range(k)]
        for place, name in enumerate(self.prune):
            there = ~np.isnan(scores[:, place])
            total = np.bincount(label[there], weights=scores[there, place], minlength=k)
            count = np.bincount(label[there], minlength=k)
            for cluster in range(k):
                means[cluster][name] = float(total[cluster] / count[cluster]) if count[cluster] else None
        return means

    def _merged(
        self, centres: Floats, sizes: npt.NDArray[np.int64], means: list[dict[str, float | None]]
    ) -> npt.NDArray[np.int64]:
        """Domain of each cluster, int64[k], the largest 0; -1: pruned. A cluster without any score stays."""
        low = [
            any((mean := of[name]) is not None and mean < least for name, least in self.prune.items()) for of in means
        ]
        kept = np.flatnonzero(~np.array(low, np.bool_))
        domains = self.domains or (None if self.merge_distance is not None else 20)
        group = merge(centres[kept], domains=domains, distance=self.merge_distance)
        size = np.bincount(group, weights=sizes[kept])
        rank = np.empty(len(size), np.int64)
        rank[np.argsort(-size, kind="stable")] = np.arange(len(size))
        domain = np.full(len(centres), -1)
        domain[kept] = rank[group]
        return domain

    def _examples(
        self, found: pa.Table, x: Floats, label: Ints, apart: Floats, domain: npt.NDArray[np.int64]
    ) -> list[Example]:
        """The first documents of the sample, on the map."""
        n = min(self.shown, len(x))
        shown = centred(x[:n], np.zeros((1, x.shape[1]), np.float32))  # a map goes by angles
        places = plane(shown, domain[label[:n]], self.layout, self.seed)
        ids, texts = (found[name].slice(0, n).to_pylist() for name in ("id", "text"))
        rows = zip(ids, label.tolist(), apart.tolist(), places.tolist(), texts, strict=False)
        return [
            Example(id=id, cluster=cluster, distance=round(far, 4), x=x, y=y, text=text)
            for id, cluster, far, (x, y), text in rows
        ]

    def _named(self, found: pa.Table, domain: npt.NDArray[np.int64], count: int) -> list[Domain]:
        here = np.flatnonzero(domain >= 0)
        sizes = np.bincount(domain[here], minlength=count).tolist()
        few = here[:NAMED_BY]
        texts = found["words"].combine_chunks().take(pa.array(few)) if len(few) else pa.array([], pa.large_string())
        words = telling_words(texts, domain[few], count)
        return [
            Domain(name=name, words=mine, documents=size)
            for name, mine, size in zip(names(words), words, sizes, strict=True)
        ]


def usual_clusters(documents: int, domains: int) -> int:
    """How many clusters so many documents are put into if nothing is said."""
    two_each = min(2 * domains, max(documents // 4, 1))
    return max(min(documents // PER_CLUSTER, MOST_CLUSTERS), two_each)


def _lists(values: npt.NDArray[Any]) -> pa.ListArray:
    """The rows of a matrix as lists."""
    steps = np.arange(len(values) + 1, dtype=np.int32) * values.shape[1]
    return pa.ListArray.from_arrays(pa.array(steps), pa.array(values.reshape(-1)))
