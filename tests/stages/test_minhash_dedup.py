"""minhash_dedup: its options, and what follows from them. How groups are found is tested with the engine."""

import itertools
import re

import datasketch
import pyarrow as pa
import pytest

from curate import plan as planning
from curate import recipe as recipes
from curate import shingling
from curate.errors import RecipeError, StageError
from curate.stages.minhash_dedup import MinhashDedup
from curate.store import evidence
from tests.engine.corpus import output
from tests.engine.corpus import run as run_recipe
from tests.stages.harness import batch_of, cut, run

WORDS = "ab cd ef gh ij kl mn op qr st uv wx yz ba dc fe hg ji lk nm po rq ts vu xw zy aa bb cc dd".split()


def text(*changed, extra=""):
    """Thirty words, of which those at some places are others."""
    return " ".join([f"other{i}" if i in changed else word for i, word in enumerate(WORDS)]) + extra


def step(options):
    """The stage of a recipe that has these options, as YAML."""
    return recipes.loads(f"input: a\noutput: b\nstages:\n  - minhash_dedup: {options}\n").stages[0].stage


def found(texts, *, columns=None, **options):
    batch = batch_of(texts, **(columns or {}))
    threshold = {"threshold": 0.6} if options.get("verify", True) else {}
    return run(MinhashDedup(**{**threshold, "bands": 50, "rows": 2, **options}), [cut(batch, [1, 2])])


# What the tools and the papers have.
FINEWEB = {"normalize": "fineweb", "unit": "words", "words": "spacy", "ngram": 5}
PRESETS = {
    "fineweb": {**FINEWEB, "bands": 14, "rows": 8, "verify": False},
    "refinedweb": {**FINEWEB, "bands": 450, "rows": 20, "verify": False},
    "slimpajama": {
        "normalize": "slimpajama",
        "unit": "characters",
        "ngram": 13,
        "bands": 9,
        "rows": 13,
        "keep": "first",
    },
    "nemo": {"normalize": "off", "unit": "characters", "ngram": 24, "bands": 20, "rows": 13, "verify": False},
    "olmo3": {**FINEWEB, "bands": 26, "rows": 11, "verify": True, "threshold": 0.8},
}


@pytest.mark.parametrize("name", PRESETS)
def test_presets(name):
    stage = step(f"{{like: {name}}}")
    assert {option: getattr(stage, option) for option in PRESETS[name]} == PRESETS[name]
    assert step(f"{{like: {name}, bands: 3, rows: 4, verify: true, ngram: 7}}").model_dump() == {
        **stage.model_dump(), "bands": 3, "rows": 4, "verify": True, "ngram": 7, "threshold": 0.8,
    }  # fmt: skip


def test_what_is_stored_means_the_same():
    bands = [
        "",
        "like: olmo3",
        *(f"like: {name}" for name in PRESETS),
        "bands: 20, rows: 5",
        "like: nemo, bands: 9, rows: 3",
    ]
    others = [
        "keep: any",
        "threshold: 0.8",
        "threshold: 0.7, hashes: 112",
        "threshold: 0.75, hashes: 99",
        "normalize: off",
    ]
    for verify, cut_by, other in itertools.product(["", "verify: true", "verify: false"], bands, others):
        text = (
            f"input: a\noutput: b\nstages:\n  - minhash_dedup: {{{', '.join(filter(None, (verify, cut_by, other)))}}}\n"
        )
        if ("hashes" in other and cut_by) or ("0.8" in other and cut_by and "false" in verify):
            with pytest.raises(RecipeError, match="has no effect"):
                recipes.loads(text)
            continue
        recipe = recipes.loads(text)
        stored = recipes.dump(recipe)
        assert recipes.loads(stored).stages[0].stage == recipe.stages[0].stage
        assert recipes.dump(recipes.loads(stored)) == stored


@pytest.mark.parametrize("name", PRESETS)
def test_a_threshold_beside_a_preset_has_documents_compared(name):
    stage, own = step(f"{{like: {name}, threshold: 0.7}}"), step(f"{{like: {name}}}")
    assert (stage.threshold, stage.verify, stage.bands, stage.rows) == (0.7, True, own.bands, own.rows)
    assert own.threshold == (0.8 if own.verify else None)


