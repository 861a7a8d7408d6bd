"""Requests to a store: made again when that may help, never when it will not, and never telling a secret."""

from __future__ import annotations

import errno
import io

import fsspec
import pytest

from curate.errors import RecipeError, StoreError, redacted
from curate.store import objects
from curate.store.inputs import list_inputs, same_as_now
from curate.store.ranges import TAIL, RangeFile, opened


@pytest.fixture
def bucket():
    """A store in memory, and how to fill it."""
    system = fsspec.filesystem("memory")
    system.store.clear()
    system.pseudo_dirs[:] = [""]
    yield system
    system.store.clear()


@pytest.fixture
def pauses(monkeypatch):
    """Seconds that were waited between tries; nobody waits in a test."""
    waited: list[float] = []
    monkeypatch.setattr(objects.time, "sleep", waited.append)
    return waited


def failing(times, error, then="done"):
    """A request that fails so often, and the number of times that it was made."""
    calls = []

    def call():
        calls.append(1)
        if len(calls) <= times:
            raise error
        return then

    return call, calls


def refusal(status):
    """An error as libraries over HTTP raise it, which knows its status only."""
    error = RuntimeError("no")
    error.status = status
    return error


@pytest.mark.parametrize(
    "error",
    [OSError(errno.EBUSY, "SlowDown"), ConnectionResetError(), TimeoutError(), refusal(503), refusal(429)],
)
def test_what_may_pass_is_tried_again_after_longer_and_longer_pauses(pauses, error):
    call, calls = failing(objects.ATTEMPTS - 1, error)
    assert objects.attempt("read it", "s3://b/x", call) == "done"
    assert len(calls) == objects.ATTEMPTS
    most = [objects.PAUSE * 2**n for n in range(objects.ATTEMPTS - 1)]
    assert all(m / 2 <= pause <= m for pause, m in zip(pauses, most, strict=True))


def test_what_never_passes_ends_with_what_was_tried(pauses):
    call, calls = failing(99, OSError(errno.EBUSY, "SlowDown"))
    with pytest.raises(StoreError, match=r"s3://b/x: cannot read it, tried 6 times: OSError: .*SlowDown"):
        objects.attempt("read it", "s3://b/x", call)
    assert len(calls) == objects.ATTEMPTS


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (FileNotFoundError("x"), objects.Gone),
        (PermissionError("x"), objects.Forbidden),
        (OSError(errno.EINVAL, "bad"), StoreError),
        (refusal(403), objects.Forbidden),
        (refusal(404), objects.Gone),
        (refusal(400), StoreError),
        (ValueError("bad"), StoreError),
    ],
)
def test_what_cannot_pass_is_tried_once(pauses, error, kind):
    call, calls = failing(1, error)
    with pytest.raises(kind):
        objects.attempt("read it", "s3://b/x", call)
    assert len(calls) == 1
    assert pauses == []


def test_a_body_that_ends_early_is_read_again(bucket, pauses, monkeypatch):
    bucket.pipe("/d/x", b"0123456789")
    whole, cuts = type(bucket).cat_file, [4, 0]

    def cut(self, path, start=None, end=None, **more):
        data = whole(self, path, start=start, end=end, **more)
        return data[: cuts.pop()] if cuts else data

    monkeypatch.setattr(type(bucket), "cat_file", cut)
    assert objects.read("memory://d/x", 2, 9) == b"2345678"
    assert len(pauses) == 2


def test_a_file_that_arrives_in_part_is_no_file(bucket, pauses, monkeypatch, tmp_path):
    bucket.pipe("/d/x", b"0123456789")
    monkeypatch.setattr(type(bucket), "get_file", lambda self, name, to, **more: open(to, "wb").close())
    with pytest.raises(StoreError, match="0 bytes came instead of 10"):
        objects.fetch("memory://d/x", tmp_path / "x")
    assert list(tmp_path.iterdir()) == []


def test_there_and_back(bucket, tmp_path):
    (tmp_path / "x").write_bytes(b"content")
    objects.put(tmp_path / "x", "memory://out/a/x")
    objects.write("memory://out/b", b"small")
    assert [(one.url, one.size) for one in objects.below("memory://out")] == [
        ("memory:///out/a/x", 7),
        ("memory:///out/b", 5),
    ]
    assert objects.below("memory://none") == []
    objects.fetch("memory://out/a/x", tmp_path / "y")
    assert (tmp_path / "y").read_bytes() == objects.read_all("memory://out/a/x") == b"content"
    objects.remove("memory://out/b")
    objects.remove("memory://out/b")
    assert objects.kind_of("memory://out/b") is None
    assert objects.kind_of("memory://out/a") == "directory"


def test_only_the_first_creates(bucket):
    assert objects.create("memory://lock", b"mine")
    assert not objects.create("memory://lock", b"yours")
    assert objects.read_all("memory://lock") == b"mine"
    assert objects.create("memory://lock", b"mine"), "an answer that was lost"


def test_a_range_file_is_a_file(bucket):
    data = bytes(n * 7 % 251 for n in range(3 * TAIL))
    bucket.pipe("/d/x", data)
    file, plain = RangeFile("memory://d/x"), io.BytesIO(data)
    reads = [(0, 0, 64), (-8, 2, 8), (-TAIL - 5, 2, 40), (10, 0, -1), (0, 2, 9), (5, 1, 9), (7, 0, 0)]
    for offset, whence, size in reads:
        assert file.seek(offset, whence) == plain.seek(offset, whence)
        assert file.read(size) == plain.read(size)
        assert file.tell() == plain.tell()
    with opened("memory://d/x") as stream:
        assert stream.read(4) == data[:4]
        assert stream.read() == data[4:]


