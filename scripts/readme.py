"""Keep README.md true: run the commands of its `console` blocks, show the files that it quotes.

    python scripts/readme.py            write README.md anew
    python scripts/readme.py --check    fail if that would change it

In a console block, lines that begin with `$ ` are commands; what they print on standard output (and, when they fail, on
standard error) follows. `curate why` and `curate dups` are asked about documents that are chosen here.
"""

import argparse
import json
import os
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
BLOCK = re.compile(r"^```console\n(.*?)^```$", re.MULTILINE | re.DOTALL)
QUOTE = re.compile(r"^<!-- file: (\S+) -->\n```(\w+)\n.*?^```$", re.MULTILINE | re.DOTALL)


def shell(command: str) -> str:
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    environment = {**os.environ, "PATH": path, "COLUMNS": "100", "NO_COLOR": "1", "TERM": "dumb"}
    done = subprocess.run(["bash", "-c", command], cwd=ROOT, env=environment, capture_output=True, text=True)
    text = done.stdout + (done.stderr if done.returncode not in (0, 3) else "")
    return "".join(line.rstrip() + "\n" for line in text.strip("\n").splitlines())


DROPPED_BY = {"why": "exact_dedup", "dups": "minhash_dedup"}
"""Command → the stage that dropped the document which it is asked about."""


def example_id(step: str) -> str:
    """The shortest of the documents that a step dropped, the same one every time."""
    found = shell(f"curate inspect out/quickstart --dropped-by {step} -n 500 --json")
    documents = [json.loads(line) for line in found.splitlines()]
    return str(min(documents, key=lambda document: (len(document["text"]), document["id"]))["id"])


def console(match: re.Match[str]) -> str:
    shown = ""
    for line in match[1].splitlines():
        if line.startswith("$ "):
            command = line[2:]
            about = re.match("curate (why|dups) ", command)
            if about:
                command = f"{about[0]}out/quickstart {example_id(DROPPED_BY[about[1]])}"
            printed = shell(command.replace("curate run", "curate run --fresh"))
            shown += f"$ {command}\n{printed}"
    return f"```console\n{shown}```"


def quote(match: re.Match[str]) -> str:
    return f"<!-- file: {match[1]} -->\n```{match[2]}\n{(ROOT / match[1]).read_text()}```"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true")
    readme = ROOT / "README.md"
    old = readme.read_text()
    new = BLOCK.sub(console, QUOTE.sub(quote, old))
    if parser.parse_args().check:
        if new != old:
            sys.exit("README.md is not what its commands print now; write it anew: python scripts/readme.py")
    else:
        readme.write_text(new)


if __name__ == "__main__":
    main()
