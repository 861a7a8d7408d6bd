"""Which files an input names, in which order, and what is said when it names none."""

import os
from pathlib import Path

import pytest

from curate.errors import RecipeError, StoreError
from curate.store.inputs import list_inputs, same_as_now
from curate.store.paths import place_beside


@pytest.fixture
def make(tmp_path, monkeypatch):
    """Make files below the current folder, each holding its name."""
    monkeypatch.chdir(tmp_path)

    def make(*names):
        for name in names:
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(name)

    return make


def names(*paths, format=None):
    return [file.name for file in list_inputs(paths, format).files]


def test_a_folder_is_all_its_files_in_the_order_of_names(make, tmp_path):
    make("data/b.parquet", "data/a/10.jsonl", "data/a/2.jsonl", "data/c.JSONL.GZ", "data/d.ndjson.zst", "data/e.json")
    files = list_inputs(["data"]).files
    assert [(file.index, file.name, file.format) for file in files] == [
        (0, "a/10.jsonl", "jsonl"),
        (1, "a/2.jsonl", "jsonl"),
        (2, "b.parquet", "parquet"),
        (3, "c.JSONL.GZ", "jsonl"),
        (4, "d.ndjson.zst", "jsonl"),
        (5, "e.json", "jsonl"),
    ]
    assert files[2].path == str(tmp_path / "data/b.parquet")
    assert files[2].size == len("data/b.parquet")
    assert files[2].mtime_ns == (tmp_path / "data/b.parquet").stat().st_mtime_ns
    assert list_inputs([str(tmp_path / "data") + "/"]) == list_inputs(["./data/../data"])


def test_hidden_files_are_no_data_and_others_are_named(make, tmp_path):
    make(
        "d/.x.parquet",
        "d/_SUCCESS",
        "d/_tmp/x.parquet",
        "d/.git/y.jsonl",
        "d/a.parquet",
        "d/README.md",
        "d/b.parquet.gz",
    )
    listing = list_inputs(["d"])
    assert [file.name for file in listing.files] == ["a.parquet"]
    assert listing.ignored == (
        (str(tmp_path / "d/README.md"), "unknown_ending"),
        (str(tmp_path / "d/b.parquet.gz"), "unknown_ending"),
    )


def test_globs(make):
    make("d/en/1.parquet", "d/de/1.parquet", "d/de/2.jsonl", "d/en/x.txt", "d/_old/1.parquet", "d/.c/1.parquet")
    assert names("d/*/1.parquet") == ["de/1.parquet", "en/1.parquet"]
    assert names("d/**/*.parquet") == ["de/1.parquet", "en/1.parquet"]
    assert names("d/**") == ["de/1.parquet", "de/2.jsonl", "en/1.parquet"]
    assert names("d/*") == ["de/1.parquet", "de/2.jsonl", "en/1.parquet"]  # folders stand for their files
    assert names("d/en/[0-9].parquet") == ["1.parquet"]
    assert names("d/_*/*.parquet") == ["_old/1.parquet"]  # asked for
    assert names("d/_old") == ["1.parquet"]


def test_a_file_whose_name_looks_like_a_glob_is_a_file(make):
    make("d/a[1].parquet", "d/a1.parquet")
    assert names("d/a[1].parquet") == ["a[1].parquet"]


def test_each_file_once(make, tmp_path):
    make("d/a.parquet", "d/b.parquet")
    (tmp_path / "d/link.parquet").symlink_to(tmp_path / "d/a.parquet")
    (tmp_path / "d/circle").symlink_to(tmp_path / "d")
    listing = list_inputs(["d", "d/b.parquet", "d/*.parquet"])
    assert [file.name for file in listing.files] == ["a.parquet", "b.parquet"]
    assert listing.ignored == ((str(tmp_path / "d/link.parquet"), "same_file"),)


def test_names_are_unique_and_do_not_depend_on_where_the_data_lies(make, tmp_path):
    make("x/one/0.parquet", "x/two/0.parquet", "y/x/one/0.parquet", "y/x/two/0.parquet")
    assert names("x/one", "x/two") == ["one/0.parquet", "two/0.parquet"]
    assert names("y/x/two", "y/x/one") == ["one/0.parquet", "two/0.parquet"]
    assert names("x/one/0.parquet", "x/two/0.parquet") == ["one/0.parquet", "two/0.parquet"]
    assert names("x/one", "y/x/one/0.parquet") == ["x/one/0.parquet", "y/x/one/0.parquet"]


def test_a_format_for_all(make, tmp_path):
    make("d/part-0", "d/a.jsonl", "d/b.parquet", "d/c.txt", "z.data")
    listing = list_inputs(["d"], "jsonl")
    assert [(file.name, file.format) for file in listing.files] == [("a.jsonl", "jsonl"), ("part-0", "jsonl")]
    assert [reason for _, reason in listing.ignored] == ["other_format", "unknown_ending"]
    assert names("d/*.txt", "z.data", format="jsonl") == ["c.txt", "z.data"]
    with pytest.raises(RecipeError, match="format 'csv' is unknown"):
        list_inputs(["d"], "csv")


