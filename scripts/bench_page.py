"""Makes the tables and plots of docs/benchmarks.md, and README's, from docs/benchmarks.json and docs/scaling.json.

    python scripts/bench_page.py            write the pages and the plot anew
    python scripts/bench_page.py --check    fail if that would change them

What stands between `<!-- figures: NAME -->` and `<!-- end -->` is made here: `machine`, `summary`, `cores`, `scaling`,
a table for each task.
"""

from __future__ import annotations

import html
import json
import math
import re
import sys

from bench_peers import LEAST
from peers import PEERS, ROOT, TASKS

DOCS = ROOT / "docs"
BLOCK = re.compile(r"(<!-- figures: (\w+) -->\n).*?(<!-- end -->)", re.DOTALL)
WIDTH, LABEL, BAR, GAP = 860, 190, 18, 30
OURS, THEIRS, INK = "#1f6feb", "#9aa4af", "#24292f"


def title(tool: str) -> str:
    return f"{PEERS[tool].title} {PEERS[tool].version}" if tool in PEERS else f"**{tool}**"


def number(value: float) -> str:
    """Two digits that count; no more decimals than a reader can use."""
    digits = max(0, 1 - math.floor(math.log10(abs(value)))) if value else 0
    return f"{value:,.{min(digits, 2)}f}"


def speed(row: dict) -> str:
    """MB per CPU-second behind the start; a bound where next to nothing lies behind it."""
    rest = row["cpu"] - row["start_cpu"]
    return number(row["mb_per_cpu_second"]) if rest >= LEAST else f"over {number(row['mb_per_cpu_second'])}"


def rows_of(said: dict, task: str, cores: int = 1) -> list[dict]:
    """The rows of a task: ours, in their order, then the fastest first; of a tool the smaller corpus first."""
    found = [row for row in said["rows"] if row["task"] == task and row["cores"] == cores]
    best = {row["tool"]: row["mb_per_cpu_second"] for row in found}
    ours = list(TASKS[task].ours)

    def place(row: dict) -> tuple:
        tool = row["tool"]
        return (
            (len(ours), -best[tool], tool, row["corpus"]) if tool in PEERS else (ours.index(tool), 0, "", row["corpus"])
        )

    return sorted(found, key=place)


def largest(rows: list[dict]) -> list[dict]:
    """Of two corpora the larger one, which says more."""
    return list({row["tool"]: row for row in rows}.values())


