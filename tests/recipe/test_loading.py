from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from curate.errors import RecipeError
from curate.recipe import Expect, Permission, Recipe, dump, load, loads, permission, prepend

HEAD = "input: data/\noutput: out/\nstages:\n"


def test_a_whole_recipe(load_text, folder):
    recipe = load_text("""\
input: {paths: [data/, "more/*.jsonl.zst"], format: jsonl, id: doc, text: body}
output: {path: "${OUT:-out}", shard_size: 1GiB, compression: gzip, compression_level: 9}
workers: 3
on_bad_input: {max_documents: 0.1%, max_shards: 2}
stages:
  - sample: {share: 90%}
  - ./shouting.py: {max_upper: 0.4, expect: {drop: ..20%}}
  - ./counts.py
  - exact_dedup:
  - drop: {column: n_words, below: 5, as: short}
""")
    assert recipe.source == folder / "web.yaml"
    assert recipe.input.paths == ("data/", "more/*.jsonl.zst")
    assert (recipe.input.format, recipe.input.id, recipe.input.text) == ("jsonl", "doc", "body")
    assert recipe.output.model_dump() == {
        "path": "out",
        "work": None,
        "shard_size": 1 << 30,
        "compression": "gzip",
        "compression_level": 9,
    }
    assert (recipe.workers, recipe.on_bad_input.max_documents, recipe.on_bad_input.max_shards) == (3, 0.001, 2)
    steps = recipe.stages
    assert [step.index for step in steps] == [1, 2, 3, 4, 5]
    assert [step.label for step in steps] == ["sample", "shouting", "counts", "exact_dedup", "short"]
    assert [step.line for step in steps] == [6, 7, 8, 9, 10]
    assert [step.name for step in steps[:2]] == ["sample", str(folder / "shouting.py")]
    assert [step.named for step in steps] == [False, False, False, False, True]
    assert steps[1].stage.model_dump()["max_upper"] == 0.4
    assert steps[1].expect == Expect(None, 0.2)
    assert steps[1].without_expectation().expect is None
    assert steps[2].written() == {"n_words": pa.int64(), "n_lines": pa.int64()}
    assert steps[4].read() == ("n_words",)


def test_the_short_forms_and_the_defaults(load_text):
    recipe = load_text(HEAD + "  - exact_dedup\n")
    assert recipe.input.paths == ("data/",)
    assert (recipe.input.format, recipe.input.id, recipe.input.text) == ("auto", "id", "text")
    assert (recipe.output.path, recipe.output.shard_size, recipe.output.compression) == ("out/", 256_000_000, "zstd")
    assert recipe.workers == "auto"
    assert (recipe.on_bad_input.max_documents, recipe.on_bad_input.max_shards) == (0.001, 0)
    assert load_text("input: [a, b]\noutput: c\nstages: [exact_dedup]").input.paths == ("a", "b")
    assert load_text("input: {paths: a}\noutput: c\nstages: [exact_dedup]").input.paths == ("a",)


@pytest.mark.parametrize(
    ("limit", "total", "allowed"),
    [
        ("0.1%", 2999, 2),
        ("0", 10, 0),
        ("5", 10, 5),
        ("1.0", 10, 10),
        ("100%", 7, 7),
        ("29%", 100, 29),
        ("0.07", 100, 7),
    ],
)
def test_how_much_may_be_unreadable(load_text, limit, total, allowed):
    recipe = load_text(HEAD + f"  - exact_dedup\non_bad_input: {{max_documents: {limit}}}\n")
    assert recipe.on_bad_input.documents(total) == allowed


@pytest.mark.parametrize(
    ("entries", "labels"),
    [
        (["exact_dedup", "exact_dedup", "exact_dedup"], ["exact_dedup", "exact_dedup-2", "exact_dedup-3"]),
        (["./length.py", "./length.py"], ["length", "length-2"]),
        (["exact_dedup", "sample: {share: 1, as: exact_dedup}"], ["exact_dedup-2", "exact_dedup"]),
        (["sample: {share: 1, as: c4-2}", "c4", "c4"], ["c4-2", "c4", "c4-3"]),
    ],
)
def test_labels(load_text, entries, labels):
    recipe = load_text(HEAD + "".join(f"  - {entry}\n" for entry in entries))
    assert [step.label for step in recipe.stages] == labels


