# ruff: noqa: E501
"""Messages, word for word: they are the product."""

import pytest

HEAD = "input: data/\noutput: out/\nstages:\n"
WHOLE = HEAD + "  - sample: {share: 1}\n"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ("{max_uper: 0.4}", "it has no option 'max_uper'; did you mean 'max_upper'?"),
        ("{zzz: 0.4}", "it has no option 'zzz'; it has max_upper, min_letters, scripts, strict"),
        ("{expext: {drop: 5%..}}", "it has no option 'expext'; did you mean 'expect'?"),
        ("{max_upper: 40}", "max_upper = 40; it must be a number, 0 to 1; did you mean 0.4?"),
        ("{max_upper: 400%}", "max_upper = 400%; it must be a number, 0 to 1"),
        ("{max_upper: -1}", "max_upper = -1; it must be a number, 0 to 1"),
        ("{max_upper: true}", "max_upper = true; it must be a number, 0 to 1"),
        ("{max_upper: 0,5}", "it has no option '5'; is it behind a decimal comma? A number has a decimal point"),
        ("{max_upper: '0,5'}", 'max_upper = "0,5"; it must be a number, 0 to 1; did you mean 0.5?'),
        ("{max_upper: high}", "max_upper = high; it must be a number, 0 to 1"),
        ("{max_upper: }", "max_upper = ; it must be a number, 0 to 1"),
        ("{max_upper: [1]}", "max_upper = [1]; it must be a number, 0 to 1"),
        ("{min_letters: 2.5}", "min_letters = 2.5; it must be a whole number, 1 or more"),
        ("{min_letters: 5%}", "min_letters = 5%; it must be a whole number, 1 or more"),
        ("{scripts: Latin}", "scripts = Latin; it must be a list of strings or null; did you mean [Latin]?"),
        ("{scripts: [Latin, 5]}", "item 2 of scripts = 5; it must be a string"),
        ("{strict: maybe}", "strict = maybe; it must be true or false"),
        ("loud", "loud is no mapping of options; write them as in ./shouting.py: {max_upper: loud}"),
        (
            "{as: a/b}",
            "as = a/b; it must be a name of letters, digits, _ and - that begins with a letter, for use in file names",
        ),
        ("{as: quarantine}", "as = quarantine; curate uses that name itself, choose another one"),
        (
            "{as: Aux}",
            "as = Aux; Windows takes that name for a device, and labels are names of files; choose another one",
        ),
        ("{expect: 5%}", "expect = 5%; it must say which share may be dropped, as in {drop: 5%..60%}"),
        (
            "{expect: 5%..60%}",
            "expect = 5%..60%; it must say which share may be dropped, as in {drop: 5%..60%}; did you mean {drop: 5%..60%}?",
        ),
        (
            "{expect: {drop: 5%}}",
            "expect.drop = 5%; it must be a range of shares, as in 5%..60%, ..20% or 10%..; did you mean ..5%?",
        ),
        ("{expect: {drop: 60%..5%}}", "expect.drop = 60%..5%; the range is upside down; did you mean 5%..60%?"),
        ("{expect: {drop: 5..60}}", "expect.drop = 5..60; a share lies between 0% and 100%; did you mean 5%?"),
    ],
)
def test_options(complaints, options, message):
    assert complaints(f"{HEAD}  - ./shouting.py: {options}\n") == [f"web.yaml:4: stage 1 'shouting': {message}"]


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ("exactdedup", "stage 1: no stage is named 'exactdedup'; did you mean 'exact_dedup'?  see: curate stages"),
        ("shouting", "stage 1: no stage is named 'shouting'; did you mean './shouting.py'?"),
        ("./shoutng.py", "stage 1: ./shoutng.py: there is no such file; did you mean './shouting.py'?"),
        ("drop", "stage 1 'drop': option 'column' is missing: Column whose value decides."),
        ("drop: {column: x}", "stage 1 'drop': drop needs a condition: below, above, in or not_in"),
        (
            "drop: {column: x, above: 1, missing: dorp}",
            "stage 1 'drop': missing = dorp; it must be keep, drop or error; did you mean 'drop'?",
        ),
        ("5", "stage 1: it must be a stage, as in - normalize or - language: {keep: [en]}; got 5"),
        ("[sample]", "stage 1: it must be a stage, as in - normalize or - language: {keep: [en]}; got [sample]"),
        (
            "sample:\n    share: 0.5",
            "stage 1: 'share' stands beside 'sample', not in it; indent the options of 'sample' further",
        ),
        (
            "{sample: {share: 1}, drop: {column: x, above: 1}}",
            "stage 1: it has 2 keys, 'sample' and 'drop'; put each stage after a - of its own",
        ),
    ],
)
def test_entries(complaints, entry, message):
    assert complaints(f"{HEAD}  - {entry}\n") == [f"web.yaml:4: {message}"]