def summary_table(said: dict) -> str:
    """MB per CPU-second, task by task and tool by tool."""
    tasks = {task: {row["tool"]: row for row in largest(rows_of(said, task))} for task in TASKS}
    lines = [f"| | curate | {' | '.join(peer.title for peer in PEERS.values())} |", "|---|" + "--:|" * (len(PEERS) + 1)]
    for task, rows in tasks.items():
        of_ours = rows[next(iter(TASKS[task].ours))]
        cells = [speed(rows[name]) if name in rows else "" for name in PEERS]
        lines.append(f"| {TASKS[task].title} | **{speed(of_ours)}** | {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def task_table(said: dict, task: str) -> str:
    planted = TASKS[task].corpus == "planted"
    last = " of these by curate too |"
    if planted:
        last = " copies left | lost |"
    if task == "lines":
        last = " MB kept |"
    lines = [f"| | MB | CPU | of it start | clock | MB per CPU-second | largest process | kept |{last}"]
    lines.append("|---|" + "--:|" * (lines[0].count("|") - 2))
    for row in rows_of(said, task):
        mb = said["corpora"][row["corpus"]]["mb"]
        cells = [title(row["tool"]), number(mb), f"{number(row['cpu'])} s", f"{number(row['start_cpu'])} s"]
        cells += [f"{number(row['wall'])} s", speed(row), f"{row['largest'] / 1e6:,.0f} MB", f"{row['kept']:,}"]
        if task == "lines":
            cells.append(f"{row['kept_bytes'] / 1e6:.1f}")
        elif planted:
            cells += [f"{row['copies_left']:,}", f"{row['lost']:,}"]
        else:
            cells.append(f"{row['kept_by_both']:,}")
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def machine_text(said: dict) -> str:
    of, loads = said["machine"], [row["load"] for row in said["rows"]]
    sizes = {name: f"{of['documents']:,} documents, {of['mb']:.1f} MB" for name, of in said["corpora"].items()}
    return (
        f"{said['date']}, commit {said['commit']}; {of['processor']}, {of['cores']} cores, {of['memory']}, "
        f"{of['system']}, Python {of['python']}; other work ran beside: load average {min(loads):.1f} to "
        f"{max(loads):.1f}. "
        f"*real*: {sizes['real']}, and all of it: {sizes['real-all']}. "
        f"*planted*: {sizes['planted']}, and {sizes['planted-all']}.\n"
    )


def cores_table(said: dict) -> str:
    """One core and two, where both are measured."""
    lines = [
        "| | | 1 core: clock | CPU | 2 cores: clock | CPU | memory, all processes |",
        "|---|---|--:|--:|--:|--:|--:|",
    ]
    for task in TASKS:
        one = {(row["tool"], row["corpus"]): row for row in rows_of(said, task)}
        for row in largest(rows_of(said, task, 2)):
            before = one.get((row["tool"], row["corpus"]))
            if before:
                cells = [TASKS[task].title, title(row["tool"]) + f", {said['corpora'][row['corpus']]['mb']:.0f} MB"]
                cells += [f"{number(each[key])} s" for each in (before, row) for key in ("wall", "cpu")]
                lines.append(f"| {' | '.join(cells)} | {row['together'] / 1e6:,.0f} MB |")
    return "\n".join(lines) + "\n"


def scaling_table(rows: list[dict]) -> str:
    lines = [
        "| documents | text | files | workers | clock | CPU | MB per CPU-second | memory, all processes | dropped |",
        "|--:|--:|--:|--:|--:|--:|--:|--:|--:|",
    ]
    for row in rows:
        cells = [f"{row['documents']:,}", f"{row['mb']:,.0f} MB", f"{row['shards']:,}", f"{row['workers']}"]
        cells += [f"{number(row['wall'])} s", f"{number(row['cpu'])} s", number(row["mb_per_cpu_second"])]
        cells += [f"{row['anonymous_mb']:,.0f} MB", f"{row['documents'] - row['kept']:,}"]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def label(x: float, y: float, words: str, size: int = 13, anchor: str = "start", weight: str = "normal") -> str:
    place = f'x="{x:.0f}" y="{y:.0f}" font-size="{size}" text-anchor="{anchor}" font-weight="{weight}"'
    return f"<text {place}>{html.escape(words)}</text>"


def plot(said: dict) -> str:
    """Bars on a logarithmic scale: MB per CPU-second behind the start, task by task."""
    tasks = [task for task in TASKS if rows_of(said, task)]
    speeds = [row["mb_per_cpu_second"] for task in tasks for row in rows_of(said, task)]
    low, high = math.floor(math.log10(min(speeds))), math.ceil(math.log10(max(speeds)))
    room = WIDTH - LABEL - 70
    parts, y = [], 46.0
    for task in tasks:
        y += GAP
        parts.append(label(12, y - 8, TASKS[task].title, 14, weight="bold"))
        for row in largest(rows_of(said, task)):
            length = room * (math.log10(row["mb_per_cpu_second"]) - low) / (high - low)
            colour = THEIRS if row["tool"] in PEERS else OURS
            parts.append(label(LABEL - 8, y + 13, title(row["tool"]).strip("*"), anchor="end"))
            parts.append(f'<rect x="{LABEL}" y="{y:.0f}" width="{length:.1f}" height="{BAR - 4}" fill="{colour}"/>')
            parts.append(label(LABEL + length + 6, y + 12, speed(row), 12))
            y += BAR
    for power in range(low, high + 1):
        x = LABEL + room * (power - low) / (high - low)
        parts.insert(0, f'<line x1="{x:.0f}" y1="40" x2="{x:.0f}" y2="{y:.0f}" stroke="#e1e4e8"/>')
        parts.append(label(x, 36, f"{10**power:g}", 12, "middle"))
    parts.append(label(12, 20, "MB of text per CPU-second, files to files, behind the start; logarithmic", 14))
    height = round(y + 14)
    head = f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{height}" viewBox="0 0 {WIDTH} {height}" '
    style = f'font-family="system-ui, sans-serif" fill="{INK}"><rect width="100%" height="100%" fill="white"/>\n'
    return head + style + "\n".join(parts) + "\n</svg>\n"


def blocks() -> dict[str, str]:
    said = json.loads((DOCS / "benchmarks.json").read_text(encoding="utf-8"))
    scaling = json.loads((DOCS / "scaling.json").read_text(encoding="utf-8"))["rows"]
    tasks = {task: task_table(said, task) for task in TASKS if rows_of(said, task)}
    others = {"summary": summary_table(said), "cores": cores_table(said), "scaling": scaling_table(scaling)}
    return {"machine": machine_text(said), **others, **tasks}


def page(before: str) -> str:
    made = blocks()
    return BLOCK.sub(lambda found: f"{found[1]}{made[found[2]]}{found[3]}", before)


def main() -> None:
    files = {path: page(path.read_text(encoding="utf-8")) for path in (DOCS / "benchmarks.md", ROOT / "README.md")}
    files[DOCS / "benchmarks.svg"] = plot(json.loads((DOCS / "benchmarks.json").read_text(encoding="utf-8")))
    other = [path.name for path, text in files.items() if path.read_text(encoding="utf-8") != text]
    if "--check" in sys.argv:
        raise SystemExit(f"not what the figures say: {', '.join(other)}: python scripts/bench_page.py" if other else 0)
    for path, text in files.items():
        path.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