def test_what_is_settled_is_said_no_more():
    assert (lambda s: (s.threshold, s.hashes, s.bands))(step("{threshold: 0.7, verify: false}")) == (None, None, 12)
    assert (lambda s: (s.threshold, s.hashes, s.bands))(step("{threshold: 0.7, hashes: 128}")) == (0.7, None, 14)
    assert (lambda s: (s.threshold, s.hashes, s.bands))(step("{threshold: null, hashes: null}")) == (0.8, None, 14)


# (bands, rows) that datasketch 2.0 chooses for a threshold.
TABLE = {
    112: {0.7: (12, 9), 0.75: (11, 10), 0.8: (9, 12), 0.85: (7, 16), 0.9: (5, 22)},
    128: {0.7: (14, 9), 0.75: (11, 11), 0.8: (9, 13), 0.85: (8, 16), 0.9: (5, 25)},
    256: {0.7: (25, 10), 0.8: (17, 15), 0.9: (9, 28)},
}


@pytest.mark.parametrize("hashes", TABLE)
def test_a_threshold_chooses_bands_as_datasketch_does(hashes):
    for threshold, expected in TABLE[hashes].items():
        stage = MinhashDedup(threshold=threshold, hashes=hashes)
        theirs = datasketch.MinHashLSH(threshold=threshold, num_perm=hashes)
        assert (stage.bands, stage.rows) == expected == (theirs.b, theirs.r)
    assert (lambda s: (s.bands, s.rows))(step("{threshold: 70%}")) == (12, 9)
    assert (lambda s: (s.bands, s.rows))(step('{threshold: 0.7, hashes: "128"}')) == (14, 9)
    given = MinhashDedup(threshold=0.7, bands=14, rows=8)
    assert (given.bands, given.rows, given.threshold) == (14, 8, 0.7)
    assert MinhashDedup().model_dump() == MinhashDedup(threshold=0.8, bands=14, rows=8).model_dump()


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        ("{bands: 14}", "bands and rows go together"),
        ("{like: fineweb, rows: 5}", "bands and rows go together"),
        ("{threshold: 80}", "threshold = 80; it must be a number above 0 and at most 1 or null; did you mean 0.8?"),
        ("{threshold: 0}", "threshold = 0; it must be a number above 0 and at most 1"),
        ("{threshold: high}", "threshold = high; it must be a number above 0 and at most 1"),
        ("{threshold: 1}", "of 112 hashes no two bands can be made for a threshold of 1; give bands and rows"),
        ("{bands: 2000, rows: 500}", "bands * rows = 1,000,000 values for each document; at most 20,000"),
        ("{hashes: 128}", "hashes has no effect, as there is no threshold; give a threshold with it"),
        ("{hashes: 128, threshold: 0.7, bands: 9, rows: 9}", "hashes has no effect, as bands and rows cut signatures"),
        ("{hashes: 128, threshold: 0.7, like: nemo}", "hashes has no effect, as like: nemo cut"),
        ("{threshold: 0.7, hashes: many}", "hashes = many; it must be a whole number, 2 to 10000"),
        ("{threshold: 0.7, hashes: 99.5}", "hashes = 99.5; it must be a whole number, 2 to 10000"),
        (
            "{threshold: 0.7, verify: false, like: fineweb}",
            "threshold has no effect with verify: false, as like: fineweb",
        ),
        (
            "{threshold: 0.7, verify: 'no', bands: 9, rows: 9}",
            "threshold has no effect with verify: false, as bands and",
        ),
        ("{threshold: 7, verify: false}", "threshold = 7; it must be a number above 0 and at most 1"),
        ("{index: ''}", 'index = ""; name a folder, or leave it out'),
        ("{like: finweb}", "did you mean 'fineweb'?"),
        ("{keep: newest}", "keep: newest and keep: best go with a column, and only they do"),
        ("{method: mis}", "method = mis; it must be components or greedy"),
        ("{ngram: 0}", "ngram = 0; it must be a whole number, 1 to 1000"),
        ("{threshhold: 0.5}", "it has no option 'threshhold'; did you mean 'threshold'?"),
    ],
)
def test_what_is_wrong_is_said(options, complaint):
    with pytest.raises(RecipeError, match=rf"recipe:4: stage 1 'minhash_dedup': .*{re.escape(complaint)}"):
        step(options)


