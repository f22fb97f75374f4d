"""Runs the notebook as Colab would: what a runtime has is there first, and the first cell installs.

    pip install nbclient
    python -m build --wheel
    python tests/launch/try_colab.py 3.12 tests/launch/colab/runtime_2026_07.txt --cells 4
    python tests/launch/try_colab.py 3.13 tests/launch/colab/runtime_2026_08.txt

A fresh environment gets the versions of a file; the cells are run in it beside the wheel of dist/,
from the first on. Prints the versions before and after, what pip said, and how long each cell took.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import nbformat
from jupyter_client import KernelManager
from jupyter_client.kernelspec import KernelSpec
from nbclient import NotebookClient

ROOT = Path(__file__).resolve().parents[2]
sys.path.append(str(ROOT / "tests/packages"))
from matrix import PACKAGES, find_python, run  # noqa: E402 (it lies in another folder)

_VERSIONS = f"import importlib.metadata as m; print(*[n + ' ' + m.version(n) for n in {PACKAGES}])"


def main() -> int:
    """Runs cells, and prints what came of it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("python", help="version, such as 3.12")
    parser.add_argument("runtime", type=Path, help="what the runtime has, as pip takes it")
    parser.add_argument("--cells", type=int, help="so many and no more")
    args = parser.parse_args()
    python = find_python(args.python)
    wheels = sorted((ROOT / "dist").glob("*.whl"))
    if python is None or not wheels:
        sys.exit(f"no Python {args.python}" if python is None else "no wheel in dist/")
    with tempfile.TemporaryDirectory() as folder:
        here = Path(folder)
        run([python, "-m", "venv", here / "env"])
        ours = here / "env/bin/python"
        run([ours, "-m", "pip", "install", "-q", "--no-compile", "-r", args.runtime])
        shutil.copy(wheels[-1], here)
        print("before:", run([ours, "-c", _VERSIONS]), flush=True)
        book = nbformat.read(ROOT / "launch/demo.ipynb", as_version=4)
        code = [cell for cell in book.cells if cell.cell_type == "code"]
        manager = KernelManager()
        manager._kernel_spec = KernelSpec(
            argv=[str(ours), "-m", "ipykernel_launcher", "-f", "{connection_file}"]
        )
        client = NotebookClient(
            book, km=manager, timeout=3600, resources={"metadata": {"path": folder}}
        )
        with client.setup_kernel():
            for number, cell in enumerate(code[: args.cells], 1):
                began = time.monotonic()
                client.execute_cell(cell, book.cells.index(cell))
                print(f"cell {number}: {time.monotonic() - began:.0f} s", flush=True)
                for output in cell.outputs:
                    print(output.get("text", "").rstrip(), flush=True)
        print("after:", run([ours, "-c", _VERSIONS]))
        check = subprocess.run([ours, "-m", "pip", "check"], capture_output=True, text=True)
        print("pip check:", check.stdout.strip())
    return 0


if __name__ == "__main__":
    sys.exit(main())
