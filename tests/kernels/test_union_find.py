"""Components against SciPy; greedy survivors by their definition; pairs of buckets against all pairs."""

import itertools

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from curate.kernels.union_find import Buckets, bucket_pairs, components, first_keep

ALL = 2**64 - 1


@st.composite
def graphs(draw):
    n = draw(st.integers(1, 30))
    node = st.integers(0, n - 1)
    pairs = draw(st.lists(st.tuples(node, node), max_size=40))
    return n, *np.array(pairs, np.int64).reshape(-1, 2).T


def by_scipy(n, a, b):
    count, labels = connected_components(coo_array((np.ones(len(a)), (a, b)), (n, n)), directed=False)
    smallest = np.full(count, n)
    np.minimum.at(smallest, labels, np.arange(n))
    return smallest[labels]


@settings(deadline=None, max_examples=200)
@given(graph=graphs())
def test_components(graph):
    assert components(*graph).tolist() == by_scipy(*graph).tolist()


def test_components_of_many():
    n = 200_000
    a, b = np.random.default_rng(1).integers(0, n, (2, n // 2))
    assert (components(n, a, b) == by_scipy(n, a, b)).all()
    chain = np.arange(n - 1)[::-1]
    assert not components(n, chain, chain + 1).any()
    assert components(3, np.zeros(0, np.int64), np.zeros(0, np.int64)).tolist() == [0, 1, 2]


@settings(deadline=None, max_examples=200)
@given(graph=graphs())
def test_first_keep(graph):
    n, a, b = graph
    neighbours = [set() for _ in range(n)]
    for one, other in zip(a.tolist(), b.tolist(), strict=True):
        neighbours[one].add(other)
        neighbours[other].add(one)
    kept, wanted = set(), []
    for node in range(n):
        before = sorted(other for other in neighbours[node] if other < node and other in kept)
        wanted.append(before[0] if before else node)
        if not before:
            kept.add(node)
    assert first_keep(n, a, b).tolist() == wanted


def test_first_keep_does_not_chain():
    assert first_keep(3, np.array([0, 1]), np.array([1, 2])).tolist() == [0, 0, 2]
    assert components(3, np.array([0, 1]), np.array([1, 2])).tolist() == [0, 0, 0]


def in_plain_python(rows, most, hubs, first_foreign):
    """What `bucket_pairs` says, of sorted rows (key, twin, document)."""
    pairs, large, largest = [], 0, 0
    for key, bucket in itertools.groupby(rows, lambda row: row[0]):
        by_twin = [[row[2] for row in same] for _, same in itertools.groupby(bucket, lambda row: row[1])]
        if key % 2:
            pairs += [(group[0], other, True) for group in by_twin for other in group[1:]]
            continue
        first = [group[0] for group in by_twin]
        large += len(first) > most
        largest = max(largest, len(first))
        pairs += [
            (one, other, False)
            for i, one in enumerate(first)
            for other in first[i + 1 :]
            if len(first) <= most or i < hubs
        ]
    found = [(min(a, b), max(a, b), same) for a, b, same in pairs if a != b and min(a, b) < first_foreign]
    return found, Buckets(large, largest)


def pairs_of(rows, most, hubs, first_foreign):
    key, twin, document = np.array(rows, np.uint64).reshape(-1, 3).T
    a, b, same, seen = bucket_pairs(key, twin, document, most, hubs, np.uint64(first_foreign))
    assert (a.dtype, b.dtype, same.dtype) == (np.uint64, np.uint64, np.bool_)
    return list(zip(a.tolist(), b.tolist(), same.tolist(), strict=True)), seen


@settings(deadline=None, max_examples=300)
@given(
    rows=st.lists(st.tuples(st.integers(0, 4), st.integers(0, 5), st.integers(0, 20)), max_size=60).map(sorted),
    most=st.integers(1, 8),
    hubs=st.integers(1, 3),
    first_foreign=st.sampled_from([0, 10, 15, ALL]),
)
def test_bucket_pairs(rows, most, hubs, first_foreign):
    assert pairs_of(rows, most, hubs, first_foreign) == in_plain_python(rows, most, hubs, first_foreign)


def test_a_bucket_of_many_copies_and_one_of_many_documents():
    """The work grows with the size of a bucket, not with its square."""
    n = 100_000
    copies = [(2, 7, i) for i in range(n)]
    assert pairs_of(copies, 64, 8, ALL) == ([], Buckets(0, 1))
    exact, seen = pairs_of([(3, 7, i) for i in range(n)], 64, 8, ALL)
    assert exact == [(0, i, True) for i in range(1, n)]
    assert seen == Buckets(0, 0)
    crowd, seen = pairs_of([(4, i, i) for i in range(n)], 64, 8, ALL)
    assert len(crowd) == sum(n - 1 - hub for hub in range(8))
    assert seen == Buckets(1, n)


def test_keys_near_the_largest():
    rows = [(ALL - 1, ALL, ALL - 3), (ALL - 1, ALL, ALL - 2), (ALL, ALL, ALL - 3), (ALL, ALL, ALL - 2)]
    assert pairs_of(rows, 64, 8, ALL) == ([(ALL - 3, ALL - 2, True)], Buckets(0, 1))
