# ruff: noqa: E501
import pyarrow as pa
import pytest

from curate.errors import RecipeError
from curate.plan import Action, make
from curate.recipe import loads
from curate.stage import Stage
from tests.own_stages import write_stages

SCHEMA = pa.schema({"id": pa.string(), "text": pa.string(), "score": pa.float32(), "source": pa.string()})


@pytest.fixture(scope="session")
def folder(tmp_path_factory):
    return write_stages(tmp_path_factory.mktemp("plans"))


@pytest.fixture
def recipe_of(folder):
    def of(*entries, input="data"):
        stages = "".join(f"  - {entry}\n" for entry in entries)
        return loads(f"input: {input}\noutput: out\nstages:\n{stages}", source=folder / "web.yaml", env={})

    return of


def shape(plan):
    """1p 2o | 2a: step and verb of each action, passes apart."""
    return " | ".join(" ".join(f"{a.step + 1}{a.verb[0]}" for a in one.actions) for one in plan.passes)


A, F, R = "./counts.py", "./shouting.py", "./lower.py"
G, H = "./median.py: {column: score}", "./median.py: {column: score, as: again}"


@pytest.mark.parametrize(
    ("entries", "expected"),
    [
        ([F], "1p"),
        ([A, F, R], "1p 2p 3p"),
        ([F, G, A], "1p 2o | 2a 3p"),
        ([G], "1o | 1a"),
        ([G, H], "1o | 1a 2o | 2a"),
        ([F, G, H, A, R], "1p 2o | 2a 3o | 3a 4p 5p"),
        ([F, G, F, H], "1p 2o | 2a 3p 4o | 4a"),
    ],
)
def test_passes_are_cut_at_global_stages_alone(recipe_of, entries, expected):
    plan = make(recipe_of(*entries), SCHEMA)
    assert shape(plan) == expected
    assert [one.number for one in plan.passes] == list(range(1, len(plan.passes) + 1))


def test_each_pass_reads_what_it_needs_of_the_input_and_of_earlier_passes(recipe_of):
    recipe = recipe_of(
        A, "./limit.py: {column: n_words}", "./limit.py: {column: score}", G, "./limit.py: {column: n_lines}"
    )
    first, second = make(recipe, SCHEMA).passes
    assert first.reads == ("id", "text", "score")
    assert first.adds == (("n_words", pa.int64()), ("n_lines", pa.int64()))
    assert second.reads == ("id", "score", "n_lines")
    assert second.adds == ()


def test_a_pass_that_reads_no_text_says_so(recipe_of):
    (only,) = make(recipe_of("./limit.py: {column: score}"), SCHEMA).passes
    assert only.reads == ("id", "score")


def test_text_is_edited_only_by_those_who_can(recipe_of):
    edits = [one.edits_text for one in make(recipe_of(F, G, A, R, H), SCHEMA).passes]
    assert edits == [False, True, False]


def test_columns_have_the_names_that_as_gives_them(recipe_of):
    plan = make(recipe_of("./length.py: {as: size}", "./limit.py: {column: size}"), SCHEMA)
    assert plan.passes[0].adds == (("size", pa.int64()),)
    assert plan.passes[0].reads == ("id", "text")
    assert plan.output_columns == ("id", "text", "score", "source", "size")


def test_output_columns(recipe_of):
    recipe = recipe_of(A)
    assert make(recipe, SCHEMA).output_columns == ("id", "text", "score", "source", "n_words", "n_lines")
    without_id = pa.schema([("text", pa.string())])
    assert make(recipe, without_id).output_columns == ("id", "text", "n_words", "n_lines")
    assert make(recipe, None).output_columns == ("id", "text", "n_words", "n_lines")


def test_a_plan_is_data(recipe_of):
    plan = make(recipe_of(F, G), SCHEMA)
    assert plan == make(recipe_of(F, G), SCHEMA)
    assert plan.passes[0].actions == (Action(0, "process"), Action(1, "observe"))
    assert hash(plan.passes[0].actions) == hash((Action(0, "process"), Action(1, "observe")))


def test_a_stage_of_no_kind_is_never_left_out(recipe_of, monkeypatch):
    recipe = recipe_of(F)
    object.__setattr__(recipe.stages[0], "stage", Stage())
    with pytest.raises(RecipeError, match="no kind of stage"):
        make(recipe, SCHEMA)


LIMIT = "./limit.py: {{column: {}}}"


