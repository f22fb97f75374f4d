"""Thin music: levels of sines in closed form, what counts as thin, and what a report says of it."""

import numpy as np
import pytest
from evaluation_cases import JUDGE, quick_evaluators

from mt3synth.evaluation.embeddings.store import EmbeddingStore
from mt3synth.evaluation.metrics.metric import HeardPiece, Measured, Measurements
from mt3synth.evaluation.metrics.thin import (
    NAME,
    THIN,
    group_of,
    measure_levels,
    start_db,
)
from mt3synth.symbolic.notes import Notes

RATE = 16000


def notes(
    times: list[tuple[float, float]],
    velocity: int = 60,
    program: int = 19,
    keys: tuple[int, ...] = (60,),
    drum: bool = False,
) -> Notes:
    start, end = np.array(times).T
    same = np.ones(len(times), int)
    pitch = np.resize(keys, len(times))
    return Notes(start, end, pitch, velocity * same, program * same, drum * same)


def tone(seconds: float, stretches: list[tuple[float, float, float]]) -> np.ndarray:
    """Plays a sine of 500 Hz, of the amplitude of each stretch from its start to its end."""
    time = np.arange(round(seconds * RATE)) / RATE
    amplitude = np.zeros(len(time))
    for start, end, height in stretches:
        amplitude[round(start * RATE) : round(end * RATE)] = height
    return (amplitude * np.sin(2 * np.pi * 500 * time)).astype(np.float32)


def decibels(amplitude: float) -> float:
    return 20 * np.log10(amplitude / np.sqrt(2))


PLAYED = [(0.0, 4.0), (5.0, 5.5)]


def test_levels_are_those_of_sines() -> None:
    audio = tone(7.0, [(0, 2, 0.5), (2, 4, 0.25), (5, 5.5, 0.1), (6.0, 7.0, 0.01)])
    heard = measure_levels(audio, RATE, notes(PLAYED))
    assert heard is not None
    assert (heard.group, heard.velocity) == ("organ", 60)
    both = 10 * np.log10((0.5**2 + 0.25**2) / 4)
    np.testing.assert_allclose(heard.notes, [both, decibels(0.1)], atol=1e-4)
    halves = [decibels(0.5)] * 4 + [decibels(0.25)] * 4
    np.testing.assert_allclose(heard.held, [halves], atol=1e-4)
    # Rests are from 4.25 to 5 s and from 5.75 to 7 s; in 1 s of these 2 s there is a sine.
    assert heard.rests == pytest.approx(decibels(0.01) - 10 * np.log10(2), abs=1e-4)


def test_a_click_at_the_start_is_seen() -> None:
    quiet = tone(2.0, [(0.5, 1.5, 0.25)])
    assert start_db(quiet, RATE) < -100
    clicking = quiet.copy()
    clicking[900] = 1.0  # at 56 ms
    assert start_db(clicking, RATE) == pytest.approx(20 * np.log10(4), abs=1e-3)
    later = quiet.copy()
    later[960] = 1.0  # at 60 ms
    assert start_db(later, RATE) < -100


def test_what_is_thin() -> None:
    line = notes(PLAYED)
    assert group_of(line) == "organ"
    assert group_of(line.replace(program=np.array([16, 23]))) == "organ"  # one sound to the model
    assert group_of(notes(PLAYED, drum=True, program=0)) == "drums"
    assert group_of(Notes.empty()) is None
    assert group_of(line.replace(velocity=np.array([60, 61]))) is None
    assert group_of(line.replace(program=np.array([19, 0]))) is None
    assert group_of(notes([(0.0, 4.0), (3.9, 5.0)])) is None
    assert group_of(notes([(0.0, 4.0), (3.99, 5.0)])) == "organ"


def found(pieces: dict[str, tuple[Notes, dict[str, np.ndarray]]], transcriber=None, cache=None):
    """Measures pieces as an evaluation does; all sound in the studio."""
    using = quick_evaluators(cache, transcriber)
    with EmbeddingStore(32) as store:
        made = Measurements(store, [])
        for name, (played, audio) in pieces.items():
            piece = Measured(name, "studio")
            heard = HeardPiece(audio, played)
            values = {kind: THIN.measure(heard, kind, using) for kind in audio}
            piece.values[NAME] = {k: value for k, value in values.items() if value is not None}
            made.pieces.append(piece)
        figures = THIN.aggregate(made, using)
        return figures, list(THIN.piece_rows(made, figures))


