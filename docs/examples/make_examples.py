"""Writes the MIDI files of this folder anew: ``python docs/examples/make_examples.py``.

Scores come from music21's installed corpus; tempo, dynamics and articulation are drawn with fixed
seeds by the player of `data_pipelines.corpus`. The tune needs neither: it is as plain as can be.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from data_pipelines.corpus.arrangement.accompaniment import (
    write_bass,
    write_drums,
    write_pedalled_piano,
)
from data_pipelines.corpus.arrangement.arrange import Arrangement
from data_pipelines.corpus.arrangement.figuration import find_harmony
from data_pipelines.corpus.arrangement.instruments import (
    CELLO,
    FLUTE,
    ORGAN,
    VIOLA,
    VIOLIN,
    fit_to_range,
)
from data_pipelines.corpus.arrangement.scores import Score, parse_file
from data_pipelines.corpus.arrangement.voices import Line, cut_excerpt, find_bars
from data_pipelines.corpus.expression import Player, play
from mt3synth.evaluation.bundle.thin_pieces import tune
from mt3synth.symbolic.midi import write_midi

FOLDER = Path(__file__).resolve().parent
PLAYER = Player(onset_ms=6, rubato=0.02, contrast=1.0, legato=1.0)


def quartet() -> Arrangement:
    """Seats the beginning of Mozart's string quartet in D, K. 155, first movement: 60 s."""
    return _seated(_score("mozart/k155/movement1.mxl"), 126.0, 58.3, (VIOLIN, VIOLIN, VIOLA, CELLO))


def chorale() -> Arrangement:
    """Seats Bach's chorale BWV 66.6 on an organ, a flute doubling the melody."""
    arrangement = _seated(_score("bach/bwv66.6.mxl"), 72.0, 30.0, (ORGAN,) * 4)
    melody = replace(arrangement.lines[0], program=FLUTE, level=4.0)
    return replace(arrangement, lines=(*arrangement.lines, melody))


def trio() -> Arrangement:
    """Arranges piano, bass and drums over the harmony of Bach's chorale BWV 244.17."""
    score = _score("bach/bwv244.17.mxl")
    plain = _seated(score, 104.0, 40.0, (ORGAN,) * 4)
    beats = int(40.0 * plain.bpm / 60)
    harmony = find_harmony(plain.lines, beats)
    rng = np.random.default_rng(3)
    piano = write_pedalled_piano(harmony, rng, 0.5)
    drums = replace(write_drums(plain.bars, beats, rng), level=-12.0)
    return replace(plain, lines=(piano, write_bass(harmony, rng), drums))


def main() -> None:
    """Writes every file, and says how many notes it has."""
    songs = {"mozart_quartet": quartet(), "bach_chorale": chorale(), "trio": trio()}
    for seed, (name, arrangement) in enumerate(songs.items()):
        notes = play(arrangement, PLAYER, np.random.default_rng(seed), plain=True)
        write_midi(notes, FOLDER / f"{name}.mid")
        print(f"{name}.mid: {len(notes)} notes, {notes.end_time:.1f} s")
    write_midi(tune(), FOLDER / "tune.mid")


def _score(source: str) -> Score:
    return parse_file(source)[0]


def _seated(score: Score, bpm: float, seconds: float, seats: tuple[int, ...]) -> Arrangement:
    length = seconds * bpm / 60
    lines: list[Line] = []
    for voice, seat in zip(cut_excerpt(score, 0.0, length), seats):
        lines.append(replace(voice, program=seat, pitch=fit_to_range(voice.pitch, seat)))
    return Arrangement(tuple(lines), find_bars(score, 0.0, length), bpm, score.source)


if __name__ == "__main__":
    main()