def test_a_look_at_the_head_reads_little(bucket, monkeypatch):
    bucket.pipe("/d/x", bytes(40 * TAIL))
    asked = []
    monkeypatch.setattr(objects, "read", lambda url, start, stop: asked.append(stop - start) or bytes(stop - start))
    with opened("memory://d/x") as stream:
        stream.read(4)
        assert asked == [TAIL]
        stream.read()
    assert len(asked) <= 6


def test_folders_globs_and_files_of_a_store(bucket):
    for name in ("a.parquet", "sub/b.jsonl", "_SUCCESS", ".x/c.jsonl", "README.md"):
        bucket.pipe(f"/in/{name}", name.encode())
    listing = list_inputs(["memory://in"])
    assert [(file.name, file.path, file.size) for file in listing.files] == [
        ("a.parquet", "memory:///in/a.parquet", 9),
        ("sub/b.jsonl", "memory:///in/sub/b.jsonl", 11),
    ]
    assert listing.ignored == (("memory:///in/README.md", "unknown_ending"),)
    assert [file.name for file in list_inputs(["memory://in/*.parquet", "memory://in/sub"]).files] == [
        "a.parquet",
        "b.jsonl",
    ]
    assert [file.name for file in list_inputs(["memory://in/sub/b.jsonl"]).files] == ["b.jsonl"]


def test_names_that_clash_begin_where_the_folders_differ(bucket, tmp_path):
    bucket.pipe("/one/a.jsonl", b"1")
    bucket.pipe("/two/a.jsonl", b"2")
    (tmp_path / "a.jsonl").write_text("3")
    assert [f.name for f in list_inputs(["memory://one", "memory://two"]).files] == ["one/a.jsonl", "two/a.jsonl"]
    names = [file.name for file in list_inputs(["memory://one", str(tmp_path)]).files]
    assert len(set(names)) == 2


@pytest.mark.parametrize(
    ("entry", "says"),
    [
        ("memory://in/c.parquet", "there is no 'memory://in/c.parquet'; did you mean 'memory://in/a.parquet'"),
        ("memory://in/*.txt", r"nothing matches 'memory://in/\*.txt'; in 'memory://in' there is: a.parquet"),
        ("memory://", "names no bucket"),
        ("memory://in/../x", "which stores take for names"),
        ("nosuch://in/x", "is the scheme right"),
    ],
)
def test_what_is_not_there_is_said_with_what_is(bucket, entry, says):
    bucket.pipe("/in/a.parquet", b"x")
    with pytest.raises(RecipeError, match=says):
        list_inputs([entry])


def test_a_changed_object_is_noticed(bucket):
    bucket.pipe("/in/a.jsonl", b"one")
    [file] = list_inputs(["memory://in"]).files
    assert same_as_now(file) is None
    bucket.pipe("/in/a.jsonl", b"two")
    assert "written again" in same_as_now(file)
    bucket.pipe("/in/a.jsonl", b"three")
    assert "size changed from 3 to 5" in same_as_now(file)
    bucket.rm("/in/a.jsonl")
    assert same_as_now(file) == "it is gone"


def test_the_extra_is_named_when_a_library_is_missing(monkeypatch):
    def missing(scheme, **options):
        raise ImportError("Install gcsfs to access Google Storage")

    monkeypatch.setattr(fsspec, "filesystem", missing)
    with pytest.raises(RecipeError, match=r"pip install 'curate\[gs\]'"):
        list_inputs(["gs://some-bucket-of-nobody/x"])


SIGNED = "https://h/x.parquet?X-Amz-Credential=AKID%2Fx&X-Amz-Signature=abc123&b=1"


@pytest.mark.parametrize(
    ("text", "without"),
    [
        ("s3://key:hunter2@bucket/x and", "hunter2"),
        (f"cannot read {SIGNED} now", "abc123"),
        ("https://h/x?sv=1&sig=s3cr3t%3D", "s3cr3t"),
        ("{'Authorization': 'Bearer abcdefghij'}", "abcdefghij"),
        ("token hf_abcdefghijklmnopqrstuvwx was", "hf_abcdefgh"),
        ("the key AKIAABCDEFGHIJKLMNOP is", "ABCDEFGHIJ"),
        ("the server says: test-secret-of-nobody!", "test-secret-of-nobody"),
    ],
)
def test_secrets_are_not_told(monkeypatch, text, without):
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test-secret-of-nobody")
    assert without not in redacted(text)
    assert without not in str(StoreError(text))
    assert "***" in redacted(text)


@pytest.mark.parametrize("text", ["hf://org/repo/file@v1", "a@b.c", "s3://b/a@b", "x?page=2&id=3", "TOKEN = false"])
def test_what_is_no_secret_stays(monkeypatch, text):
    monkeypatch.setenv("SOME_TOKEN", "false")
    assert redacted(text) == text


@pytest.mark.parametrize("entry", [SIGNED, "s3://key:hunter2@bucket/x"])
def test_an_address_with_a_secret_is_refused(entry):
    with pytest.raises(RecipeError, match="has a password, key or signature in it") as caught:
        list_inputs([entry])
    assert "hunter2" not in str(caught.value)
    assert "abc123" not in str(caught.value)


def test_file_addresses_are_paths(tmp_path):
    (tmp_path / "a.jsonl").write_text("{}\n")
    assert list_inputs([f"file://{tmp_path}"]) == list_inputs([str(tmp_path)])
