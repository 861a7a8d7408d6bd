"""select against sorting by hand, and against the best of all subsets."""

import json
import math
from collections import Counter, defaultdict
from fractions import Fraction
from itertools import combinations

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from curate.errors import StageError
from curate.kernels.hashing import hash64_one
from curate.stages.mixture import Mixture
from curate.stages.sample import Sample
from curate.stages.select import Select
from tests.stages.harness import batch_of, cut, run

STRATEGIES = {
    "uniform": {},
    "equi_domain": {"domain": "d"},
    "org_domain": {"domain": "d"},
    "multi_domain": {"source": "s", "domain": "d"},
}
row = st.tuples(
    st.sampled_from([1.0, 2.0, 3.0, 3.0, 4.0, 5.0, -0.0, math.inf]),
    st.integers(0, 30),
    st.sampled_from(["web", "books", None]),
    st.sampled_from(["a", "b", "c", None]),
)
rows = st.lists(row, min_size=1, max_size=40)
sizes = st.lists(st.integers(1, 9), max_size=6)


def corpus(rows):
    score, weight, source, domain = zip(*rows, strict=True)
    return batch_of(
        [""] * len(rows),
        q=pa.array(score, pa.float64()),
        n=pa.array(weight, pa.int64()),
        s=pa.array(source, pa.string()),
        d=pa.array(domain, pa.string()),
    )


def parts_by_hand(budget, cells, strategy):
    """DataMan's budgets, in the words of the paper: by source, then inside of each by domain; to the unit after all."""
    weight = {cell: sum(w for _, w in members) for cell, members in cells.items()}
    total = sum(weight.values())
    if strategy == "equi_domain":
        there = [cell for cell in cells if weight[cell]]
        return {cell: Fraction(budget, len(there)) if weight[cell] else Fraction(0) for cell in cells}
    parts = {}
    for source in {cell[0] for cell in cells}:
        inside = {cell: w for cell, w in weight.items() if cell[0] == source}
        of_source = Fraction(budget * sum(inside.values()), total) if total else Fraction(0)
        for cell, w in inside.items():
            parts[cell] = of_source * w / sum(inside.values()) if sum(inside.values()) else Fraction(0)
    return parts


@settings(deadline=None, max_examples=150)
@given(
    rows=rows, sizes=sizes, budget=st.integers(1, 200), strategy=st.sampled_from([*STRATEGIES]), seed=st.integers(0, 3)
)
def test_each_cell_takes_its_best(rows, sizes, budget, strategy, seed):
    total = sum(w for _, w, _, _ in rows)
    options = STRATEGIES[strategy]
    stage = Select(
        criteria=["q"], budget=budget, by="tokens", tokens_column="n", strategy=strategy, seed=seed,
        shortfall="redistribute", **options,
    )  # fmt: skip
    found = run(stage, [cut(unit, [3, 2]) for unit in cut(corpus(rows), sizes)])
    members = defaultdict(list)
    for i, (score, weight, source, domain) in enumerate(rows):
        cell = (source if "source" in options else None, domain if "domain" in options else None)
        members[cell].append((-score, hash64_one(f"d{i}", seed ^ 0x73656C656374), weight, f"d{i}"))
    decided = {(cell.source, cell.domain): cell for cell in found.artifact.cells}
    assert set(decided) == set(members)
    assert sum(cell.budget for cell in decided.values()) == min(budget, total)
    parts = parts_by_hand(budget, {c: [(0, w) for _, _, w, _ in m] for c, m in members.items()}, strategy)
    if all(part <= sum(w for _, _, w, _ in members[cell]) - 1 for cell, part in parts.items()):  # none falls short
        assert all(abs(decided[cell].budget - part) < 1 for cell, part in parts.items())
    kept = set()
    for cell, those in members.items():
        taken = 0
        for _, _, weight, name in sorted(those):
            if taken >= decided[cell].budget:
                break
            taken += weight
            kept.add(name)
        assert decided[cell].taken == taken
        heaviest = max(weight for _, _, weight, _ in those)
        assert decided[cell].budget <= taken < decided[cell].budget + max(heaviest, 1)
    if all(weight for _, weight, _, _ in rows):
        assert found.kept == kept
    else:  # documents of no weight at the very end of a prefix make no difference
        assert {name for name in found.kept ^ kept if rows[int(name[1:])][1]} == set()


