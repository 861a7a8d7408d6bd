import io
import json
import os
import subprocess
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from curate.cli import screen
from curate.cli.bars import Bars
from curate.cli.lines import Json, Lines
from curate.cli.meter import Meter, duration, percent, size
from curate.engine import events
from curate.engine.events import (
    Event,
    FunnelRow,
    KernelsCompiling,
    NothingNew,
    PassDone,
    PassStarted,
    Published,
    Quarantined,
    Resolved,
    Resolving,
    RunDone,
    RunFailed,
    RunStarted,
    ShareDone,
    UnitDone,
    Waiting,
    Warned,
)
from curate.errors import RecipeError

ROOT = Path(__file__).parents[2]

FUNNEL = (
    FunnelRow("read", 1860, 1859, None, 9_700_123, unreadable=True, reasons={"broken_json": (1, None)}),
    FunnelRow("normalize", 1859, 1859, 9_700_123, 9_650_001),
    FunnelRow("language", 1859, 1002, 9_650_001, 5_120_333, reasons={"other_language": (800, 4), "low_score": (57, 2)}),
)
RUN = (
    RunStarted("web.yaml", 4, 1860, 10_300_000, 2, "out"),
    KernelsCompiling(),
    PassStarted(1, 2, "normalize, language", 3, 1860, 9_000_000),
    UnitDone(1, 600, 3_000_000, 300, 300, reused=True),
    UnitDone(1, 600, 3_000_000, 400, 200),
    Quarantined("a[0].jsonl", None, 17, "broken_json", "unexpected end of data"),
    UnitDone(1, 660, 3_000_000, 302, 357, quarantined=1, retried=1),
    PassDone(1, 12.4, 1860, 9_000_000, 1002, 857, 1),
    Resolving("keep_best"),
    Resolved("keep_best", "quality >= 0.5: 3 of 10 documents"),
    PassStarted(2, 2, "write", 1, 1002, 5_000_000),
    UnitDone(2, 1002, 5_000_000, 1002, 0),
    PassDone(2, 1.0, 1002, 5_000_000, 1002, 0),
    Warned("b.csv is [bold]passed over[/bold]"),
    RunDone(FUNNEL, 75.2, "out", 3, 1, 4_100_000, 1),
)


class Clock:
    """A second goes by at each look."""

    def __init__(self):
        self.now = 0.0

    def __call__(self):
        self.now += 1
        return self.now


def bars(width=80):
    console = Console(file=io.StringIO(), width=width, force_terminal=True, color_system=None, highlight=False)
    return Bars(console, clock=Clock()), console


def text_of(renderable, width=80):
    console = Console(file=io.StringIO(), width=width, color_system=None, highlight=False)
    console.print(renderable)
    return console.file.getvalue()


def test_plain_lines(capsys):
    stream = io.StringIO()
    show = Lines(stream, every=3, clock=Clock())
    for event in RUN:
        show(event)
    lines = [line.split(" ", 1)[1] for line in stream.getvalue().splitlines()]
    assert lines == [
        "web.yaml -> out: 4 files, 1,860 documents, 10.3 MB, 2 workers",
        "compiling kernels, once for each installation: half a minute on a core that is free",
        "pass 1 of 2: normalize, language: 3 units of work",
        "pass 1 of 2: 66 %, 1,200 documents, 150 docs/s, 750 kB/s, 0:01 left",
        "kept aside: a[0].jsonl, line 17: broken_json: unexpected end of data",
        "pass 1 of 2: 100 %, 1,860 documents, 158 docs/s, 750 kB/s, 0:00 left",
        "pass 1 of 2: done in 0:12, 1,002 of 1,860 documents kept, 1 unreadable, 1 unit done before",
        "keep_best: deciding",
        "keep_best: quality >= 0.5: 3 of 10 documents",
        "pass 2 of 2: write: 1 unit of work",
        "pass 2 of 2: done in 0:01, 1,002 documents",
        "warning: b.csv is [bold]passed over[/bold]",
        "1 document could not be read, kept aside; look: curate inspect out --dropped-by quarantine",
        "done in 1:15: out (1 file, 4.1 MB)",
    ]
    assert "language" in capsys.readouterr().out


