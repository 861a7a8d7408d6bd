"""Build the wheel and the sdist, and use both as somebody who has nothing else: `make dist-check`.

    python scripts/dist_check.py [FOLDER]      # where they are put: dist/

What is checked: all that git has is in the sdist; the wheel has models, recipes, samples and `py.typed`, and no tests.
Each is installed into an environment that has nothing else, outside of the checkout; there `--version`, `doctor`, the
stages, and the quickstart on the sample shards, of which both must make the same bytes.
"""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import tarfile
import tempfile
import venv
import zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
IN_WHEEL = ("py.typed", "models/lid.176.ftz", "models/raters.npz", "models/toxicity.npz", "configs/quickstart.yaml")
MOST_BYTES = 10_000_000  # of the wheel; half of it are models, a third are sample shards


def main() -> None:
    folder = Path(sys.argv[1] if len(sys.argv) > 1 else ROOT / "dist").resolve()
    for old in [*folder.glob("curate-*.whl"), *folder.glob("curate-*.tar.gz")]:
        old.unlink()
    run(sys.executable, "-m", "build", "--outdir", folder, ROOT)
    [wheel], [sdist] = folder.glob("curate-*.whl"), folder.glob("curate-*.tar.gz")
    look_into(wheel, sdist)
    with tempfile.TemporaryDirectory() as name:
        place = Path(name)
        venv.create(place / "env", with_pip=True)
        first = use(wheel, place, "wheel")
        second = use(sdist, place, "sdist")
    check(first == second, "the wheel and the sdist make other bytes of the same documents")
    for path in (wheel, sdist):
        print(f"{path.name}: {path.stat().st_size / 1e6:.1f} MB; installed, and ran the quickstart")


def look_into(wheel: Path, sdist: Path) -> None:
    """Fails if something is missing, or is there that should not be."""
    names = set(zipfile.ZipFile(wheel).namelist())
    missing = [name for name in IN_WHEEL if f"curate/{name}" not in names]
    others = [name for name in names if not name.startswith(("curate/", "curate-"))]
    check(not missing and not others, f"the wheel lacks {missing}, and has {others}")
    check(wheel.stat().st_size <= MOST_BYTES, f"the wheel has {wheel.stat().st_size:,} bytes")
    if not (ROOT / ".git").exists():
        return
    there = {name.split("/", 1)[-1] for name in tarfile.open(sdist).getnames()}
    wanted = set(run("git", "ls-files", cwd=ROOT).splitlines())
    check(wanted <= there, f"git has what the sdist lacks: {sorted(wanted - there)[:10]}")


def use(built: Path, place: Path, name: str) -> dict[str, str]:
    """Install it and run the quickstart in a folder of its own; file → hash of the output shards."""
    binaries = place / "env" / ("Scripts" if os.name == "nt" else "bin")
    pip = (binaries / "python", "-m", "pip", "install", "--quiet", "--disable-pip-version-check")
    if name == "wheel":
        run(*pip, "--only-binary", ":all:", built)
    else:
        run(*pip, "--force-reinstall", "--no-deps", built)
    here = place / name
    here.mkdir()
    curate = binaries / "curate"
    version = run(curate, "--version", cwd=here).strip()
    check(built.name.startswith(f"curate-{version}"), f"{built.name} calls itself {version}")
    run(curate, "doctor", "--no-test", cwd=here)
    run(curate, "stages", "toxicity", cwd=here)
    run(curate, "recipes", "--to", ".", cwd=here)
    run(curate, "run", "configs/quickstart.yaml", cwd=here)
    shards = sorted((here / "out/quickstart/data").iterdir())
    check(bool(shards), "the quickstart wrote nothing")
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in shards}


def run(*words: object, cwd: Path | None = None) -> str:
    """Run a command, without this checkout in its path; what it printed. Ends the program if it fails."""
    environment = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "PYTHONHOME")}
    done = subprocess.run([*map(str, words)], cwd=cwd, capture_output=True, encoding="utf-8", env=environment)
    check(done.returncode == 0, f"{' '.join(map(str, words))}: exit code {done.returncode}\n{done.stdout}{done.stderr}")
    return done.stdout


def check(holds: bool, otherwise: str) -> None:
    """End the program with a message unless something holds."""
    if not holds:
        sys.exit(f"dist-check: {otherwise}")


if __name__ == "__main__":
    main()