@settings(deadline=None, max_examples=60)
@given(rows=st.lists(row, min_size=1, max_size=11), data=st.data(), lowest=st.booleans())
def test_no_subset_of_the_same_size_is_better(rows, data, lowest):
    rows = [(min(q, 9.0), 1, s, d) for q, _, s, d in rows]
    budget = data.draw(st.integers(1, len(rows)))
    for strategy, options in STRATEGIES.items():
        stage = Select(
            criteria=["q", "q"], budget=budget, strategy=strategy, shortfall="redistribute", lowest=lowest, **options
        )
        found = run(stage, [[corpus(rows)]])
        assert len(found.kept) == budget
        for cell in found.artifact.cells:
            inside = [
                (2 * q, f"d{i}")
                for i, (q, _, s, d) in enumerate(rows)
                if (s if "source" in options else None, d if "domain" in options else None)
                == (cell.source, cell.domain)
            ]
            sums = [sum(chosen) for chosen in combinations([q for q, _ in inside], cell.budget)]
            assert sum(q for q, name in inside if name in found.kept) == (min if lowest else max)(sums)


@settings(deadline=None, max_examples=80)
@given(rows=rows, sizes=sizes, budget=st.integers(1, 200), given=st.tuples(st.integers(1, 5), st.floats(0.1, 9)),
       by=st.sampled_from(["org_domain", "multi_domain"]))  # fmt: skip
def test_shares_by_hand(rows, sizes, budget, given, by):
    """By hand: the budget by the given numbers, inside of a source by domain; to the unit after all."""
    place, names = (2, ("web", "books")) if by == "multi_domain" else (3, ("a", "b"))
    shares = {name: share for name, share in zip(names, given, strict=True) if name in {row[place] for row in rows}}
    if not shares:
        return
    stage = Select(
        criteria=["q"], budget=budget, by="tokens", tokens_column="n", strategy=by, shares=shares,
        shortfall="redistribute", **STRATEGIES[by],
    )  # fmt: skip
    found = run(stage, [cut(unit, [3, 2]) for unit in cut(corpus(rows), sizes)])
    of = {name: sum(w for _, w, *names in rows if names[place - 2] == name) for name in shares}
    whole = sum((Fraction(repr(share)) for name, share in shares.items() if of[name]), Fraction(0))
    wanted = {name: budget * Fraction(repr(share)) / whole for name, share in shares.items() if of[name]}
    cells = found.artifact.cells
    assert sum(cell.budget for cell in cells) == min(budget, sum(of.values()))
    for cell in cells:
        name = cell.source if by == "multi_domain" else cell.domain
        if name not in shares:
            assert cell.budget == cell.taken == 0
        elif of[name] and all(
            part <= of[other] - 4 for other, part in wanted.items()
        ):  # none falls short, not by a rounding either
            assert abs(cell.budget - wanted[name] * cell.weight / of[name]) < 1
    assert all(rows[int(name[1:])][place] in shares for name in found.kept)


def test_shares_of_what_is_not_there():
    pool = batch_of([""] * 2, q=[1, 2], d=["law", "it"])
    with pytest.raises(StageError, match="shares names 'laws', which no document has; did you mean 'law'"):
        run(Select(criteria=["q"], budget=1, strategy="org_domain", domain="d", shares={"laws": 1}), [[pool]])
    short = Select(criteria=["q"], budget=2, strategy="org_domain", domain="d", shares={"law": 1})
    with pytest.raises(StageError, match="domain 'law' have 1 documents, but 2 are to be taken"):
        run(short, [[pool]])


def test_ties_do_not_follow_the_order_of_the_corpus():
    n = 10_000
    pool = batch_of([""] * n, q=[5] * n, s=["a"] * 6000 + ["b"] * 3000 + ["c"] * 1000)
    found = run(Select(criteria=["q"], share=0.2), [[pool]])
    sources = Counter(pool["s"][int(name[1:])].as_py() for name in found.kept)
    assert len(found.kept) == 2000
    for source, share in (("a", 0.6), ("b", 0.3), ("c", 0.1)):
        assert abs(sources[source] / 2000 - share) < 4 * math.sqrt(share * (1 - share) / 2000)