def test_as_names_the_column_or_goes_before_the_names_of_several(load_text):
    recipe = load_text(
        HEAD + "  - ./length.py: {as: size}\n  - ./counts.py: {as: raw}\n  - ./shouting.py: {as: loud}\n"
    )
    assert [step.renames for step in recipe.stages] == [
        {"n_chars": "size"},
        {"n_words": "raw_n_words", "n_lines": "raw_n_lines"},
        {},
    ]
    assert recipe.stages[1].written() == {"raw_n_words": pa.int64(), "raw_n_lines": pa.int64()}


@pytest.mark.parametrize(
    ("text", "inside", "outside"),
    [
        ("5%..60%", [0.05, 0.3, 0.6], [0.0499, 0.601]),
        ("..20%", [0, 0.2], [0.21]),
        ("10%..", [0.1, 1], [0.09]),
        ("0.05..0.6", [0.05, 0.6], [0.04]),
        ("0%..0%", [0], [0.001]),
    ],
)
def test_expectations(text, inside, outside):
    expect = Expect.parse(text)
    assert all(expect.holds(share) for share in inside)
    assert not any(expect.holds(share) for share in outside)
    assert Expect.parse(str(expect)) == expect


def test_expectations_are_shown_as_they_are_written():
    assert [str(Expect.parse(text)) for text in ("0%..10%", "..20%", "10%..", "0.05..0.125")] == [
        "0%..10%",
        "..20%",
        "10%..",
        "5%..12.5%",
    ]


def test_load_from_a_file(tmp_path, monkeypatch):
    (tmp_path / "web.yaml").write_bytes(b"\xef\xbb\xbf" + (HEAD + "  - exact_dedup\n").encode())
    monkeypatch.chdir(tmp_path)
    assert load("web.yaml").source == Path("web.yaml")
    assert load(tmp_path / "web.yaml", ["workers=2"]).workers == 2


def test_files_that_are_no_recipes(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("web.yaml").write_text(HEAD)
    Path("latin.yaml").write_bytes(b"input: caf\xe9\n")
    for name, message in {
        "webb.yaml": "webb.yaml: there is no such file; did you mean 'web.yaml'?",
        "zqy.yaml": "zqy.yaml: there is no such file; curate init writes one",
        "none/x.yaml": "none/x.yaml: there is no such file; curate init writes one",
        ".": ".: it is a folder; name the recipe in it",
        "latin.yaml": "latin.yaml: it is not UTF-8 at byte 10; save it as UTF-8",
    }.items():
        with pytest.raises(RecipeError) as error:
            load(name)
        assert str(error.value) == message


def test_own_stages_are_found_beside_the_recipe(folder, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    recipe = loads(HEAD + "  - ./shouting.py\n", source=folder / "r.yaml")
    assert recipe.stages[0].label == "shouting"
    monkeypatch.setattr(permission, "_named", set())
    Permission(recipe.code())()
    again = loads(dump(recipe), source=tmp_path / "out" / "recipe.yaml")
    assert again.stages == recipe.stages


def same(one: Recipe, other: Recipe) -> bool:
    return one.model_copy(update={"source": None}) == other.model_copy(update={"source": None})


def test_a_dump_needs_neither_variables_nor_overrides(load_text):
    text = HEAD + "  - sample: {share: '${SHARE}'}\n  - drop: {column: '$${X}', in: [no, '5%', '1']}\n"
    recipe = load_text(text, "workers=2", "output.path=$a", env={"SHARE": "0.5"})
    dumped = dump(recipe)
    assert same(loads(dumped, env={}), recipe)
    assert dump(loads(dumped, env={})) == dumped
    assert recipe.stages[1].stage.model_dump()["column"] == "${X}"
    assert recipe.stages[1].stage.model_dump()["in_"] == ["no", "5%", "1"]


def test_a_dump_has_the_defaults_of_today(load_text):
    assert "level: whitespace" in dump(load_text(HEAD + "  - exact_dedup\n"))


names = st.from_regex(r"[A-Za-z_][A-Za-z0-9_-]{0,8}", fullmatch=True)
shares = st.floats(0, 1)
expects = st.tuples(shares, shares).map(lambda ends: f"{min(ends)}..{max(ends)}")
steps = st.one_of(
    st.builds(lambda share, seed: {"sample": {"share": share, "seed": seed}}, shares, st.integers(0, 2**64 - 1)),
    st.builds(
        lambda column, values, expect: {"drop": {"column": column, "in": values, "expect": {"drop": expect}}},
        st.text(min_size=1),
        st.lists(st.booleans() | st.integers() | st.text(), min_size=1, max_size=4),
        expects,
    ),
    st.builds(lambda upper: {"./shouting.py": {"max_upper": upper}}, shares),
    st.builds(lambda label: {"./counts.py": {"as": "x" + label}}, names),
)


places = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), min_size=1)


