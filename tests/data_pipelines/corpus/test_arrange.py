"""Arranging and playing: ranges, determinism, unisons, pedal, dynamics."""

import numpy as np
import pytest
from corpus_cases import chorale, tune

from data_pipelines.corpus.arrangement.accompaniment import (
    GROOVES,
    write_drums,
    write_pedalled_piano,
)
from data_pipelines.corpus.arrangement.arrange import arrange, cut_plain_excerpts
from data_pipelines.corpus.arrangement.figuration import (
    INNER,
    LEADING,
    LOWEST,
    alberti,
    figure_voice,
    find_harmony,
    harmonize_tune,
    repeat,
    scale,
)
from data_pipelines.corpus.arrangement.instruments import INSTRUMENTS, VIOLIN, fit_to_range
from data_pipelines.corpus.arrangement.voices import cut_excerpt, find_bars
from data_pipelines.corpus.expression import Player, play, remove_unisons
from data_pipelines.corpus.performances import read_performances
from data_pipelines.corpus.songs import cut_held_out_excerpts, play_training
from mt3synth.symbolic.notes import Notes

EXACT = Player(onset_ms=0, rubato=0, contrast=1, legato=1)


@pytest.mark.parametrize("seed", range(12))
@pytest.mark.parametrize("score", [chorale(), tune()], ids=["chorale", "tune"])
def test_arrangements_stay_in_range_and_fit_midi(score, seed: int) -> None:
    arrangement = arrange(score, np.random.default_rng(seed))
    pitched = [line for line in arrangement.lines if not line.is_drum]
    assert pitched
    assert len({line.program for line in pitched}) <= 15
    for line in pitched:
        instrument = INSTRUMENTS[line.program]
        assert line.pitch.min() >= instrument.low
        assert line.pitch.max() <= instrument.high
        assert (line.duration > 0).all()
        assert (np.diff(line.start) >= 0).all()
    for line in arrangement.lines:
        if line.is_drum:
            assert line.pitch.min() >= 35 and line.pitch.max() <= 81


def test_a_song_follows_from_seed_and_index() -> None:
    performances = read_performances()
    scores = [chorale(), tune()]
    first = play_training(3, 5, scores, performances)
    again = play_training(3, 5, scores, performances)
    other = play_training(3, 6, scores, performances)
    for column in ("start", "end", "pitch", "velocity", "program"):
        np.testing.assert_array_equal(getattr(first[0], column), getattr(again[0], column))
    assert first[1:3] == again[1:3]
    assert len(first[0]) != len(other[0]) or not np.array_equal(first[0].start, other[0].start)


def test_songs_differ_in_level_and_vary_within() -> None:
    performances = read_performances()
    songs = [play_training(0, i, [chorale(), tune()], performances)[0] for i in range(40)]
    means = [song.velocity.mean() for song in songs]
    assert min(means) < 50 and max(means) > 95
    assert np.median([song.velocity.std() for song in songs]) > 8
    assert any(song.is_drum.any() for song in songs)


def test_pitch_classes_survive_folding() -> None:
    pitch = np.array([20, 60, 110, 127])
    folded = fit_to_range(pitch, VIOLIN)
    np.testing.assert_array_equal(folded % 12, pitch % 12)
    assert folded.min() >= 55 and folded.max() <= 100


def test_figures_fill_their_beat_from_chord_or_scale() -> None:
    harmony = find_harmony(cut_excerpt(chorale(), 0, 16), 16)
    for figure, _ in (*LEADING, *INNER, *LOWEST):
        for step in (0.5, 1 / 3, 0.25):
            rows = figure(harmony, 1, 5, step)
            assert all(5 <= start < 6 and start + length <= 6 + 1e-9 for start, length, *_ in rows)
    assert [row[2] for row in repeat(harmony, 0, 0, 0.25)] == [72] * 4
    chord = {48 % 12, 64 % 12, 67 % 12}
    assert {row[2] % 12 for row in alberti(harmony, 2, 0, 0.25)} <= chord
    assert [row[2] for row in scale(harmony, 0, 0, 0.5)] == [72, 74]