SCHEMA = {"text": pa.string(), "score": pa.float32(), "day": pa.date32(), "at": pa.timestamp("us"), "c": pa.string()}


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        ("{copies_column: score}", "copies_column 'score' is float; numbers of documents are integers"),
        ("{copies_column: copies}", "reads column 'copies', which the input does not have"),
        ("{keep: best, column: day}", "column 'day' is date32[day]; `keep: best` compares numbers"),
        ("{scope: at}", "scope 'at' is timestamp[us]; documents are put together by"),
        ("{keep: best, column: similarity}", "reads column 'similarity', which it writes itself"),
    ],
)
def test_columns_that_do_not_fit_are_refused_when_the_plan_is_made(options, complaint):
    with pytest.raises(RecipeError, match=re.escape(complaint)):
        planning.make(recipes.loads(f"input: a\noutput: b\nstages:\n  - minhash_dedup: {options}\n"), pa.schema(SCHEMA))


def test_the_plan_says_what_is_alike_and_what_is_found():
    recipe = recipes.loads(
        "input: a\noutput: b\nstages:\n  - minhash_dedup: {like: fineweb}\n  - minhash_dedup: {as: b}\n"
    )
    plan = " ".join(planning.describe(planning.make(recipe, None), recipe).split())
    assert (
        "a shingle is 5 words (spacy) of the text simplified as FineWeb does, of the first 500,000 characters" in plan
    )
    assert "14 bands of 8 rows find, of pairs with a Jaccard similarity, 5.33% at 0.5" in plan
    for share in ("21.1% at 0.6", "56.5% at 0.7", "77.2% at 0.75", "92.4% at 0.8", "98.8% at 0.85"):
        assert share in plan
    assert "over 99.9% at 0.95" in plan
    assert "all taken for alike" in plan
    assert "alike from 0.8 on, compared by shingles" in plan


@pytest.mark.parametrize("verify", [True, False])
def test_policies(verify):
    texts = [text(), text(0, extra=" and some more"), text(29), text()]
    policy = {"verify": verify}
    assert found(texts, keep="first", **policy).kept == {"d0"}
    assert found(texts, keep="longest", **policy).kept == {"d1"}
    score = {"q": [0.5, None, 0.75, float("nan")]}
    assert found(texts, columns=score, keep="best", column="q", **policy).kept == {"d2"}
    days = {"day": ["2020-01-01", None, "2019-05-05", "2021-01-01"]}
    assert found(texts, columns=days, keep="newest", column="day", **policy).kept == {"d3"}
    sources = {"source": ["web", "wiki", None, "book"]}
    preferred = {"source_column": "source", "source_priority": ["book", "wiki"]}
    assert found(texts, columns=sources, keep="longest", **preferred, **policy).kept == {"d3"}
    assert found(texts[:3], columns={"source": ["a", "b", "c"]}, keep="longest", **preferred).kept == {"d1"}


def test_ties_go_to_the_hash_of_the_id_and_not_always_to_the_first():
    winners = []
    for n in range(24):
        batch = batch_of([text()] * 3, [f"{n}-{i}" for i in range(3)])
        winners += [name[-1] for name in run(MinhashDedup(), [[batch]]).kept]
    assert all(winners.count(place) >= 2 for place in "012")


def test_scopes_are_never_together():
    texts = [text(), text(), text(1), "short", "short", "short", "", ""]
    crawl = {"crawl": ["a", "b", "b", "a", "b", None, "a", None]}
    apart = found(texts, columns=crawl, scope="crawl", keep="first")
    assert apart.kept == {"d0", "d1", "d3", "d4", "d5", "d6", "d7"}
    assert apart.columns["near_duplicate_of"]["d2"] == "d1"
    assert found(texts, keep="first").kept == {"d0", "d3", "d6"}
    nulls = found(["short", "short"], columns={"crawl": pa.nulls(2)}, scope="crawl", keep="first")
    assert nulls.kept == {"d0"}