@settings(deadline=None, max_examples=80)
@given(
    st.lists(places, min_size=1, max_size=3),
    places,
    st.integers(1, 2**50),
    st.lists(steps, min_size=1, max_size=5, unique_by=str),
    shares | st.integers(0, 10**9),
)
def test_a_dump_loads_back_to_the_same_recipe(folder, paths, out, size, stages, limit):
    from curate.recipe.syntax import write

    labels = [str(step["./counts.py"]["as"]) for step in stages if "./counts.py" in step]
    if len(set(labels)) < len(labels):
        return
    data = {"input": paths, "output": {"path": out, "shard_size": size}, "stages": stages}
    text = write({**data, "on_bad_input": {"max_documents": limit}})
    recipe = loads(text, source=folder / "r.yaml", env={})
    assert recipe.input.paths == tuple(paths)
    assert recipe.on_bad_input.max_documents == limit
    Permission(recipe.code())()
    again = loads(dump(recipe), env={})
    assert same(again, recipe)
    assert dump(again) == dump(recipe)


@pytest.mark.parametrize(
    "text",
    [
        'input: in\noutput: "yo\\0x"\nstages: [normalize]',
        'input: ["a", "b\\0"]\noutput: out\nstages: [normalize]',
        'input: in\noutput: out\nstages: [{exact_dedup: {index: "i\\0"}}]',
    ],
)
def test_a_path_without_meaning_is_refused(text):
    with pytest.raises(RecipeError, match="NUL character"):
        loads(text)


def test_one_more_step_in_front(load_text):
    recipe = load_text(HEAD + "  - sample: {share: 0.5}\n  - exact_dedup\n")
    more = prepend(recipe, "sample", {"share": 0.01}, label="sampled")
    assert [(step.index, step.label) for step in more.stages] == [(1, "sampled"), (2, "sample"), (3, "exact_dedup")]
    assert same(loads(dump(more)), more)
    with pytest.raises(RecipeError, match="a stage is called 'sampled' already"):
        prepend(more, "sample", {"share": 0.01}, label="sampled")
    with pytest.raises(RecipeError, match="share = 5; it must be a number, 0 to 1"):
        prepend(recipe, "sample", {"share": 5}, label="sampled")


def test_a_recipe_is_frozen(load_text):
    recipe = load_text(HEAD + "  - exact_dedup\n")
    with pytest.raises(ValueError, match="frozen"):
        recipe.workers = 3
    with pytest.raises(ValueError, match="frozen"):
        recipe.output.path = "x"


def test_a_card_is_kept_with_the_recipe(load_text):
    text = (
        HEAD
        + """  - exact_dedup
card:
  title: "Rivers: a corpus"
  language: en
  sources: [{name: Archive, licence: CC BY 4.0, url: "https://example.org"}, {name: Letters}]
"""
    )
    recipe = load_text(text)
    assert recipe.card.language == ("en",)
    assert recipe.card.sources[1].licence is None
    assert loads(dump(recipe)).card == recipe.card
    assert "card" not in dump(load_text(HEAD + "  - exact_dedup\n"))


@pytest.mark.parametrize(
    ("card", "told"),
    [
        ("{license: mit}", "card: it has no option 'license'; did you mean 'licence'?"),
        ("{language: English}", "language = English; it must be a code of a language as in en"),
        ("{sources: [{name: a, url: 'javascript:x'}]}", "url = "),
        ("Rivers", "card = Rivers; it must be a mapping, as in card: {title: My corpus, licence: odc-by}"),
    ],
)
def test_a_card_that_is_none(load_text, card, told):
    with pytest.raises(RecipeError) as caught:
        load_text(HEAD + f"  - exact_dedup\ncard: {card}\n")
    assert told in str(caught.value)