@pytest.mark.parametrize(
    ("entry", "says"),
    [
        ("dta", "there is no 'dta'; did you mean '.*data'?"),
        ("data/a.parqet", "there is no .*did you mean '.*a.parquet'?"),
        ("data/*.json", "nothing matches 'data/\\*.json'; in '.*data' there is: a.parquet, b.txt, empty, none"),
        ("data/b.txt", "its name ends in none of .parquet, .jsonl.*format: jsonl"),
        ("data/empty", "there is no file in the folder 'data/empty'"),
        ("data/none", "nothing to read in 'data/none': 1 file was passed over \\('c.csv'\\)"),
        ("data/none", r"read_csv\('.*data/none/c\.csv'\)\.write_parquet\('c\.parquet'\)"),
        ("data/*.txt", "nothing to read in 'data/\\*.txt': 1 file was passed over"),
        ("s3://key:secret@bucket/x", r"'s3://\*\*\*@bucket/x' has a password"),
        ("zip://x::s3://bucket/x", "an address within another"),
    ],
)
def test_a_path_that_names_nothing_to_read(make, tmp_path, entry, says):
    make("data/a.parquet", "data/b.txt", "data/none/c.csv")
    (tmp_path / "data/empty").mkdir()
    with pytest.raises(RecipeError, match=says):
        list_inputs(["data/a.parquet", entry])


@pytest.mark.parametrize(
    ("entries", "says"),
    [
        (["data/"], "from '{folder}' there is 'data/': cd '{folder}'"),
        (["data/*.parquet"], "from '{folder}' there is 'data/*.parquet'"),
        (["data/**.parquet"], "there is 'data/**.parquet'"),
        (["**/*.parquet", "**.parquet"], ""),
        (["data/**.jsonl"], ""),
        (["here", "data/a.parquet"], "there is 'data/a.parquet'"),
        (["dta"], ""),
        (["s3://bucket/data", "/data", "~/data"], ""),
    ],
)
def test_input_that_lies_beside_the_recipe(make, tmp_path, monkeypatch, entries, says):
    project = tmp_path / "my project"
    make("my project/configs/r.yaml", "my project/data/a.parquet", "else/here")
    monkeypatch.chdir(tmp_path / "else")
    told = place_beside(project / "configs/r.yaml", entries)
    assert says.format(folder=project) in told if says else not told
    monkeypatch.chdir(project)
    assert place_beside(Path("configs/r.yaml"), entries) == ""
    assert place_beside(None, entries) == ""


def test_a_link_to_nothing_is_not_passed_over(make, tmp_path):
    make("d/a.parquet")
    (tmp_path / "d/b.parquet").symlink_to(tmp_path / "annexed")
    with pytest.raises(StoreError, match=r"b\.parquet: it is a link to a file that is not there"):
        list_inputs(["d"])


def test_a_pipe_is_no_file(make, tmp_path):
    make("d/a.parquet")
    os.mkfifo(tmp_path / "d/b.parquet")
    assert list_inputs(["d"]).ignored == ((str(tmp_path / "d/b.parquet"), "no_file"),)
    with pytest.raises(RecipeError, match="neither a file nor a folder"):
        list_inputs(["d/b.parquet"])


def test_a_name_that_is_no_text(make, tmp_path):
    make("d/a.parquet")
    try:
        open(os.fsencode(tmp_path) + b"/d/\xff.parquet", "wb").close()
    except OSError:
        pytest.skip("the file system takes no such names")
    with pytest.raises(StoreError, match="not valid UTF-8"):
        list_inputs(["d"])


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_no_permission(make, tmp_path):
    make("d/a.parquet", "d/e/b.parquet")
    (tmp_path / "d/a.parquet").chmod(0)
    with pytest.raises(StoreError, match=r"a\.parquet: cannot read it: Permission denied"):
        list_inputs(["d"])
    (tmp_path / "d/e").chmod(0)
    with pytest.raises(StoreError, match="cannot look into"):
        list_inputs(["d"])
    (tmp_path / "d/e").chmod(0o700)


def test_what_happened_to_a_file(make, tmp_path):
    make("a.parquet")
    file = list_inputs(["a.parquet"]).files[0]
    assert same_as_now(file) is None
    os.utime(file.path, ns=(1, 1))
    assert same_as_now(file) == "it was written again; its size is the same"
    make("a.parquet.more")
    os.replace("a.parquet.more", "a.parquet")
    assert same_as_now(file) == "its size changed from 9 to 14 bytes"
    os.unlink("a.parquet")
    assert same_as_now(file) == "it is gone"
