"""Benchmarks run in no suite; what they import of the project must be there at least."""

import importlib
from pathlib import Path

import house
import pytest

SCRIPTS = [
    path
    for folder in ("tests/benchmarks", "launch", "docs/examples")
    for path in sorted((house.ROOT / folder).glob("*.py"))
]


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.stem)
def test_what_a_script_imports_of_the_project_is_there(path: Path):
    for imported in house.read_imports(path, path.stem):
        if imported.name.startswith(house.PACKAGES):
            module, _, name = imported.name.rpartition(".")
            try:
                # `import mt3synth` names no module to look into.
                if not module or not hasattr(importlib.import_module(module), name):
                    importlib.import_module(imported.name)
            except ModuleNotFoundError as problem:
                if problem.name != "t5x":  # The one extra that is not installed for the tests.
                    raise


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.stem)
def test_a_script_says_what_it_is_for(path: Path):
    assert path.read_text().startswith('"""')