def test_org_domain_keeps_the_shares_of_the_input():
    rng = np.random.default_rng(0)
    n = 20_000
    domains = rng.choice(list("abc"), n, p=[0.7, 0.2, 0.1]).tolist()
    tokens = rng.integers(1, 1000, n)
    pool = batch_of([""] * n, q=rng.integers(1, 6, n), n=tokens, d=domains)
    stage = Select(criteria=["q"], budget=2_000_000, by="tokens", tokens_column="n", strategy="org_domain", domain="d")
    found = run(stage, [[pool]])
    for name in "abc":
        before = sum(t for t, d in zip(tokens, domains, strict=True) if d == name) / tokens.sum()
        (cell,) = [cell for cell in found.artifact.cells if cell.domain == name]
        assert abs(cell.taken / sum(cell.taken for cell in found.artifact.cells) - before) < 0.01 * before


def test_repeats_explain_what_is_taken():
    rng = np.random.default_rng(1)
    tokens = rng.integers(50, 150, 400)
    domains = ["rare"] * 40 + ["common"] * 360
    pool = batch_of([""] * 400, q=rng.integers(1, 6, 400), n=tokens, d=domains)
    rare = int(tokens[:40].sum())
    stage = Select(
        criteria=["q"], budget=6 * rare, by="tokens", tokens_column="n", strategy="equi_domain", domain="d",
        shortfall="repeat",
    )  # fmt: skip
    found = run(stage, [[pool]])
    counts = found.columns["repeat_count"]
    taken = sum(counts[f"d{i}"] * int(tokens[i]) for i in range(40) if f"d{i}" in found.kept)
    assert taken == next(cell for cell in found.artifact.cells if cell.domain == "rare").taken
    assert 3 * rare <= taken < 3 * rare + 150
    assert {counts[f"d{i}"] for i in range(40)} == {3}
    assert {counts[name] for name in found.kept if int(name[1:]) >= 40} == {1}
    with pytest.raises(StageError, match=r"would repeat them 3\.\d times, and max_repeats is 2"):
        run(stage.model_copy(update={"max_repeats": 2, "budget": 7 * rare}), [[pool]])


def test_part_of_an_epoch_goes_to_the_best():
    pool = batch_of([""] * 4, q=[1, 4, 2, 3])
    found = run(Select(criteria=["q"], budget=10, shortfall="repeat"), [[pool]])
    assert found.columns["repeat_count"] == {"d0": 2, "d1": 3, "d2": 2, "d3": 3}


