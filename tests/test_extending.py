"""The examples of pages for users work, one after the other, as each page says."""

import re
from pathlib import Path

import pytest

from mt3synth import model_spec
from mt3synth.evaluation.metrics.registry import METRICS

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs/extending.md"


@pytest.fixture
def metrics_as_before():
    """Other tests of this process are not to see the page's metric."""
    before = list(METRICS)
    yield
    METRICS[:] = before


@pytest.mark.usefixtures("metrics_as_before")
@pytest.mark.parametrize(
    "page",
    [
        pytest.param(PAGE, id="extending"),
        # It renders by every sampler, each of them another program of the default bundle's.
        pytest.param(ROOT / "docs/sampling.md", marks=pytest.mark.slow, id="sampling"),
        pytest.param(ROOT / "docs/controls.md", id="controls"),
    ],
)
def test_every_block_runs(page, tmp_path, monkeypatch):
    monkeypatch.setattr(model_spec, "NETWORKS", dict(model_spec.NETWORKS))
    (tmp_path / "docs").symlink_to(ROOT / "docs")
    monkeypatch.chdir(tmp_path)
    text = page.read_text()
    names = {"__name__": "extending"}
    for block in re.finditer(r"^```python\n(.*?)^```", text, re.DOTALL | re.MULTILINE):
        # Blank lines in front, so that an error names the line of the page.
        source = "\n" * text.count("\n", 0, block.start(1)) + block[1]
        exec(compile(source, page, "exec"), names)


def test_every_section_that_the_table_names_has_an_example():
    text = PAGE.read_text()
    for name, anchor in re.findall(r"^\| \[(\w+[ \w]*)\]\(#([\w-]+)\)", text, re.MULTILINE):
        section = re.search(
            rf"^## {anchor.replace('-', ' ')}\n(.*?)(?=^## |\Z)", text, re.M | re.S | re.I
        )
        assert section and "```python" in section[1], name