def test_json_lines_say_all(capsys):
    stream = io.StringIO()
    show = Json(stream)
    for event in (*RUN, Warned("two\nlines\u2028or three\ud800")):
        show(event)
    written = [json.loads(line) for line in stream.getvalue().splitlines()]
    assert [entry["event"] for entry in written[:3]] == ["run_started", "kernels_compiling", "pass_started"]
    for entry, event in zip(written, RUN, strict=False):
        fields = {name: value for name, value in entry.items() if name not in ("event", "time")}
        assert fields == json.loads(json.dumps(asdict(event)))
        assert entry["time"].endswith("+00:00")
    assert len(written) == len(RUN) + 1
    assert capsys.readouterr() == ("", "")


def test_bars_leave_a_line_for_each_pass(capsys):
    show, console = bars()
    for event in RUN:
        show(event)
    said = console.file.getvalue()
    for line in (
        "web.yaml → out",
        "4 files, 1,860 documents, 10.3 MB, 2 workers",
        "kept aside: a[0].jsonl, line 17: broken_json: unexpected end of data",
        "✓ pass 2 of 2  write                                     1,002 documents  0:01",
        "warning: b.csv is [bold]passed over[/bold]",
        "done in 1:15: out (1 file, 4.1 MB)",
        "1 document could not be read, kept aside; look: curate inspect out --dropped-by quarantine",
        "look: curate inspect out --dropped-by language",
    ):
        assert line in said
    assert said.rindex("\x1b[?25h") > said.rindex("\x1b[?25l"), "the cursor is hidden"
    assert "other_language" in capsys.readouterr().out


def test_a_frame_fits_into_80_columns_and_leaves_two_for_ctrl_c():
    show, _ = bars()
    for event in RUN[2:5]:
        show(event)
    assert text_of(show.frame()).splitlines() == [
        "pass 1 of 2  normalize, language         1,200 of 1,860 documents, 58.3 % kept",
        "━━━━━━━━━━━━━━━━━━━━━━━━╸              66 %   300 docs/s  1.5 MB/s   0:01 left",
    ]


def test_between_passes_a_frame_says_what_is_decided():
    show, _ = bars()
    show(Resolving("keep_best"))
    assert "keep_best: deciding" in text_of(show.frame())
    show(PassStarted(1, 1, "x", 1, None, 0))
    assert "0 documents" in text_of(show.frame())


@pytest.mark.parametrize("make", [lambda: bars()[0], lambda: Lines(io.StringIO())])
def test_the_funnel_of_a_run_with_quarantine_is_followed_by_where_to_look(make, capsys):
    show = make()
    show(RunDone(FUNNEL, 1.0, "my out", 3, quarantined=0))
    show(RunDone(FUNNEL, 1.0, "fine", 0))
    show.close()
    said = (show._console.file if isinstance(show, Bars) else show._stream).getvalue()
    assert "not all files were read; look: curate inspect 'my out' --dropped-by quarantine" in said
    assert "--dropped-by quarantine" not in said.split("my out (")[-1].split("done in")[-1]
    assert capsys.readouterr().out.count("in all") == 2


@pytest.mark.parametrize("make", [lambda: bars()[0], lambda: Lines(io.StringIO())])
def test_names_of_others_neither_colour_nor_steer(make, capsys):
    show = make()
    name = "[red]:red_circle:\x1b]0;x\x07"
    for event in (
        PassStarted(1, 2, "[red]label", 1, None, 1),
        Quarantined(name, 1, None, "broken", f"bad {name}"),
        Warned(name),
        PassDone(1, 1.0, 1, 1, 1, 0),
        RunFailed(name),
    ):
        show(event)
    show.close()
    said = (show._console.file if isinstance(show, Bars) else show._stream).getvalue()
    assert said.count(r"[red]:red_circle:\x1b]0;x\x07") == 4
    assert "[red]label" in said
    assert "\x1b]" not in said