@pytest.mark.parametrize(
    ("text", "messages"),
    [
        ("", ["web.yaml: the recipe is empty; it needs input, output and stages: curate init writes one"]),
        ("# nothing\n", ["web.yaml: the recipe is empty; it needs input, output and stages: curate init writes one"]),
        ("- a\n", ["web.yaml:1: a recipe has the keys input, output and stages; got [a]"]),
        (
            "output: b\nstage:\n- sample\n",
            [
                "web.yaml: 'input' is missing; write it as in input: data/",
                "web.yaml:2: there is no key 'stage' here; did you mean 'stages'?",
            ],
        ),
        (
            "input: 5\noutput:\nstages: sample\nworkers: 1.5\non_bad_input: 1%\n",
            [
                "web.yaml:1: input = 5; it must be a mapping, as in input: data/",
                "web.yaml:2: 'output' is empty; write it as in output: out/",
                "web.yaml:3: stages = sample; it must be a list, with a - before each stage",
                "web.yaml:4: workers = 1.5; it must be auto, or a number of processes",
                "web.yaml:5: on_bad_input = 1%; it must be a mapping, as in on_bad_input: {max_documents: 0.1%}",
            ],
        ),
        ("input: a\noutput: b\nstages: []\n", ["web.yaml:3: 'stages' is empty; write it as in stages: [normalize, exact_dedup]"]),
        (WHOLE + "worker: 2\nzzz: 1\n", [
            "web.yaml:5: there is no key 'worker' here; did you mean 'workers'?",
            "web.yaml:6: there is no key 'zzz' here; the keys are input, output, workers, on_bad_input, incremental, card, stages",
        ]),
        (WHOLE + "workers: atuo\n", ["web.yaml:5: workers = atuo; it must be auto, or a number of processes; did you mean 'auto'?"]),
        (WHOLE + "workers: -1\n", ["web.yaml:5: workers = -1; it must be auto, or a number of processes"]),
        (WHOLE + "workers: true\n", ["web.yaml:5: workers = true; it must be auto, or a number of processes"]),
    ],
)  # fmt: skip
def test_the_recipe_as_a_whole(complaints, text, messages):
    assert complaints(text) == messages


