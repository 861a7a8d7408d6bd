"""Keep README.md and docs/ true: run the commands of their pages, show the files that they quote.

    python scripts/readme.py                        write the pages anew
    python scripts/readme.py --check                fail if that would change one, or if a command fails
    python scripts/readme.py --check docs/ray.md    likewise, one page

Commands run in a copy of `configs/` and `scripts/`, where the runs of earlier pages are. In a `console` block, lines
that begin with `$ ` are commands; what they print on standard output (and, when they fail, on standard error) follows.
A `sh` block is a script, which must succeed; what it prints is not shown. A block that cannot run here has its reason,
one of `REASONS`, in a comment before it: `<!-- not run: needs a network -->`. `curate why` and `curate dups` are asked
about documents of the quickstart that are chosen here.
"""

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
REASONS = {
    "needs a network": "installs something, or asks a server",
    "needs a cluster": "more than one machine, or Ray",
    "needs an object store": "credentials of one",
    "needs another tool": "a program of somebody else",
    "takes minutes": "is run by somebody else: make climb, the slow tests, the benchmarks",
    "files of yours": "names files that only the reader has; a test runs the like of it",
}
"""Why a block may be left out, and what that means."""
ELSEWHERE = {
    "docs/benchmarks.md": "takes minutes; make bench, make bench-peers",
    "docs/object-stores.md": "needs an object store; tests run the like of it against a server on loopback",
    "docs/transcript.md": "a recording; the same commands run in docs/first-steps.md",
    "docs/slurm.md": "needs Slurm; tests run the shares of passes, and the script with a stand-in for sbatch",
}
"""Pages whose commands are not marked one by one, and why."""
BLOCK = re.compile(r"^(<!-- not run: (.+?) -->\n)?```(console|sh)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
QUOTE = re.compile(r"^<!-- file: (\S+) -->\n```(\w+)\n.*?^```$", re.MULTILINE | re.DOTALL)
DROPPED_BY = {"why": "exact_dedup", "dups": "minhash_dedup"}
"""Command → the stage that dropped the document which it is asked about."""


class Page:
    """A page, and the folder in which its commands run."""

    def __init__(self, path: Path, folder: Path) -> None:
        self.path, self.folder = path, folder
        self.failures: list[str] = []

    def again(self) -> str:
        """What the page is to be, from what it is."""
        return BLOCK.sub(self._block, QUOTE.sub(quote, self.path.read_text(encoding="utf-8")))

    def _block(self, match: re.Match[str]) -> str:
        if match[2] is not None:
            if match[2] not in REASONS:
                self.failures.append(f"not run: {match[2]}; a reason must be one of: {'; '.join(REASONS)}")
            return match[0]
        if match[3] == "console":
            return f"```console\n{self._console(match[4])}```"
        done = self._shell(f"set -e\n{match[4]}")
        if done.returncode:
            self.failures.append(f"exit code {done.returncode}:\n{match[4]}{done.stdout}{done.stderr}")
        return match[0]

    def _console(self, text: str) -> str:
        shown = ""
        for line in text.splitlines():
            if line.startswith("$ "):
                command = line[2:]
                about = re.match("curate (why|dups) out/quickstart ", command)
                if about:
                    command = f"{about[0]}{self._example_id(DROPPED_BY[about[1]])}"
                done = self._shell(command)
                printed = done.stdout + (done.stderr if done.returncode not in (0, 3) else "")
                printed = "".join(f"{one.rstrip()}\n" for one in printed.strip("\n").splitlines())
                shown += f"$ {command}\n{printed}"
        return shown

    def _shell(self, command: str) -> subprocess.CompletedProcess[str]:
        path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        paths = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))
        plain = {"COLUMNS": "100", "NO_COLOR": "1", "TERM": "dumb"}
        environment = {**os.environ, **plain, "PATH": path, "PYTHONPATH": paths}
        ours = f'set -o pipefail; curate() {{ "{sys.executable}" -m curate "$@"; }}\n{command}'  # of this tree
        return subprocess.run(["bash", "-c", ours], cwd=self.folder, env=environment, capture_output=True, text=True)

    def _example_id(self, step: str) -> str:
        """The shortest of the documents that a step dropped, the same one every time."""
        found = self._shell(f"curate inspect out/quickstart --dropped-by {step} -n 500 --json").stdout
        documents = [json.loads(line) for line in found.splitlines()]
        return str(min(documents, key=lambda document: (len(document["text"]), document["id"]))["id"])


def quote(match: re.Match[str]) -> str:
    return f"<!-- file: {match[1]} -->\n```{match[2]}\n{(ROOT / match[1]).read_text(encoding='utf-8')}```"


def pages() -> list[str]:
    """Pages with commands, or with files that they quote; the README first, whose runs the others go on with."""
    made = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")), ROOT / "configs/README.md"]
    texts = {path.relative_to(ROOT).as_posix(): path.read_text(encoding="utf-8") for path in made}
    return [
        name for name, text in texts.items() if name not in ELSEWHERE and (BLOCK.search(text) or QUOTE.search(text))
    ]


def copy_to(folder: Path) -> None:
    """What commands find where they run."""
    for name in ("configs", "scripts"):
        if not (folder / name).exists():
            shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("pages", nargs="*", help="such as docs/ray.md; none: all with commands")
    parser.add_argument("--check", action="store_true")
    parser.add_argument("--folder", type=Path, help="run in this folder and leave it, in place of a temporary one")
    asked = parser.parse_args()
    wrong = False
    with tempfile.TemporaryDirectory() as made:
        folder = asked.folder or Path(made)
        copy_to(folder)
        for name in asked.pages or pages():
            page = Page(ROOT / name, folder)
            old, new = page.path.read_text(encoding="utf-8"), page.again()
            for failure in page.failures:
                print(f"{name}: {failure}", file=sys.stderr)
            if new != old and asked.check:
                print(f"{name} is not what its commands print; anew: python scripts/readme.py {name}", file=sys.stderr)
            elif new != old:
                page.path.write_text(new, encoding="utf-8")
            wrong |= bool(page.failures) or (new != old and asked.check)
    sys.exit(wrong)


if __name__ == "__main__":
    main()
