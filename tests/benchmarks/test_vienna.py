"""A match file made by hand: what is read of it, and what the benchmark of alignment measures."""

import re
from pathlib import Path

import alignment
import numpy as np
import pytest
from tone_cases import make_tones
from vienna import read_match

from mt3synth.symbolic.notes import Notes

pytest.importorskip("partitura")
KEYS = (60, 67, 64, 72, 65, 69, 62, 71)
NAMES = ["C", "C#", "D", "D#", "E", "F", "F#", "G", "G#", "A", "A#", "B"]
COUNT = 24
LEFT_OUT, ADDED, GRACE = 7, 12, 15  # not played; played and not written; without length
HEAD = """info(matchFileVersion,1.0.0).
info(midiClockUnits,480).
info(midiClockRate,500000).
scoreprop(timeSignature,4/4,1:1,0,0.0000).
"""


def ticks(beat: float) -> int:
    """Gives when a beat is played: the first 200 ticks late, 480 ticks each, then slower."""
    return 200 + round(480 * beat + 8 * beat**2)


def write_match(path: Path) -> np.ndarray:
    """Writes a melody in quarters; returns when its notes are played, a second before the first."""
    lines, truth = [], []
    for i in range(COUNT):
        key = KEYS[i % len(KEYS)] + i // len(KEYS)
        name, modifier = (NAMES[key % 12] + "n")[:2]
        end = i if i == GRACE else i + 1
        snote = (
            f"snote(n{i}-1,[{name},{modifier}],{key // 12 - 1},{i // 4 + 1}:{i % 4 + 1},0,"
            f"{'0' if i == GRACE else '1/4'},{i}.0000,{end}.0000,[])"
        )
        on = ticks(i)
        if i == LEFT_OUT:
            lines.append(f"{snote}-deletion.")
            truth.append(np.nan)
            continue
        lines.append(f"{snote}-note(n{i},{key},{on},{on + 300},{60 + i},0,0).")
        truth.append(1.0 + (on - 200) / 960)
        if i == ADDED:
            lines.append(f"insertion-note(n99,{key + 1},{on + 240},{on + 300},50,0,0).")
    # The pedal holds the first note until 1200.
    lines += ["sustain(210,127).", "sustain(1200,0)."]
    path.write_text(HEAD + "\n".join(lines) + "\n")
    return np.array(truth)


def test_a_match_file_is_a_score_and_when_its_notes_are_played(tmp_path: Path) -> None:
    truth = write_match(tmp_path / "Piece_p01.match")
    match = read_match(tmp_path / "Piece_p01.match")
    assert match.name == "Piece_p01" and len(match.score) == COUNT
    np.testing.assert_allclose(match.truth, truth, atol=1e-6)
    # One tempo throughout, of which the performance as a whole has the length.
    tempo = (truth[-1] - truth[0]) / (COUNT - 1)
    np.testing.assert_allclose(match.score.start, tempo * np.arange(COUNT), atol=1e-6)
    assert 0 < (match.score.end - match.score.start)[GRACE] < 0.1 * tempo
    played = match.played.sorted()
    assert len(played) == COUNT  # one left out, one added
    assert played.start[0] == pytest.approx(1.0) and played.velocity.tolist()[:3] == [60, 61, 62]
    assert played.end[0] == pytest.approx(1.0 + (1200 - 200) / 960)  # held by the pedal


def test_the_benchmark_measures_onsets_against_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("synctoolbox")
    write_match(tmp_path / "Mozart_K331_1st-mov_p03.match")

    def recorded(notes: Notes, _: object) -> np.ndarray:
        return make_tones(notes.start, notes.pitch, attack=0.005, seconds=notes.end_time + 1)

    monkeypatch.setattr(alignment, "recorded", recorded)
    files = alignment.list_vienna(tmp_path, of=[2, 3])
    assert [file.name for _, file in files] == ["Mozart_K331_1st-mov_p03.match"]
    alignment.accuracy(alignment.pianists(files), "Pianists")
    said = capsys.readouterr().out
    total = re.search(r"^mt3synth: (\d+) onsets, median ([\d.]+), .*; (\d) of 1 within", said, re.M)
    assert total is not None
    assert total[1] == str(COUNT - 1) and float(total[2]) < 20 and total[3] == "1"
    with pytest.raises(SystemExit, match="no match files of these pianists"):
        alignment.list_vienna(tmp_path, of=[4])
    # Notes a second off are said to be.
    (pair,) = alignment.pianists(files)
    errors, line = alignment.describe(pair.times + 1.0, pair)
    assert len(errors) == COUNT - 1 and line.split() == ["1000.0"] * 3
