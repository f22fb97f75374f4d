"""Builds the packages, and renders a tune from the wheel in every Python that is there.

    pip install build twine
    python tests/packages/matrix.py            # build, twine check, then the matrix
    python tests/packages/matrix.py --only 3.12 --wheel dist/mt3synth-0.1.0-py3-none-any.whl

Every row is a fresh environment: a Python, and the lowest or the highest versions of NumPy, JAX and
Flax that setup.py allows and the index has for it. In it the wheel is installed and nothing else of
this tree can be imported; a tune is rendered, and then some tests run. Prints a table in Markdown;
exits with 1 if a row failed. Pythons are `python3.11` and so on in PATH, or those of pyenv.
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
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PYTHONS = ("3.11", "3.12", "3.13", "3.14")
PACKAGES = ("numpy", "jax", "flax")
MOST_MB = 100
SONG = ROOT / "docs/examples/tune.mid"
# A few of what NumPy, JAX and Flax do for us, that take seconds and read nothing of the tree.
TESTS = (
    "tests/audio/test_mel.py",
    "tests/diffusion/test_process.py",
    "tests/models/test_film.py",
    "tests/symbolic/test_note_list.py",
    "tests/symbolic/test_notes.py",
    "tests/synthesis/test_canvas.py",
    "tests/vocoder/test_stft.py",
)
TOOLS = ("beartype", "hypothesis", "pytest")  # of the extra dev, what those tests import

_FIRST_NUMPY = {"3.13": "2.1.0", "3.14": "2.3.2"}  # where there are wheels of later ones alone
_COMPILED = "numpy,scipy,jaxlib,llvmlite,numba,ml-dtypes"  # taken as wheels, or not at all
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


def lowest(version: str) -> list[str]:
    """Reads from setup.py the lowest versions that are allowed for a Python, as requirements."""
    tree = ast.parse((ROOT / "setup.py").read_text())
    [listed] = [
        ast.literal_eval(node.value)
        for node in tree.body
        if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") == "RENDERING"
    ]
    # What holds for a Python alone stands behind what holds for all; nothing is for older ones.
    bounds = dict(
        re.match(r"([\w-]+)>=([\d.]+)", each).groups()
        for each in listed
        if f"python_version >= '{version}'" in each or "python_version" not in each
    )
    bounds["numpy"] = _FIRST_NUMPY.get(version, bounds["numpy"])
    # No patch above it: where 0.10 is allowed, 0.10.0 is the lowest.
    return [f"{name}=={bounds[name]}" for name in PACKAGES]


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
            # Not compiled ahead: most of what comes along is never imported.
            wheels = ["--no-compile", "--only-binary", _COMPILED]
            run([bin / "pip", "install", "-q", *wheels, wheel, *TOOLS, *versions])
            told = run([bin / "python", "-c", _VERSIONS.format(names=PACKAGES)], here)
            began = time.monotonic()
            run([bin / "mt3synth", "synthesize", SONG, "-o", "tune.wav"], here)
            took = time.monotonic() - began
            rate, samples, level = run([bin / "python", "-c", _LEVEL], here).split()
            tests = run_tests(bin / "python", here / "tree")
        except subprocess.CalledProcessError as error:
            lines = (error.stderr.strip() or error.stdout.strip() or "no message").splitlines()
            return ", ".join(versions) or "highest", f"failed: {lines[-1][:120]}"
        if not 0.001 < float(level) < 1:
            return told, f"failed: level {level}"
        sound = f"{int(samples) / int(rate):.1f} s at RMS {float(level):.4f}"
        return told, f"{sound} in {took:.0f} s; {tests}"


def run_tests(python: Path, tree: Path) -> str:
    """Runs some tests beside nothing that they could import instead of what is installed."""
    shutil.copytree(ROOT / "tests", tree / "tests", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", tree)
    said = run([python, "-m", "pytest", *TESTS], tree)
    return re.sub(r"(, \d+ warnings?)? in [\d.]+s.*", "", said.splitlines()[-1])


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
    parser.add_argument("--versions", choices=("lowest", "highest"), help="of the libraries")
    parser.add_argument("--wheel", type=Path, help="one that was built of this tree before")
    args = parser.parse_args()
    failed = False
    with tempfile.TemporaryDirectory() as out:
        wheel = args.wheel.resolve() if args.wheel else build(Path(out))
        print(f"\n| Python | {', '.join(PACKAGES)} | the tune; tests |\n|---|---|---|", flush=True)
        for version in [args.only] if args.only else PYTHONS:
            python = find_python(version)
            if python is None:
                print(f"| {version} | – | absent on this machine |", flush=True)
                continue
            both = {"lowest": lowest(version), "highest": []}
            for wanted in [both[args.versions]] if args.versions else both.values():
                told, outcome = try_out(python, wheel, wanted)
                print(f"| {version} | {told} | {outcome} |", flush=True)
                failed |= outcome.startswith("failed")
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
