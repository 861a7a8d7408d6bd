"""mixture against walking round and round by hand, and its known answers."""

import json
from collections import Counter
from fractions import Fraction

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from curate.errors import CurateError, RecipeError, StageError
from curate.kernels.hashing import hash64_one
from curate.mixtures import Demand, read_weights, shares, unimax
from curate.stages.mixture import Mixture
from tests.stages.harness import batch_of, cut, run

document = st.tuples(st.integers(0, 30), st.sampled_from(["web", "books", "code", None]))
corpora = st.lists(document, min_size=1, max_size=40)
sizes = st.lists(st.integers(1, 9), max_size=6)
mixtures = st.fixed_dictionaries({name: st.sampled_from([0, 0.5, 1, 3]) for name in ("web", "books", "code")}).filter(
    lambda weights: any(weights.values())
)


def corpus(rows):
    weight, domain = zip(*rows, strict=True)
    return batch_of([""] * len(rows), n=pa.array(weight, pa.int64()), d=pa.array(domain, pa.string()))


def tokens(**options):
    return Mixture(domain="d", by="tokens", tokens_column="n", **options)


def walked(rows, domain, end, seed):
    """How often each document of a domain is taken by going round and round until the weight `end`."""
    order = sorted(
        (hash64_one(f"d{i}", seed ^ 0x6F72646572), f"d{i}", n) for i, (n, d) in enumerate(rows) if d == domain
    )
    counts, taken = Counter(), 0
    while sum(n for _, _, n in order) and taken < end:
        for _, name, n in order:
            if taken >= end or (taken + n > end and 2 * (end - taken) < n):
                return counts, taken
            counts[name] += 1
            taken += n
    return counts, taken


@settings(deadline=None, max_examples=200)
@given(
    rows=corpora,
    sizes=sizes,
    weights=mixtures,
    later=mixtures,
    budget=st.integers(1, 600),
    policy=st.sampled_from(["redistribute", "shrink", "accept"]),
    max_epochs=st.integers(1, 5),
    seed=st.integers(0, 3),
)
def test_phases_go_round_and_round(rows, sizes, weights, later, budget, policy, max_epochs, seed):
    phases = [{"name": "main", "share": 0.75}, {"name": "end", "share": 0.25, "weights": later}]
    stage = tokens(weights=weights, budget=budget, shortfall=policy, max_epochs=max_epochs, schedule=phases, seed=seed)
    found = run(stage, [cut(unit, [3, 2]) for unit in cut(corpus(rows), sizes)])
    expected = {"main": Counter(), "end": Counter()}
    for domain in found.artifact.domains:
        assert domain.ends[-1] <= max_epochs * domain.weight
        counts, taken = walked(rows, domain.name, domain.ends[0], seed)
        both, taken_by_both = walked(rows, domain.name, domain.ends[1], seed)
        assert domain.taken == (taken, taken_by_both)
        expected["main"] += counts
        expected["end"] += both - counts
    heavy = [f"d{i}" for i, (n, _) in enumerate(rows) if n]  # a document of no weight at an end makes no difference
    for phase, counts in expected.items():
        for name in heavy:
            assert (found.columns[f"repeat_{phase}"][name] or 0) == counts[name]
    for name in heavy:
        taken = expected["main"][name] + expected["end"][name] > 0
        domain = rows[int(name[1:])][1]
        weight = domain is not None and (weights[domain] or later[domain])
        why = "no_domain" if domain is None else "not_sampled" if weight else "no_weight"
        assert found.reasons[name] == (None if taken else why)


@settings(deadline=None, max_examples=100)
@given(
    there=st.lists(st.integers(0, 50), min_size=1, max_size=5),
    weights=st.lists(st.integers(1, 9), min_size=5, max_size=5),
    budget=st.integers(1, 400),
    max_epochs=st.integers(1, 4),
)
def test_policies(there, weights, budget, max_epochs):
    names = [f"m{i}" for i in range(len(there))]
    total = sum(weights[: len(names)])
    mix = {name: Fraction(weights[i], total) for i, name in enumerate(names)}
    most = {name: max_epochs * size for name, size in zip(names, there, strict=True)}
    sizes = dict(zip(names, there, strict=True))
    exact = {name: Fraction(weights[i], total) for i, name in enumerate(names)}
    for policy in ("redistribute", "shrink", "accept"):
        [given] = Demand(sizes, [(1.0, mix)], max_epochs, "tokens", policy).served(budget)
        assert all(given[name] <= most[name] for name in names)
        if policy == "redistribute":
            assert sum(given.values()) == min(budget, sum(most.values()))
            served = [given[name] / mix[name] for name in names if given[name] < most[name]]
            assert not served or max(served) - min(served) <= 2 / min(mix.values())  # in proportion, to the unit
        elif policy == "shrink":
            shrunk = min(budget, *(int(most[name] / exact[name]) for name in names))
            total = sum(given.values())  # the budget itself, if what its parts are rounded to is there
            assert shrunk - len(names) <= total <= budget
            assert all(abs(given[name] - total * exact[name]) <= 2 for name in names)
        else:
            assert all(abs(given[name] - min(most[name], budget * exact[name])) <= 1 for name in names)
    if any(budget * exact[name] > most[name] + 1 for name in names):
        with pytest.raises(StageError, match="max_epochs"):
            Demand(sizes, [(1.0, mix)], max_epochs, "tokens", "error").served(budget)