def test_names_with_line_ends_do_not_break_lines_of_the_log():
    stream = io.StringIO()
    show, name = Lines(stream), "a\nb"
    for event in (
        RunStarted(name, 1, 1, 1, 0, name, False),
        Quarantined(name, 1, None, "broken", "bad"),
        Warned(name),
        Published(1, name),
        NothingNew(1, 1, name),
    ):
        show(event)
    lines = stream.getvalue().splitlines()
    assert len(lines) == 5
    assert all(r"a\nb" in line for line in lines)


@pytest.mark.parametrize("make", [lambda: bars()[0], lambda: Lines(io.StringIO()), lambda: Json(io.StringIO())])
def test_every_event_is_shown_and_nothing_else(make, capsys):
    of_others = (NothingNew(3, 2, "out"), Published(2, "out/data/gen-0002"))
    of_others += (Waiting(0, 0, "import", 4, "out"), Waiting(1, 2, "normalize", 4, "out"))
    of_others += (ShareDone("1/2", 1, 2, 2, 1, "out"), ShareDone("1/2", 1, 0, 0, 0, "out", late=True))
    known = {type(event) for event in (*RUN, *of_others)} | {RunFailed}
    assert known == set(get_args(Event))
    show = make()
    for event in (*RUN, *of_others, RunFailed("out of luck"), RunFailed("stopped", interrupted=True)):
        show(event)
    show.close()

    @dataclass(frozen=True)
    class Unknown:
        pass

    if not isinstance(show, Json):
        with pytest.raises(TypeError, match="no way to show"):
            show(Unknown())


def test_units_without_a_pass_do_no_harm():
    show = Lines(io.StringIO())
    show(UnitDone(1, 1, 1, 1, 0))
    show(PassDone(1, 1.0, 1, 1, 1, 0))


@pytest.mark.parametrize(("log_format", "kind"), [("auto", Lines), ("plain", Lines), ("json", Json)])
def test_without_a_terminal_there_are_lines(log_format, kind):
    assert isinstance(screen.choose(log_format), kind)


def test_an_unknown_format_is_refused():
    with pytest.raises(RecipeError, match="--log-format xml: expected one of auto, plain, json"):
        screen.choose("xml")


# --- numbers