def test_copies_are_summed():
    texts, copies = [text(), text(29), "alone", text(), "two alike", "two alike"], [5, None, 7, 2, 1, 1]
    verdicts = found(texts, columns={"copies": copies}, copies_column="copies", keep="first")
    sizes = {name: size for name, size in verdicts.columns["cluster_size"].items() if size is not None}
    assert sizes == {"d0": 8, "d2": 7, "d4": 2}
    assert set(verdicts.columns["cluster_size"]) - sizes.keys() == {"d1", "d3", "d5"}


def test_copies_below_1_and_beyond_all_numbers():
    texts, options = [text(), text(29), "alone"], {"copies_column": "copies", "keep": "first"}
    verdicts = found(texts, columns={"copies": [-3, 0, -1]}, **options)
    assert list(verdicts.columns["cluster_size"].values()) == [2, None, 1]
    many = pa.array([2**63, 1, None], pa.uint64())
    with pytest.raises(StageError, match=r"copies_column 'copies' has 9223372036854775808; it must be below 2\^63"):
        found(texts, columns={"copies": many}, **options)
    assert found(texts, columns={"copies": pa.nulls(3, pa.uint64())}, **options).columns["cluster_size"]["d0"] == 2


@pytest.mark.parametrize("scheme", ["affine32", "affine64"])
def test_signatures_are_made_some_at_a_time_and_stored_in_part(scheme, monkeypatch):
    batch = batch_of([text(), "", text(3), "too short", text(4, 5), text(6)])
    few, many = (MinhashDedup(bands=bands, rows=8, verify=False, scheme=scheme) for bands in (3, 50))
    assert [len(one) for one in few.sketch(batch).documents["values"].to_pylist()] == [24, 0, 24, 0, 24, 24]
    whole = many.sketch(batch)
    signatures = many.signatures(many.shingles(many.normalised(batch["text"])), 400)
    stored = whole.documents["values"].to_pylist()
    assert stored == [signatures[i, :256].tolist() if i not in (1, 3) else [] for i in range(6)]
    largest, made = 0, MinhashDedup.signatures

    def watched(self, shingles, count):
        nonlocal largest
        out = made(self, shingles, count)
        largest = max(largest, out.nbytes)
        return out

    monkeypatch.setattr(MinhashDedup, "signatures", watched)
    monkeypatch.setattr(shingling, "_PART_BYTES", 7000)
    assert many.sketch(batch) == whole
    assert 0 < largest <= 7000


def test_many_short_documents_are_sketched_some_at_a_time(tmp_path, monkeypatch):
    texts = [text(i % 30, (7 * i) % 30) for i in range(90)]
    (tmp_path / "in").mkdir()
    pa.parquet.write_table(pa.table({"text": texts}), tmp_path / "in/a.parquet")
    asked, sketched, sketch = "stages:\n  - minhash_dedup: {like: nemo}\n", [], MinhashDedup.sketch

    def watched(self, batch):
        sketched.append(len(batch))
        return sketch(self, batch)

    run_recipe(f"input: {tmp_path / 'in'}\noutput: {tmp_path / 'first'}\n{asked}")  # which may compile the kernels
    monkeypatch.setattr(MinhashDedup, "sketch", watched)
    run_recipe(f"input: {tmp_path / 'in'}\noutput: {tmp_path / 'whole'}\n{asked}")
    monkeypatch.setattr(evidence, "RUN_BYTES", 30_000)
    run_recipe(f"input: {tmp_path / 'in'}\noutput: {tmp_path / 'parts'}\n{asked}")
    assert sketched[0] == sum(sketched[1:]) == 90
    assert max(sketched[1:]) < 40
    assert output(tmp_path / "parts").equals(output(tmp_path / "whole"))