def test_without_a_budget_the_whole_of_the_scarcest_domain_is_taken_once():
    rows = [(10, "web")] * 100 + [(10, "books")] * 10
    found = run(tokens(weights={"web": 0.75, "books": 0.25}), [[corpus(rows)]])
    by = Counter(rows[int(name[1:])][1] for name in found.kept)
    assert by == {"web": 30, "books": 10}
    assert set(found.columns["repeat_count"].values()) <= {0, 1}


def test_shares_are_met_within_one_percent():
    rng = np.random.default_rng(1)
    wanted = {"a": 0.5, "b": 0.3, "c": 0.2}
    n = 30_000
    weight, domain = rng.integers(1, 1000, n), rng.choice(list("abc"), n, p=[0.8, 0.15, 0.05])
    found = run(tokens(weights=wanted, budget=8_000_000), [[corpus(list(zip(weight.tolist(), domain, strict=True)))]])
    taken = Counter()
    for name, count in found.columns["repeat_count"].items():
        taken[domain[int(name[1:])]] += int(weight[int(name[1:])]) * (count or 0)
    total = sum(taken.values())
    assert abs(total - 8_000_000) < 1500
    for name, share in wanted.items():
        assert abs(taken[name] / total - share) < 0.001
    assert max(found.columns["repeat_count"].values()) == 3  # c is taken 2.1 times
    assert found.artifact.warning is None


def test_the_rules_of_the_sizes():
    sizes = {"sw": 5, "de": 60, "en": 1000}
    assert unimax(sizes, 400, 4) == {"sw": 20, "de": 190, "en": 190}  # the paper's rule, worked out by hand
    assert shares("unimax", sizes, budget=400) == {
        "sw": Fraction(1, 20),
        "de": Fraction(19, 40),
        "en": Fraction(19, 40),
    }
    assert shares("natural", sizes)["en"] == Fraction(1000, 1065)
    assert shares("uniform", {**sizes, "xx": 0}) == {**dict.fromkeys(sizes, Fraction(1, 3)), "xx": 0}
    found = shares("temperature", sizes, 1)
    assert all(abs(found[name] - share) < 1e-15 for name, share in shares("natural", sizes).items())
    assert shares("temperature", {"a": 1, "b": 16}, 4) == {"a": Fraction(1, 3), "b": Fraction(2, 3)}
    assert shares("natural", {"a": 0}) == {"a": 0}


def test_unimax_takes_what_it_says():
    rows = [(1, "sw")] * 5 + [(1, "de")] * 60 + [(1, "en")] * 1000
    found = run(tokens(weights="unimax", budget=400), [[corpus(rows)]])
    assert {domain.name: domain.taken[-1] for domain in found.artifact.domains} == {"sw": 20, "de": 190, "en": 190}


def test_what_is_short_is_said():
    rows = [(10, "web")] * 10 + [(10, "books")]
    found = run(tokens(weights={"web": 1, "books": 1}, budget=100, shortfall="accept"), [[corpus(rows)]])
    assert found.artifact.warning == (
        "10 of 100 tokens short; books has 44.4% of the mixture in place of 50.0%; "
        "web has 55.6% of the mixture in place of 50.0%"
    )
    assert "web 55.6% (0.50 epochs), books 44.4% (4.00 epochs)" in found.artifact.summary


@pytest.mark.parametrize(
    ("options", "rows", "words"),
    [
        ({"weights": {"web": 1, "books": 1}, "budget": 100}, [(10, "web")], "'books' a weight, but no document"),
        ({"weights": {"web": 1}, "budget": 10}, [(10, "web"), (1, "other")], "unlisted: drop"),
        ({"weights": {"web": 1}, "budget": 100}, [(10, "web")], "10.0 times all of it"),
    ],
)
def test_weights_that_do_not_fit_the_corpus(options, rows, words):
    with pytest.raises(StageError, match=words):
        run(tokens(**options), [[corpus(rows)]])


def test_a_corpus_without_any_domain():
    rows = [(10, None), (5, None)]
    found = run(tokens(weights="natural"), [[corpus(rows)]])
    assert set(found.reasons.values()) == {"no_domain"}
    assert found.artifact.warning == "nothing is taken: no document has a domain"
    with pytest.raises(StageError, match="nothing can be taken: there are 0 tokens in 0 domains"):
        run(tokens(budget=5), [[corpus(rows)]])
    with pytest.raises(StageError, match="nothing can be taken: there are 0 tokens in 1 domains"):
        run(tokens(), [[corpus([(0, "web")])]])


