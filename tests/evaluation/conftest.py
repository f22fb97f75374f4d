"""One evaluation, made once for all tests that look at it."""

import json
from pathlib import Path
from typing import Any

import pytest
from evaluation_cases import EXAMPLES, NAMES, all_at_once, evaluation_set, evaluators, write_case

from mt3synth.evaluation.evaluate import evaluate, write


@pytest.fixture(scope="session")
def case(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_case(tmp_path_factory.mktemp("case")).root


@pytest.fixture(scope="session")
def folder(case: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Writes the report."""
    out = tmp_path_factory.mktemp("report")
    done = evaluate(evaluation_set(case), evaluators(case / "cache"), NAMES, EXAMPLES, all_at_once)
    write(done, NAMES, out)
    return out


@pytest.fixture(scope="session")
def report(folder: Path) -> dict[str, Any]:
    return json.loads((folder / "report.json").read_text())
