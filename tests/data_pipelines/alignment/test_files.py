"""The table of figures that aligning a manifest leaves."""

import re
from pathlib import Path

import house
import pytest
from recording_cases import list_rows, write_manifest, write_pair

from data_pipelines.alignment import files
from data_pipelines.prepare.manifest import read_manifest
from mt3synth.reporting.tables import read_csv


def test_the_columns_are_those_that_the_document_explains(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def align_files(_: object, midi: Path, *__: object) -> files.Figures:
        midi.write_bytes(b"aligned")
        return files.Figures(0.7, 0.1, 1.2, 0.8, "goes back from 24.0 to 0.0 s of the score")

    monkeypatch.setattr(files, "align_files", align_files)
    write_pair(tmp_path, "a")
    listing = read_manifest(write_manifest(tmp_path / "p.csv", list_rows("a")))
    files.align_listing(listing, tmp_path / "out", 0.4, say=lambda _: None)
    ((_, row),) = read_csv(tmp_path / "out" / files.FIGURES_FILE)
    assert (row["confidence"], row["form"]) == (
        "0.7000",
        "goes back from 24.0 to 0.0 s of the score",
    )
    page = (house.ROOT / "docs/alignment.md").read_text(encoding="utf-8")
    (table,) = re.findall(r"`alignments\.csv` has a row.*?\n\n((?:\|[^\n]*\n)+)", page, re.DOTALL)
    explained = [cells.split("|")[1] for cells in table.splitlines()[2:]]
    assert re.findall(r"`(\w+)`", " ".join(explained)) == list(row)