@pytest.mark.parametrize(
    ("part", "message"),
    [
        ("input: {path: a}", "input: it has no option 'path'; did you mean 'paths'?"),
        ("input: {format: csv, paths: a}", "input: format = csv; it must be auto, parquet or jsonl"),
        ("input: {id: x, text: x, paths: a}", "input: id and text are both column 'x'; they must be two columns"),
        ("input: ''", "input: paths = \"\"; it must be a string (not empty) or a list of strings (not empty)"),
        ("input: [a, 5]", "input: item 2 of paths = 5; it must be a string"),
        ("input: {paths: []}", "input: paths = []; it must be a string (not empty) or a list of strings (not empty)"),
        ("output: {path: b, compression: zst}", "output: compression = zst; it must be zstd, snappy, gzip, lz4 or none; did you mean 'zstd'?"),
        ("output: {path: b, compression_level: 99}", "output: compression_level = 99; for zstd it must be 1 to 22"),
        ("output: {path: b, compression: none, compression_level: 1}", "output: compression_level is given, but none has no levels; leave it out"),
        ("output: {path: b, shard_size: 256 MBs}", "output: shard_size = 256 MBs; there is no unit 'MBs', but B, kB, MB, GB, TB, KiB, MiB, GiB, TiB; did you mean 256MB?"),
        ("output: {path: b, shard_size: big}", "output: shard_size = big; it must be a size, as in 256MB, 1GiB or a number of bytes"),
        ("output: {path: b, shard_size: 0}", "output: shard_size = 0; it must be a size of 1 byte or more, as in 256MB"),
        ("output: {shard_size: 1MB}", "output: option 'path' is missing: The run's own folder; relative ones are relative to the current directory."),
        ("on_bad_input: {max_documents: 150%}", "on_bad_input: max_documents = 150%; it must be a share, as in 0.1%, or a whole number of documents"),
        ("on_bad_input: {max_documents: -1}", "on_bad_input: max_documents = -1; it must be a share, as in 0.1%, or a number of documents, 0 or more"),
        ("on_bad_input: {max_shards: 1%}", "on_bad_input: max_shards = 1%; it must be a whole number, 0 or more"),
    ],
)  # fmt: skip
def test_input_output_and_limits(complaints, part, message):
    lines = {"input": "input: a", "output": "output: b", "stages": "stages: [exact_dedup]"}
    lines[part.partition(":")[0]] = part
    line = list(lines.values()).index(part) + 1
    assert complaints("\n".join(lines.values())) == [f"web.yaml:{line}: {message}"]


def test_all_errors_come_together_in_the_order_of_the_lines(complaints):
    text = """\
stages:
  - smaple: {share: 0.5}
  - drop: {column: x, below: [1]}
  - sample:
      shard: 0.5
      share: 50
      as: 1st
workers: two
output: {path: out, compresion: gzip}
input: {paths: data, txt: body}
"""
    assert complaints(text) == [
        "web.yaml:2: stage 1: no stage is named 'smaple'; did you mean 'sample'?  see: curate stages",
        "web.yaml:3: stage 2 'drop': below = [1]; it must be a number or a string or null",
        "web.yaml:5: stage 3 'sample': it has no option 'shard'; did you mean 'share'?",
        "web.yaml:6: stage 3 'sample': share = 50; it must be a number, 0 to 1; did you mean 0.5?",
        "web.yaml:7: stage 3 'sample': as = 1st; it must be a name of letters, digits, _ and - that begins with a letter,"
        " for use in file names",
        "web.yaml:8: workers = two; it must be auto, or a number of processes",
        "web.yaml:9: output: it has no option 'compresion'; did you mean 'compression'?",
        "web.yaml:10: input: it has no option 'txt'; did you mean 'text'?",
    ]


def test_two_steps_of_one_name(complaints):
    assert complaints(HEAD + "  - sample: {share: 1, as: s}\n  - sample: {share: 1, as: s}\n") == [
        "web.yaml:5: stage 2: as = s; stage 1 is called that already"
    ]
    assert complaints(HEAD + "  - sample: {share: 1, as: s}\n  - sample: {share: 1, as: S}\n") == [
        "web.yaml:5: stage 2: as = S; stage 1 is called that already but for capitals (s), which not every disk tells apart"
    ]


def test_a_stage_whose_own_check_fails_otherwise(complaints, folder):
    (folder / "picky.py").write_text(
        "from curate import Filter\nfrom pydantic import model_validator\nclass Picky(Filter):\n"
        "  @model_validator(mode='after')\n  def check(self): raise FileNotFoundError('words.txt')\n"
        "  def judge_one(self, text): return None\n"
    )
    assert complaints(HEAD + "  - ./picky.py\n") == ["web.yaml:4: stage 1 'picky': FileNotFoundError: words.txt"]


def test_a_long_value_is_cut(complaints):
    (line,) = complaints(HEAD + f"  - ./shouting.py: {{max_upper: {'x' * 500}}}\n")
    assert line == f"web.yaml:4: stage 1 'shouting': max_upper = {'x' * 59}…; it must be a number, 0 to 1"