def test_the_funnel_at_80_columns(capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    screen.print_funnel(FUNNEL)
    assert [line.rstrip() for line in capsys.readouterr().out.splitlines()] == [
        "step                  in   dropped    share    kept   chars kept",
        "────────────────────────────────────────────────────────────────",
        "read               1,860         1    0.1 %   1,859    9,700,123",
        "  broken_json                    1    0.1 %",
        "normalize          1,859         0    0.0 %   1,859    9,650,001",
        "language           1,859       857   46.1 %   1,002    5,120,333",
        "  other_language               800   43.0 %",
        "  low_score                     57    3.1 %",
        "────────────────────────────────────────────────────────────────",
        "in all             1,860       858   46.1 %   1,002    5,120,333",
    ]


def test_reasons_stand_in_the_order_of_how_many_they_drop(capsys):
    screen.print_funnel([FunnelRow("c4", 9, 0, 1, 1, reasons={"a": (1, 1), "b": (3, 1), "c": (5, 1), "aa": (1, 1)})])
    lines = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert [words[0] for words in lines if words and words[0] in ("a", "b", "c", "aa")] == ["c", "b", "a", "aa"]


def test_a_huge_funnel_still_fits_into_80_columns(capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    rows = [
        FunnelRow(
            "gopher_repetition", 12_345_678_901, 9_345_678_901, 10**14, 5 * 10**13, reasons={"dup_line": (3 * 10**9, 1)}
        )
    ]
    screen.print_funnel(rows)
    lines = capsys.readouterr().out.splitlines()
    assert max(map(len, lines)) <= 80
    assert "M chars kept" in lines[0]
    assert "50,000,000" in lines[-1]


def test_no_figure_is_cut_on_a_narrow_terminal(capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "40")
    screen.print_funnel(FUNNEL)
    out = capsys.readouterr().out
    assert "9,700,123" in out
    assert "other_language" in out
    assert "…" not in out


def test_an_empty_funnel_has_a_head_only(capsys):
    screen.print_funnel([])
    assert capsys.readouterr().out.split()[0] == "step"


@pytest.mark.parametrize(
    ("number", "text"), [(0, "0 B"), (999, "999 B"), (1000, "1.0 kB"), (9_700_000, "9.7 MB"), (999_999_999, "1.0 GB")]
)
def test_sizes(number, text):
    assert size(number) == text


@given(st.integers(0, 10**18))
def test_sizes_are_short(number):
    assert len(size(number)) <= 12


@pytest.mark.parametrize(("seconds", "text"), [(0, "0:00"), (59.6, "1:00"), (3599.6, "1:00:00"), (90061, "25:01:01")])
def test_durations(seconds, text):
    assert duration(seconds) == text


@pytest.mark.parametrize(
    ("part", "of", "text"),
    [
        (0, 5, "0.0 %"),
        (1, 10**6, "< 0.1 %"),
        (999_999, 10**6, "> 99.9 %"),
        (5, 5, "100.0 %"),
        (1, 3, "33.3 %"),
        (0, 0, ""),
    ],
)
def test_a_share_is_never_rounded_to_nothing_or_all(part, of, text):
    assert percent(part, of) == text


def test_a_meter_knows_how_long_it_will_take():
    clock = Clock()
    meter = Meter(PassStarted(1, 1, "x", 4, 400, 4000), clock)  # second 1
    assert (meter.share, meter.documents_per_second, meter.seconds_left) == (0.0, None, None)
    meter.add(UnitDone(1, 100, 1000, 100, 0, reused=True))
    assert (meter.share, meter.documents_per_second, meter.seconds_left) == (0.25, None, None)
    meter.add(UnitDone(1, 100, 1000, 50, 50))  # second 3: 100 documents and 1000 bytes in 2 seconds
    assert (meter.share, meter.documents_per_second, meter.bytes_per_second) == (0.5, 50.0, 500.0)
    assert meter.seconds_left == 3.0  # 2000 bytes are 4 seconds, one of which is gone
    assert Meter(PassStarted(1, 1, "x", 0, 0, 0), clock).share == 1.0


# --- a real terminal


SCRIPT = """
import sys, time
from curate.cli import screen
from curate.engine.events import *
show = screen.choose()
try:
    show(RunStarted("web.yaml", 4, None, 10, 2, "out"))
    show(PassStarted(1, 1, "normalize", 2, None, 10))
    show(UnitDone(1, 5, 5, 4, 1))
    print("ready", flush=True)
    time.sleep(20)
except KeyboardInterrupt:
    show(RunFailed("stopped; to go on: curate run web.yaml", interrupted=True))
finally:
    screen.close(show)
"""


@pytest.mark.skipif(os.name != "posix", reason="pseudo-terminals of POSIX systems")
def test_ctrl_c_leaves_the_terminal_as_it_was():
    import pty

    ours, theirs = pty.openpty()
    environment = {**os.environ, "TERM": "xterm-256color", "COLUMNS": "80"}
    run = subprocess.Popen(
        [sys.executable, "-c", SCRIPT], cwd=ROOT, stdin=theirs, stdout=theirs, stderr=theirs, env=environment
    )
    os.close(theirs)
    said = b""
    while b"ready" not in said or b"%" not in said:
        said += os.read(ours, 65536)
    time.sleep(0.2)
    run.send_signal(2)
    while True:
        try:
            said += os.read(ours, 65536)
        except OSError:  # how a pseudo-terminal says that the other side is closed
            break
    os.close(ours)
    assert run.wait(10) == 0
    assert b"50 %" in said
    assert said.rindex(b"\x1b[?25h") > said.rindex(b"\x1b[?25l")
    assert said.decode().rstrip().endswith("stopped; to go on: curate run web.yaml")


def test_events_say_what_their_fields_mean():
    for kind in (*get_args(Event), FunnelRow):
        assert kind.__doc__, kind
        assert getattr(events, kind.__name__) is kind
