"""Builds the packages, and renders a tune from the wheel in every Python that is there.

    python tests/packages/matrix.py            # build, twine check, then the matrix
    python tests/packages/matrix.py --only 3.12

Every row is a fresh environment: a Python, and the lowest or the highest versions of NumPy, JAX and
Flax that setup.py allows and the index has for it. Prints a table in Markdown; exits with 1 if a
row failed. Pythons are `python3.11` and so on in PATH, or those of pyenv.
"""

from __future__ import annotations

import argparse
import ast
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PYTHONS = ("3.11", "3.12", "3.13", "3.14")
PACKAGES = ("numpy", "jax", "flax")
MOST_MB = 100
SONG = ROOT / "docs/examples/tune.mid"

_VERSIONS = "import importlib.metadata as m; print(*(m.version(n) for n in {names!r}))"
_LEVEL = (
    "import soundfile, numpy; a, r = soundfile.read('tune.wav'); "
    "print(r, len(a), numpy.sqrt((a**2).mean()))"
)


def find_python(version: str) -> str | None:
    """Finds an interpreter, in PATH or among those of pyenv."""
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
    for found in (*sorted(pyenv.glob(f"{version}.*/bin/python")), shutil.which(f"python{version}")):
        # pyenv leaves commands in PATH for versions that are not chosen, which only say so.
        if found and subprocess.run([found, "-c", ""], capture_output=True).returncode == 0:
            return str(found)
    return None


def lowest() -> list[str]:
    """Reads from setup.py the lowest versions that are allowed, as requirements."""
    tree = ast.parse((ROOT / "setup.py").read_text())
    [listed] = [
        ast.literal_eval(node.value)
        for node in tree.body
        if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") == "RENDERING"
    ]
    bounds = dict(re.match(r"([\w-]+)>=([\d.]+)", each).groups() for each in listed)
    return [f"{name}=={bounds[name]}.*" for name in PACKAGES]


def build(out: Path) -> Path:
    """Builds wheel and sdist, checks both, and returns the wheel."""
    run([sys.executable, "-m", "build", "--outdir", out, ROOT])
    run([sys.executable, "-m", "twine", "check", "--strict", *sorted(out.iterdir())])
    [wheel] = out.glob("*.whl")
    for path in sorted(out.iterdir()):
        megabytes = path.stat().st_size / 1e6
        print(f"{path.name}: {megabytes:.1f} MB")
        if megabytes >= MOST_MB:
            sys.exit(f"{path.name} has {megabytes:.0f} MB; must be under {MOST_MB}")
    return wheel


def try_out(python: str, wheel: Path, versions: list[str]) -> tuple[str, str]:
    """Renders a tune in a fresh environment; returns the versions there, and what came out."""
    with tempfile.TemporaryDirectory() as folder:
        here = Path(folder)
        try:
            run([python, "-m", "venv", here / "env"])
            bin = here / "env/bin"
            run([bin / "pip", "install", "-q", wheel, *versions])
            told = run([bin / "python", "-c", _VERSIONS.format(names=PACKAGES)], here)
            run([bin / "mt3synth", "synthesize", SONG, "-o", "tune.wav"], here)
            rate, samples, level = run([bin / "python", "-c", _LEVEL], here).split()
        except subprocess.CalledProcessError as error:
            lines = error.stderr.strip().splitlines() or ["no message"]
            return ", ".join(versions) or "highest", f"failed: {lines[-1][:120]}"
        if not 0.001 < float(level) < 1:
            return told, f"failed: level {level}"
        return told, f"{int(samples) / int(rate):.1f} s at RMS {float(level):.4f}"


def run(command: list[object], folder: Path | None = None) -> str:
    """Runs a command in a clean environment and returns what it prints."""
    clean = {k: v for k, v in os.environ.items() if not k.startswith("PYTHON")}
    done = subprocess.run(
        [str(word) for word in command],
        cwd=folder, env=clean, capture_output=True, text=True, check=False,
    )  # fmt: skip
    if done.returncode:
        raise subprocess.CalledProcessError(done.returncode, command, done.stdout, done.stderr)
    return done.stdout.strip()


def main() -> int:
    """Prints the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", help="one Python, such as 3.12")
    args = parser.parse_args()
    failed = False
    with tempfile.TemporaryDirectory() as out:
        wheel = build(Path(out))
        print(f"\n| Python | {', '.join(PACKAGES)} | the tune |\n|---|---|---|", flush=True)
        for version in [args.only] if args.only else PYTHONS:
            python = find_python(version)
            if python is None:
                print(f"| {version} | – | absent on this machine |", flush=True)
                continue
            for wanted in (lowest(), []):
                told, outcome = try_out(python, wheel, wanted)
                print(f"| {version} | {told} | {outcome} |", flush=True)
                failed |= outcome.startswith("failed")
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
