"""What the packages say of themselves, and the script that tries them out."""

from pathlib import Path

import matrix
import pytest

import mt3synth

ROOT = Path(__file__).parents[2]


def test_the_citation_names_version_and_licence():
    yaml = pytest.importorskip("yaml")
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text())
    assert citation["version"] == mt3synth.__version__
    assert citation["license"] == "Apache-2.0" and citation["cff-version"] == "1.2.0"
    assert citation["message"] and citation["title"] and citation["authors"]
    papers = [reference["url"] for reference in citation["references"]]
    assert all(
        paper.removeprefix("https://") in (ROOT / "README.md").read_text() for paper in papers
    )


def test_rights_are_said_where_outputs_are_met():
    card = ROOT / "mt3synth/bundles/default/README.md"
    template = ROOT / "mt3synth/commands/export/model_card.md"
    for path in (ROOT / "README.md", card, template):
        text = " ".join(path.read_text().split())
        assert "What you render is yours" in text, path
        assert "rendered by a neural model" in text, path


def test_lowest_versions_are_those_of_setup():
    setup = (ROOT / "setup.py").read_text()
    for each in matrix.lowest("3.11"):
        name, version = each.split("==")
        assert f'"{name}>={version}' in setup
    assert [each.split("==")[0] for each in matrix.lowest("3.11")] == ["numpy", "jax", "flax"]
    # Where the lowest has no wheel, the first that has one.
    assert matrix.lowest("3.13")[1:] == matrix.lowest("3.11")[1:]
    assert matrix.lowest("3.13")[0] == "numpy==2.1.0"


def test_pythons_that_are_absent_are_not_made_up(monkeypatch, tmp_path):
    monkeypatch.setenv("PYENV_ROOT", str(tmp_path))
    monkeypatch.setenv("PATH", str(tmp_path))
    assert matrix.find_python("3.12") is None
    told = tmp_path / "python3.12"
    told.write_text("#!/bin/sh\necho 'pyenv: python3.12: command not found'; exit 127\n")
    told.chmod(0o755)
    assert matrix.find_python("3.12") is None