def test_a_temperature_draws_in_proportion():
    """At a low temperature it is the top; at a high one a random sample; in between the first is drawn as it should."""
    n = 3000
    pool = batch_of([""] * n, q=[1.0, 2.0, 3.0] * (n // 3))
    draw = {t: run(Select(criteria=["q"], budget=1000, temperature=t), [[pool]]).kept for t in (0.01, 2.0, 1000)}
    of = {t: Counter(int(name[1:]) % 3 for name in kept) for t, kept in draw.items()}
    assert of[0.01] == {2: 1000}
    assert of[2.0][2] > of[2.0][1] > of[2.0][0] > 0
    assert all(abs(count - 333) < 70 for count in of[1000].values())
    small = batch_of([""] * 2, q=[0.0, 1.0])
    first = [
        run(Select(criteria=["q"], budget=1, temperature=1, seed=seed), [[small]]).kept == {"d1"} for seed in range(300)
    ]
    wanted = 1 / (1 + math.exp(-2))  # z is -1 and 1
    assert abs(sum(first) / 300 - wanted) < 4 * math.sqrt(wanted * (1 - wanted) / 300)


def test_targets():
    pool = batch_of([""] * 5, q=[5, 4, 5, 5, 1], d=["x", "x", "y", None, "x"])
    stage = Select(criteria=["q"], share=1, target_scores=[5, 4], target_domains=["x"], domain="d")
    assert run(stage, [[pool]]).reasons == {
        "d0": None, "d1": None, "d2": "not_target_domain", "d3": "not_target_domain", "d4": "not_target_score",
    }  # fmt: skip
    for options in ({"target_domains": ["x"], "domain": "d"}, {"target_scores": [5]}):  # one without the other
        kept = run(Select(criteria=["q"], share=1, **options), [[pool]]).kept
        assert kept == ({"d0", "d1", "d4"} if "domain" in options else {"d0", "d2", "d3"})


@pytest.mark.parametrize("kind", [pa.float16(), pa.float32(), pa.float64()])
def test_target_scores_are_compared_as_exactly_as_their_columns_are(kind):
    near = [4.2, float(np.nextafter(np.float32(4.2), np.float32(5))), 4.3]
    q = pa.array(near, pa.float64()).cast(kind)
    found = run(Select(criteria=["q"], share=1, target_scores=[4.2]), [[batch_of([""] * 3, q=q)]])
    assert found.kept == {"d0"} if kind != pa.float16() else {"d0", "d1"}  # the same number in a float16
    parts = {"a": pa.array([0.1, 0.1, 1.1], kind), "b": pa.array([0.2, 0.25, 3.1], kind), "c": pa.array([0, 0, 0])}
    found = run(Select(criteria=["a", "b", "c"], share=1, target_scores=[0.3, 4.2]), [[batch_of([""] * 3, **parts)]])
    assert found.kept == {"d0", "d2"}
    whole = run(Select(criteria=["c"], share=1, target_scores=[0, 1e-300]), [[batch_of([""] * 3, c=[0, 0, 1])]])
    assert whole.kept == {"d0", "d1"}


@pytest.mark.parametrize("amount", [{"budget": 2}, {"share": 0.5}])
def test_targets_that_no_document_has_are_named(amount):
    pool = batch_of([""] * 4, q=pa.array([5, 4, 5, 4.2], pa.float32()), d=["law", "law", "law", None])
    wrong = {"target_domains": ["laws", "Law"], "domain": "d"}
    for shortfall in ("error", "repeat") if "budget" in amount else ("error",):
        with pytest.raises(
            StageError, match=r"0 documents to choose from; .* has domain 'laws', domain 'Law'; look for"
        ):
            run(Select(criteria=["q"], shortfall=shortfall, **amount, **wrong), [[pool]])
    with pytest.raises(StageError, match=r"has score 4\.5; look for a typing error"):
        run(Select(criteria=["q"], target_scores=[4.5], **amount), [[pool]])
    nothing = run(Select(criteria=["q"], shortfall="redistribute", **amount, **wrong), [[pool]])
    assert nothing.kept == set()
    assert "domain 'laws', domain 'Law'" in nothing.artifact.warning
    options = {"target_domains": ["law", "laws"], "target_scores": [5, 4, 3.5], "domain": "d", **amount}
    for units in ([[pool]], [[part] for part in cut(pool, [1, 1, 1])]):
        some = run(Select(criteria=["q"], **options), units)
        assert some.artifact.warning == "no document to choose from has score 3.5, domain 'laws'"
    fine = run(Select(criteria=["q"], **{**options, "target_domains": ["law"], "target_scores": [4, 5]}), [[pool]])
    assert fine.artifact.warning is None


def test_less_than_the_budget_is_an_error():
    pool = batch_of([""] * 3, q=[5, 4, None])
    stage = Select(criteria=["q"], budget=3, missing="drop")
    with pytest.raises(StageError, match=r"there are 2 documents to choose from; 1 documents lack a score in q"):
        run(stage, [[pool]])
    short = run(stage.model_copy(update={"shortfall": "redistribute"}), [[pool]])
    assert short.artifact.warning == "1 of 3 documents short"
    with pytest.raises(StageError, match=r"a share of 0\.5 are to be taken, but there are 0 documents"):
        run(Select(criteria=["q"], share=0.5, missing="drop"), [[batch_of([""], q=[math.nan])]])
    assert run(Select(criteria=["q"], share=0.5), [[batch_of([], q=pa.array([], pa.float64()))]]).kept == set()


def test_missing():
    pool = {"q": [5.0, None, math.nan, 1.0]}
    with pytest.raises(StageError, match="2 of 4 documents lack a score in q, the first has id 'd1'"):
        run(Select(criteria=["q"], budget=1), [[batch_of([""] * 4, **pool)]])
    keep = run(Select(criteria=["q"], budget=1, missing="keep"), [[batch_of([""] * 4, **pool)]])
    assert keep.kept == {"d0", "d1", "d2"}
    drop = run(Select(criteria=["q"], budget=1, missing="drop", target_scores=[5]), [[batch_of([""] * 4, **pool)]])
    assert drop.reasons == {"d0": None, "d1": "no_score", "d2": "no_score", "d3": "not_target_score"}
    assert drop.artifact.missing == 2
    none = run(
        Select(criteria=["q"], budget=1, missing="drop", shortfall="redistribute"), [[batch_of([""], q=[math.nan])]]
    )
    assert none.kept == set()


def test_a_shortfall_is_an_error_unless_it_is_said_what_to_do():
    pool = batch_of([""] * 6, q=[1] * 6, d=list("abbbbb"))
    options = {"criteria": ["q"], "budget": 4, "strategy": "equi_domain", "domain": "d"}
    with pytest.raises(StageError, match=r"domain 'a' have 1 documents, but 2 are to be taken of them"):
        run(Select(**options), [[pool]])
    found = run(Select(shortfall="redistribute", **options), [[pool]])
    assert {cell.domain: cell.taken for cell in found.artifact.cells} == {"a": 1, "b": 3}
    all_there_is = run(Select(shortfall="redistribute", **{**options, "budget": 9}), [[pool]])
    assert all_there_is.artifact.summary == "6 of 6 (100.0%) documents by q, from 2 cells; 3 short of the budget"


def test_infinite_scores_can_be_cut_and_are_stored():
    found = run(Select(criteria=["q"], budget=1), [[batch_of([""] * 2, q=[-math.inf, math.inf])]])
    assert found.kept == {"d1"}
    assert json.loads(found.artifact.model_dump_json())["cells"][0]["taken"] == 1
    for scores in ([-math.inf, math.inf], [0.0, math.inf]):
        with pytest.raises(StageError, match="some q are infinite"):
            run(Select(criteria=["q"], budget=1, temperature=1), [[batch_of([""] * 2, q=scores)]])


def test_reads_no_more_than_it_needs():
    assert Select(criteria=["q", "r"], share=0.5).columns_read() == ("q", "r")
    assert Select(criteria=["q"], share=0.5, by="characters").columns_read() == ("text", "q")


@pytest.mark.parametrize(
    "options",
    [{}, {"share": 0.1, "budget": 3}, {"budget": 1, "by": "tokens"}, {"budget": 1, "strategy": "equi_domain"},
     {"budget": 1, "strategy": "multi_domain", "domain": "d"}, {"budget": 1, "source": "s"},
     {"budget": 1, "target_domains": ["x"]}, {"budget": 1, "shares": {"a": 1}},
     {"budget": 1, "strategy": "equi_domain", "domain": "d", "shares": {"a": 1}},
     {"budget": 1, "strategy": "org_domain", "domain": "d", "shares": {"a": 0}},
     {"share": 0.5, "shortfall": "repeat"}, {"budget": 1, "criteria": []}],
)  # fmt: skip
def test_refuses(options):
    with pytest.raises(ValidationError):
        Select(**{"criteria": ["q"], **options})


@pytest.mark.parametrize(
    ("columns", "message"),
    [({"q": ["a"]}, "a score is a number"), ({"q": [1], "d": [[1]]}, "take a column of strings or numbers")],
)
def test_columns_that_do_not_fit(columns, message):
    options = {"strategy": "org_domain", "domain": "d"} if "d" in columns else {}
    with pytest.raises(ValueError, match=message):
        run(Select(criteria=["q"], budget=1, **options), [[batch_of(["x"], **columns)]])


def test_a_sample_with_the_same_seed_leaves_the_draw_as_it_is():
    """`sample` keeps documents by the hash of their id; drawn by the same hash, the top would be no top any more."""
    n = 20_000
    pool = batch_of([""] * n, q=[1.0, 2.0, 3.0, 4.0] * (n // 4))
    shares, overlap = [], []
    for seed in (0, 1):
        sampled = pool.take(np.flatnonzero(Sample(share=0.1, seed=seed).judge(pool).is_null().to_numpy(False)))
        drawn = run(Select(criteria=["q"], share=0.3, temperature=1.0), [[sampled]])
        shares.append(sum(int(name[1:]) % 4 == 3 for name in drawn.kept) / len(drawn.kept))
        selected = sampled.take(np.array([i for i, name in enumerate(sampled["id"].to_pylist()) if name in drawn.kept]))
        mixed = run(Mixture(domain="one", by="documents", weights="natural", budget=200, seed=0),
                    [[selected.with_columns({"one": pa.array(["x"] * len(selected))})]])  # fmt: skip
        overlap.append(sum(int(name[1:]) % 4 == 3 for name in mixed.kept) / len(mixed.kept))
    assert abs(shares[0] - shares[1]) < 4 * math.sqrt(2 * 0.25 / 600)
    for share, mixed in zip(shares, overlap, strict=True):
        assert share > 0.4  # of a quarter: the draw is by the score
        assert abs(mixed - share) < 4 * math.sqrt(0.25 / 200)