def test_a_report_says_what_is_missing(tmp_path) -> None:
    real = tone(7.0, [(0, 4, 0.4), (5, 5.5, 0.4)])
    dying = tone(7.0, [(0, 3.5, 0.2), (3.5, 4, 0.02), (5, 5.5, 0.4), (6, 7, 0.1)])
    dying[100] = 1.0
    silent = real / 1e5
    hits = notes([(0.5, 0.6), (2.0, 2.1)], keys=(36, 42), program=0, drum=True)
    drums = tone(3.0, [(0.5, 0.75, 0.5), (2.0, 2.25, 0.2)])
    soft = tone(3.0, [(0.5, 0.75, 0.5), (2.0, 2.25, 0.02)])
    played = notes(PLAYED)

    def one_note(audio: np.ndarray, sample_rate: int) -> Notes:
        return played.select(np.array([1])) if audio.max() < 0.39 else played

    figures, rows = found(
        {
            "a": (played, {"generated": dying, "vocoded": real, "real": real}),
            "b": (notes(PLAYED, 100), {"generated": silent, "vocoded": real, "real": real}),
            "c": (hits, {"generated": soft, "real": drums}),
            "chords": (notes([(0, 1), (0, 1)]), {"generated": real}),
        },
        one_note,
        tmp_path,
    )
    assert list(figures) == ["studio"] and list(figures["studio"]) == ["organ", "drums"]
    organ = figures["studio"]["organ"]["generated"]
    of_long = 10 * np.log10((7 * 0.2**2 + 0.02**2) / 8 / 0.4**2)
    assert organ["level_db"]["60"] == pytest.approx(of_long / 2, abs=0.02)  # one of two
    assert organ["level_db"]["100"] == pytest.approx(-60)  # nobody hears what is softer still
    assert organ["farthest_note_db"] == pytest.approx(-60)
    assert organ["held_db"] == pytest.approx(-60)
    assert organ["start_db"] == pytest.approx(20 * np.log10(1 / 0.4), abs=0.01)
    assert organ["bursts"] == 1
    in_rests = decibels(0.1) - 10 * np.log10(2)
    assert organ["rests_db"] == pytest.approx(in_rests - (decibels(0.4) - 60), abs=0.02)
    assert organ["f1"][JUDGE] == pytest.approx(2 * 3 / (4 + 3))
    of_real = figures["studio"]["organ"]["real"]
    assert of_real["bursts"] == 0 and "level_db" not in of_real
    vocoded = figures["studio"]["organ"]["vocoded"]
    assert vocoded["level_db"] == {"60": 0, "100": 0} and vocoded["f1"][JUDGE] == 1
    drum = figures["studio"]["drums"]["generated"]
    assert drum["hits_db"]["kick"]["60"] == pytest.approx(0, abs=1e-4)
    assert drum["hits_db"]["closed hi-hat"]["60"] == pytest.approx(-20, abs=1e-4)
    assert "f1" not in drum and drum["held_db"] is None

    groups, hit = THIN.tables(figures, {})
    assert groups.heading == "Thin music, studio"
    assert [row[0] for row in groups.rows] == ["organ", "drums", "worst"]
    worst = dict(zip(groups.columns, groups.rows[-1]))
    assert (worst["level at 100"], worst["farthest note"], worst["start"]) == (
        "-60.0", "-60.0", "8.0"
    )  # fmt: skip
    heard = (f"note F1, {JUDGE}", "vocoded", "ratio")
    assert [worst[name] for name in heard] == ["0.857", "1.000", "0.86"]
    assert hit.rows == (("kick", "0.0", "–"), ("closed hi-hat", "-20.0", "–"))
    scores = {(name, kind): value for name, kind, value, *_ in THIN.rows(figures)}
    assert scores["thin studio organ level_db velocity 100", "generated"] == pytest.approx(-60)
    assert scores["thin studio organ bursts", "generated"] == 1
    level = next(r[4] for r in rows if r[:2] == ("c", "real") and r[3] == "thin: level, dB")
    assert level == pytest.approx((decibels(0.5) + decibels(0.2)) / 2, abs=1e-3)


def test_without_a_real_rendering_start_and_notes_are_left(tmp_path) -> None:
    audio = tone(7.0, [(0, 4, 0.4), (5, 5.5, 0.4)])
    figures, _ = found({"a": (notes(PLAYED), {"generated": audio})}, cache=tmp_path)
    assert set(figures["studio"]["organ"]["generated"]) == {"pieces", "start_db", "bursts"}
    (table,) = THIN.tables(figures, {})
    assert table.rows[0][0] == "organ" and "–" in table.rows[0]