@pytest.mark.parametrize(
    ("entries", "messages"),
    [
        (
            [A, LIMIT.format("n_word")],
            ["web.yaml:5: stage 2 'limit' reads column 'n_word', which the input does not have and no earlier stage writes;"
             " did you mean 'n_words'?"],
        ),
        (
            [LIMIT.format("quality")],
            ["web.yaml:4: stage 1 'limit' reads column 'quality', which the input does not have and no earlier stage writes;"
             " there are id, text, score, source"],
        ),
        (
            [LIMIT.format("n_words"), A],
            ["web.yaml:4: stage 1 'limit' reads column 'n_words', which is written later, by stage 2 'counts'; move that one up"],
        ),
        (
            ["./length.py", "./length.py"],
            ["web.yaml:5: stage 2 'length-2' writes column 'n_chars', as stage 1 'length' does;"
             " name this step, as in as: length_2, and it writes 'length_2'"],
        ),
        (
            [A, A],
            ["web.yaml:5: stage 2 'counts-2' writes columns 'n_words' and 'n_lines', as stage 1 'counts' does;"
             " name this step, as in as: counts_2, and it writes 'counts_2_n_words' and so on"],
        ),
        (
            ["./length.py: {as: score}"],
            ["web.yaml:4: stage 1 'score' writes column 'score', which the input has already;"
             " name this step, as in as: score_2, and it writes 'score_2'"],
        ),
        (
            ["./length.py: {as: text}"],
            ["web.yaml:4: stage 1 'text' writes column 'text', but that name is curate's own;"
             " name this step, as in as: text_2, and it writes 'text_2'"],
        ),
        (
            ["./length.py: {as: _chars}"],
            ["web.yaml:4: stage 1 '_chars' writes column '_chars', but names with _ before them are curate's own;"
             " name this step, as in as: chars_2, and it writes 'chars_2'"],
        ),
        (
            [LIMIT.format("source")],
            ["web.yaml:4: stage 1 'limit': column = source; it is string, and must be a number"],
        ),
    ],
)  # fmt: skip
def test_columns_are_checked_before_any_work(recipe_of, folder, entries, messages):
    with pytest.raises(RecipeError) as error:
        make(recipe_of(*entries), SCHEMA)
    assert str(error.value).replace(f"{folder}/", "").split("\n") == messages


def test_all_that_is_wrong_with_columns_comes_together(recipe_of):
    with pytest.raises(RecipeError) as error:
        make(recipe_of(LIMIT.format("a"), LIMIT.format("b"), "./length.py: {as: id}"), SCHEMA)
    assert len(str(error.value).split("\n")) == 3


def test_the_text_has_one_name_for_stages(recipe_of):
    recipe = recipe_of(LIMIT.format("body"), input="{paths: data, text: body, id: doc}")
    schema = pa.schema([("doc", pa.int64()), ("body", pa.string())])
    with pytest.raises(RecipeError, match="reads column 'body', which is the text; stages call it 'text'"):
        make(recipe, schema)
    assert make(recipe_of(F, input="{paths: data, text: body}"), schema).passes[0].reads == ("id", "text")


def test_the_input_must_have_the_text(recipe_of):
    with pytest.raises(RecipeError, match=r"input.text = text; the input has no such column; did you mean 'texts'\?"):
        make(recipe_of(F), pa.schema([("texts", pa.string())]))


def test_without_a_schema_only_what_is_known_is_checked(recipe_of):
    assert make(recipe_of(LIMIT.format("anything")), None).passes[0].reads == ("id", "anything")
    with pytest.raises(RecipeError, match="written later"):
        make(recipe_of(LIMIT.format("n_words"), A), None)
    with pytest.raises(RecipeError, match="as stage 1 'counts' does"):
        make(recipe_of(A, A), None)


def test_a_model_file_that_is_not_there(recipe_of, monkeypatch, folder):
    recipe = recipe_of(F)
    monkeypatch.setattr(type(recipe.stages[0].stage), "files", lambda self: (folder / "gone.bin",))
    with pytest.raises(RecipeError) as error:
        make(recipe, SCHEMA)
    assert (
        str(error.value)
        == f"{folder}/web.yaml:4: stage 1 'shouting' needs the file {folder}/gone.bin, which does not exist"
    )


def test_many_columns_are_named_shortly(recipe_of, monkeypatch):
    recipe = recipe_of(A, A)
    columns = {f"c{n}": pa.int64() for n in range(9)}
    monkeypatch.setattr(type(recipe.stages[0].stage), "columns_written", lambda self: columns)
    with pytest.raises(RecipeError, match="writes columns 'c0', 'c1' and 7 others, as stage 1 'counts' does"):
        make(recipe, SCHEMA)