@pytest.mark.parametrize("sizes", [(7, 11, 13), (49, 51, 53, 97), range(1, 8), [10] * 10])
@pytest.mark.parametrize("rule", ["natural", "uniform"])
def test_all_that_can_be_had_is_taken(sizes, rule):
    """Shares are exact: a share that is a little less in floating point would cost a document."""
    rows = [(1, f"m{i}") for i, size in enumerate(sizes) for _ in range(size)]
    found = run(Mixture(domain="d", by="documents", weights=rule), [[corpus(rows)]])
    assert len(found.kept) == (len(rows) if rule == "natural" else min(sizes) * len(sizes))
    assert found.artifact.warning is None


@pytest.mark.parametrize(
    ("policy", "budget", "taken"),
    [("accept", 80, 40), ("accept", None, 100), ("redistribute", 80, 80), ("redistribute", None, 100)],
)
def test_a_weighted_domain_that_the_corpus_lacks(policy, budget, taken):
    stage = Mixture(
        domain="d", by="documents", weights={"gone": 0.5, "web": 0.5}, budget=budget, shortfall=policy
    )  # fmt: skip
    found = run(stage, [[corpus([(1, "web")] * 100)]])
    assert sum(found.columns["repeat_count"].values()) == taken
    assert found.artifact.warning
    assert max(found.columns["repeat_count"].values()) == 1


def test_shrinking_to_nothing_is_said():
    stage = Mixture(domain="d", by="documents", weights={"gone": 0.5, "web": 0.5}, budget=80, shortfall="shrink")
    found = run(stage, [[corpus([(1, "web")] * 100)]])
    assert found.kept == set()
    assert found.artifact.warning == "nothing is taken: all domains lack it"


def test_unimax_is_over_all_phases():
    rows = [(1, "web")] * 100 + [(1, "books")] * 50
    phases = [{"name": "main", "share": 0.5}, {"name": "end", "share": 0.5}]
    found = run(tokens(weights="unimax", budget=500, schedule=phases), [[corpus(rows)]])
    assert {domain.name: domain.taken[-1] for domain in found.artifact.domains} == {"books": 200, "web": 300}


def test_names_in_files_are_as_they_are_written(tmp_path):
    path = tmp_path / "weights.yaml"
    path.write_text("weights: {no: 0.5, on: 0.25, 010: 0.25}", encoding="utf-8")
    assert read_weights(path) == {"no": 0.5, "on": 0.25, "010": 0.25}


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"weights": {"a": 0}}, "at least one domain"),
        ({"weights": {"a": -1}}, "greater than or equal to 0"),
        ({"weights": {"a": float("inf")}}, "finite number"),
        ({"weights": "unimax"}, "needs a budget"),
        ({"schedule": [{"name": "a", "share": 0.5}]}, "must sum to 1"),
        ({"schedule": [{"name": "a", "share": 0.5}, {"name": "a", "share": 0.5}]}, "same name"),
        ({"schedule": [{"name": "../a", "share": 1}]}, "pattern"),
        ({"max_epochs": 17}, "less than or equal to 16"),
    ],
)
def test_options_that_cannot_be(options, words):
    with pytest.raises(ValidationError, match=words):
        Mixture(domain="d", by="documents", **options)


def test_weights_from_a_file(tmp_path):
    path = tmp_path / "weights.yaml"
    path.write_text("seed: 3\nweights:\n  web: 0.7\n  7: 0.3\n", encoding="utf-8")
    assert read_weights(path) == {"web": 0.7, "7": 0.3}
    path.write_text(json.dumps({"web": 1}), encoding="utf-8")
    assert read_weights(path) == {"web": 1.0}
    stage = Mixture(domain="d", by="documents", weights=str(path))
    assert stage.files() == (path,)
    assert run(stage, [[corpus([(1, "web")])]]).kept == {"d0"}
    for content, words in [
        ("weights: [1, 2]", "expected domains with their weights"),
        ("weights: {}", "expected domains with their weights"),
        ("web: yes", "is yes"),
        ("web: .nan", "is .nan"),
        ("web: nan", "is nan"),
        ("web: [0.5]", "is "),
        ("web: -1", "is -1"),
        ("web: 0", "all weights are 0"),
        ("web: [", "no YAML"),
        ("a: !!python/object/apply:os.system [ls]", "a weight is a number"),
    ]:
        path.write_text(content, encoding="utf-8")
        with pytest.raises(RecipeError, match=words):
            read_weights(path)
    with pytest.raises(CurateError, match="cannot be read"):
        read_weights(tmp_path / "absent.yaml")
