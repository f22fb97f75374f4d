"""launch/demo.ipynb: every cell says what it is, and all of them run from start to end."""

import pytest
from launch_cases import LAUNCH, ROOT

nbformat = pytest.importorskip("nbformat")
NOTEBOOK = nbformat.read(LAUNCH / "demo.ipynb", as_version=4)
CODE = [cell for cell in NOTEBOOK.cells if cell.cell_type == "code"]


def test_every_cell_is_numbered_and_says_how_long_it_took():
    first = NOTEBOOK.cells[0].source
    assert "prints how long it took" in first
    for number, cell in enumerate(CODE, 1):
        assert cell.source.startswith(f"# {number}. ")
        assert f"\n| {number} |" in first
        assert "clock() - began" in cell.source
    assert len(CODE) == 5


def test_it_holds_no_outputs():
    assert all(not cell.outputs and cell.execution_count is None for cell in CODE)


@pytest.mark.slow
def test_it_runs_from_start_to_end(tmp_path, monkeypatch):
    nbclient = pytest.importorskip("nbclient")
    pytest.importorskip("ipykernel")
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    monkeypatch.chdir(tmp_path)
    run = nbformat.from_dict(NOTEBOOK)
    # Less music, for a machine that does much else.
    shorter = {
        '"concert-hall", 12.0': '"concert-hall", 3.0',
        "in model.performances:\n    part": "in model.performances[:2]:\n    part",
    }
    for cell in run.cells:
        for long, short in shorter.items():
            cell.source = cell.source.replace(long, short)
    resources = {"metadata": {"path": str(tmp_path)}}
    client = nbclient.NotebookClient(run, timeout=1800, kernel_name="python3", resources=resources)
    client.execute()
    outputs = [output for cell in run.cells if "outputs" in cell for output in cell.outputs]
    assert sum("<audio" in str(output) for output in outputs) >= 3
    assert (tmp_path / "song.wav").is_file()