def test_scratch_is_near_what_is_stored(tmp_path):
    texts = [f"{text(i % 30)} {' '.join(f'{word}{i}' for word in WORDS)}" for i in range(400)]
    (tmp_path / "in").mkdir()
    pa.parquet.write_table(pa.table({"text": texts}), tmp_path / "in/a.parquet")
    for number, options in enumerate(("{}", "{like: fineweb}", "{unit: characters, ngram: 9}", "{like: refinedweb}")):
        out = tmp_path / f"out{number}"
        run_recipe(f"input: {tmp_path / 'in'}\noutput: {out}\nstages:\n  - minhash_dedup: {options}\n")
        names = ("evidence", "sketch", "values")
        stored = sum(path.stat().st_size for path in (out / "pass-1").iterdir() if any(n in path.name for n in names))
        asked = step(options).scratch(len(texts), sum(map(len, texts)))
        assert 0.6 * stored < asked < 1.8 * stored, options


def test_chains():
    a, b, c = text(), text(0, 1, 2), text(0, 1, 2, 27, 28, 29)  # 26 shingles; 23 of b's are a's; 20 of c's are a's
    options = {"keep": "first", "threshold": 0.75}
    one, greedy = found([a, b, c], **options), found([a, b, c], method="greedy", **options)
    assert one.kept == {"d0"}
    assert one.columns["near_duplicate_of"] == {"d0": None, "d1": "d0", "d2": "d0"}
    assert one.columns["similarity"]["d2"] == pytest.approx(20 / 32)
    assert greedy.kept == {"d0", "d2"}
    assert greedy.columns["cluster_size"] == {"d0": 2, "d1": None, "d2": 1}
    assert found([b, a, c], method="greedy", **options).kept == {"d0"}


def test_twice_and_after_others(tmp_path):
    table = {
        "id": [f"d{i}" for i in range(8)],
        "text": [
            text(),
            text(29) + "\r\n",
            text(0, 9, 18),
            "\ufeff short ",
            "short",
            "",
            text(27, 28, 29),
            text(5).upper(),
        ],
        "kept": list(range(8)),
        "document": ["x"] * 8,
        "size": [1] * 8,
        "key": [2] * 8,
        "values": [[1]] * 8,
    }
    (tmp_path / "in").mkdir()
    pa.parquet.write_table(pa.table(table), tmp_path / "in/a.parquet")
    stages = """
  - normalize
  - drop: {column: id, in: [d7]}
  - minhash_dedup: {keep: first}
  - minhash_dedup: {keep: first, threshold: 0.6, bands: 50, rows: 2, as: loose, copies_column: cluster_size}
"""
    done = run_recipe(f"input: {tmp_path / 'in'}\noutput: {tmp_path / 'out'}\nstages:{stages}")
    flow = {row.label: (row.documents_in, row.documents_out) for row in done.funnel}
    assert flow == {"normalize": (8, 7), "drop": (7, 6), "minhash_dedup": (6, 4), "loose": (4, 3)}
    kept = output(tmp_path / "out")
    assert kept["id"].to_pylist() == ["d0", "d2", "d3"]
    assert kept["cluster_size"].to_pylist() == [2, 1, 2]
    assert kept["loose_cluster_size"].to_pylist() == [3, 1, 2]
    assert kept["kept"].to_pylist() == [0, 2, 3]
    assert {"document", "size", "key", "values", "near_duplicate_of", "loose_similarity"} <= set(kept.column_names)


def test_columns_that_the_input_has_already(tmp_path):
    schema = pa.schema({"text": pa.string(), "similarity": pa.float32(), "cluster_size": pa.int64()})
    complaint = "stage 1 'minhash_dedup' writes columns 'cluster_size' and 'similarity', which the input has already"
    with pytest.raises(RecipeError, match=complaint):
        planning.make(recipes.loads("input: a\noutput: b\nstages:\n  - minhash_dedup\n"), schema)
    planning.make(recipes.loads("input: a\noutput: b\nstages:\n  - minhash_dedup: {as: near}\n"), schema)
