import pytest

TEXT = """\
input: data/
output: {path: out, shard_size: 1MB}
stages:
  - exact_dedup
  - ./shouting.py: {scripts: [Latin, Greek]}
  - sample: {share: 0.5, as: part}
"""


@pytest.mark.parametrize(
    ("override", "found"),
    [
        ("workers=2", lambda r: r.workers == 2),
        ("workers=auto", lambda r: r.workers == "auto"),
        ("output.path=a=b", lambda r: r.output.path == "a=b"),
        ("output.path=${X}", lambda r: r.output.path == "${X}"),
        ("output=elsewhere", lambda r: (r.output.path, r.output.shard_size) == ("elsewhere", 256_000_000)),
        ("output.shard_size=2GiB", lambda r: r.output.shard_size == 2 << 30),
        ("input=[a, b]", lambda r: r.input.paths == ("a", "b")),
        ("input.text=body", lambda r: r.input.text == "body" and r.input.paths == ("data/",)),
        ("on_bad_input.max_documents=5", lambda r: r.on_bad_input.max_documents == 5),
        ("stages.1.level=raw", lambda r: r.stages[0].stage.level == "raw"),
        ("stages.exact_dedup.level=raw", lambda r: r.stages[0].stage.level == "raw"),
        ("stages.shouting.max_upper=10%", lambda r: r.stages[1].stage.max_upper == 0.1),
        ("stages.shouting.scripts.2=Thai", lambda r: r.stages[1].stage.scripts == ["Latin", "Thai"]),
        ("stages.shouting.scripts=null", lambda r: r.stages[1].stage.scripts is None),
        ("stages.shouting.expect.drop=..5%", lambda r: str(r.stages[1].expect) == "..5%"),
        ("stages.part.share=1", lambda r: r.stages[2].stage.share == 1),
        ("stages.3.as=other", lambda r: r.stages[2].label == "other"),
        ("stages.2=./lower.py", lambda r: r.stages[1].label == "lower"),
        ("stages=[exact_dedup]", lambda r: len(r.stages) == 1),
    ],
)
def test_what_can_be_set(load_text, override, found):
    assert found(load_text(TEXT, override))


def test_later_ones_see_what_earlier_ones_did(load_text):
    recipe = load_text(TEXT, "stages.1.as=first", "stages.first.level=raw", "stages.first.level=simplified")
    assert (recipe.stages[0].label, recipe.stages[0].stage.level) == ("first", "simplified")


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("workers", "it must be PATH=VALUE, as in --set output.path=out2 or --set stages.language.min_score=0.8"),
        ("=2", "it must be PATH=VALUE, as in --set output.path=out2 or --set stages.language.min_score=0.8"),
        ("a..b=2", "it must be PATH=VALUE, as in --set output.path=out2 or --set stages.language.min_score=0.8"),
        ("workers=two", "workers = two; it must be auto, or a number of processes"),
        ("workers=[1", "this is not YAML: expected ',' or ']', but got '<stream end>'"),
        ("outptu.path=x", "there is no key 'outptu' here; did you mean 'output'?"),
        ("shouting.max_upper=1", "there is no key 'shouting' here; did you mean stages.shouting?"),
        ("output.pth=x", "output: it has no option 'pth'; did you mean 'path'?"),
        ("output.path.x=1", "output.path is 'out'; it has nothing inside that could be set"),
        (
            "stages.0.level=raw",
            "there is no stage '0'  the stages are: 1 exact_dedup, 2 shouting, 3 part",
        ),
        (
            "stages.shoting.max_upper=1",
            "there is no stage 'shoting'; did you mean 'shouting'?  the stages are: 1 exact_dedup, 2 shouting, 3 part",
        ),
        ("stages.shouting.scripts.3=x", "there is no item 3; items are counted from 1 to 2"),
        ("stages.2.max_upper=40", "stage 2 'shouting': max_upper = 40; it must be a number, 0 to 1; did you mean 0.4?"),
        ("stages.2.max_uper=1", "stage 2 'shouting': it has no option 'max_uper'; did you mean 'max_upper'?"),
        ("stages.2=drop", "stage 2 'drop': option 'column' is missing: Column whose value decides."),
        ("stages.2.expect.drop=5", "stage 2 'shouting': expect.drop = 5; it must be a range of shares, as in 5%..60%,"
         " ..20% or 10%..; did you mean ..5%?"),
    ],
)  # fmt: skip
def test_what_cannot_be_set(complaints, override, message):
    assert complaints(TEXT, override) == [f"--set {override}: {message}"]


def test_all_that_cannot_be_set_is_named(complaints):
    assert [line.partition(":")[0] for line in complaints(TEXT, "workers", "workers=3", "stages.9.x=1")] == [
        "--set workers",
        "--set stages.9.x=1",
    ]


def test_an_override_can_mend_a_recipe(load_text):
    broken = TEXT.replace("share: 0.5", "share: 50")
    assert load_text(broken, "stages.part.share=50%").stages[2].stage.share == 0.5
