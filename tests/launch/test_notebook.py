"""launch/demo.ipynb: every cell says what it is, and all of them run from start to end."""

import re

import pytest
import soundfile
from launch_cases import LAUNCH, ROOT

import mt3synth

nbformat = pytest.importorskip("nbformat")
NOTEBOOK = nbformat.read(LAUNCH / "demo.ipynb", as_version=4)
CODE = [cell for cell in NOTEBOOK.cells if cell.cell_type == "code"]


def test_every_cell_is_numbered_and_says_how_long_it_took():
    first = NOTEBOOK.cells[0].source
    assert "prints how long it took" in first
    for number, cell in enumerate(CODE, 1):
        assert cell.source.startswith(f"# {number}. ")
        assert f"\n| {number} |" in first
        assert f"took[{number}] = clock() - began" in cell.source
    assert len(CODE) == 9


def test_it_holds_no_outputs():
    assert all(not cell.outputs and cell.execution_count is None for cell in CODE)


@pytest.mark.slow
def test_it_runs_from_start_to_end(tmp_path, monkeypatch):
    nbclient = pytest.importorskip("nbclient")
    pytest.importorskip("ipykernel")
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    # Less music and less learning, for a machine that does much else.
    monkeypatch.setenv("MT3SYNTH_MINUTES", "0.1")
    run = nbformat.from_dict(NOTEBOOK)
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
    # The song, two performances, the recording, and the song before and after.
    assert sum("<audio" in str(output) for output in outputs) >= 6
    table = run.cells[-1].outputs[0]["text"]
    assert re.findall(r"^\| (\d) \| [\d.]+ \|$", table, re.M) == list("123456789")
    before, after = (soundfile.read(tmp_path / name)[0] for name in ("song.wav", "mine.wav"))
    assert abs(after).max() > 0.01 and (len(before) != len(after) or (before != after).any())
    mine = mt3synth.load(tmp_path / "mine")
    known = [performance.name for performance in mt3synth.load().performances]
    assert [performance.name for performance in mine.performances] == [*known, "mine"]
    assert mine.bundle.added_to == ["mine"]
    print(table)  # for docs/notebook.md, by pytest -s