def test_figuration_is_faster_than_what_was_written() -> None:
    lines = cut_excerpt(chorale(), 0, 64)
    harmony = find_harmony(lines, 64)
    rng = np.random.default_rng(1)
    assert len(figure_voice(lines[0], harmony, 0, rng, 0.25)) > 1.5 * len(lines[0])


def test_triads_under_a_tune_hold_its_notes() -> None:
    melody = cut_excerpt(tune(), 0, 16)[0]
    harmony = harmonize_tune(melody, np.arange(0.0, 16, 4), 16)
    assert {int(p) % 12 for p in harmony.voices.ravel()} <= {p % 12 for p in harmony.scale}
    first_bar = melody.pitch[melody.start < 4] % 12
    assert np.isin(first_bar, harmony.voices[:, 0] % 12).mean() >= 3 / 8


def test_a_short_score_repeats_with_its_bars() -> None:
    score = chorale(2)
    lines = cut_excerpt(score, 4.0, 20.0)
    assert [len(line) for line in lines] == [20] * 4
    np.testing.assert_array_equal(find_bars(score, 4.0, 20.0), [0, 4, 8, 12, 16])
    assert lines[0].start[0] == 0 and (lines[0].start + lines[0].duration).max() == 20


def test_pedalled_notes_end_where_the_pedal_rises() -> None:
    harmony = find_harmony(cut_excerpt(chorale(), 0, 16), 16)
    for seed in range(8):
        line = write_pedalled_piano(harmony, np.random.default_rng(seed), 0.25)
        end = line.start + line.duration
        np.testing.assert_allclose(end, np.round(end), atol=1e-9)  # pedal changes fall on beats
        assert line.pedalled and (line.duration > 0.2).all()


def test_every_groove_stays_in_the_general_midi_kit() -> None:
    assert all(35 <= key <= 81 for groove in GROOVES.values() for key in groove)
    bars = np.arange(0.0, 64, 3)  # triple time: no hit may fall behind its bar
    line = write_drums(bars, 64.0, np.random.default_rng(0))
    assert line.is_drum and line.start.max() < 64


def test_without_unisons_merges_and_cuts() -> None:
    notes = Notes(
        start=np.array([0.0, 0.01, 0.5, 0.5]),
        end=np.array([0.4, 1.0, 0.8, 0.9]),
        pitch=np.array([60, 60, 60, 62]),
        velocity=np.array([50, 70, 80, 80]),
        program=np.full(4, 40),
        is_drum=np.zeros(4, bool),
    )
    single = remove_unisons(notes)
    assert single.pitch.tolist() == [60, 60, 62]
    assert single.velocity.tolist() == [70, 80, 80]
    assert single.end.tolist() == [0.5, 0.8, 0.9]


def test_plain_excerpts_cover_a_quartet_in_order_at_its_tempo() -> None:
    score = chorale(60, "haydn/made.mxl")
    pieces = cut_plain_excerpts(score)
    assert [line.program for line in pieces[0].lines] == [40, 40, 41, 42]
    assert pieces[0].bpm == 96.0
    lengths = [max((x.start + x.duration).max() for x in p.lines) * 60 / 96 for p in pieces]
    assert max(lengths) <= 45.0 and sum(lengths) > 0.7 * score.length * 60 / 96
    notes = play(pieces[0], EXACT, np.random.default_rng(0), plain=True)
    violin = notes.select(notes.program == VIOLIN)
    assert np.allclose(np.diff(np.unique(violin.start)).min(), 60 / 96, atol=0.25)


def test_held_out_excerpts_take_movements_in_turn() -> None:
    scores = [chorale(60, f"haydn/{i}.mxl") for i in range(3)]
    chosen = cut_held_out_excerpts(scores)
    assert [a.source[6] for a in chosen[:6]] == ["0", "1", "2", "0", "1", "2"]
    assert len(chosen) == sum(len(cut_plain_excerpts(score)) for score in scores)


def test_player_names_the_bound_it_breaks() -> None:
    with pytest.raises(ValueError, match=r"onset_ms=90"):
        Player(onset_ms=90, rubato=0, contrast=1, legato=1)
