"""From one note to full bands: what songs of each kind are, and how often they come."""

import json
from collections import Counter

import numpy as np
import pytest
from corpus_cases import (
    SMALL_SOUNDFONT,
    STUDIO,
    chorale,
    needs_fluidsynth,
    scores_cache,
    small_performances,
    tune,
)

from data_pipelines.corpus.arrangement.instruments import INSTRUMENTS, PIANO
from data_pipelines.corpus.arrangement.kinds import (
    ARRANGERS,
    DEFAULT_KINDS,
    ENSEMBLE,
    ENSEMBLE_ONLY,
    choose_kind,
    read_kinds,
)
from data_pipelines.corpus.arrangement.melody import draw_rests, open_rests, write_melody
from data_pipelines.corpus.arrangement.single_notes import DRUM_KEYS, SUSTAINED
from data_pipelines.corpus.arrangement.voices import make_line
from data_pipelines.corpus.build import CorpusSettings, build_corpus
from data_pipelines.corpus.expression import play
from data_pipelines.corpus.performances import read_performances
from data_pipelines.corpus.played_scores import hash_played, read_played
from data_pipelines.corpus.recipe import SongBook
from data_pipelines.corpus.songs import count_held_out, play_held_out, play_training
from data_pipelines.corpus.sound.render import RING_OUT_S
from data_pipelines.inspection.inspect import ExampleOptions, inspect
from data_pipelines.inspection.segment_shares import KINDS, SegmentShares
from data_pipelines.songs import Song
from mt3synth.errors import UserError
from mt3synth.symbolic.notes import Notes

SCORES = [chorale(), tune()]
RATE = 16_000


def songs(kind: str, count: int = 60) -> list[tuple[object, Notes]]:
    """Arrangements of a kind, and their notes as a performance plays them."""
    made = []
    for seed in range(count):
        rng = np.random.default_rng(seed)
        arrangement = ARRANGERS[kind](SCORES, rng)
        made.append((arrangement, play(arrangement, STUDIO.player, rng)))
    return made


def programs(notes: Notes) -> set[int]:
    return set(notes.program[~notes.is_drum].tolist())


@pytest.mark.parametrize("kind", ARRANGERS)
def test_songs_of_every_kind_have_notes_and_edges_as_users_files_do(kind: str) -> None:
    made = songs(kind)
    starts = np.array([notes.start.min() for _, notes in made])
    assert all(len(notes) and notes.end_time < 300 for _, notes in made)
    assert all(notes.velocity.min() >= 10 for _, notes in made)
    assert 0.3 < np.mean(starts == 0) < 0.7  # on the first sample
    assert np.max(starts) > 1.0  # after a silence
    ring = np.array([arrangement.ring_out_s for arrangement, _ in made])
    assert np.min(ring) == 0 and np.max(ring) > 3.0


def test_a_solo_is_one_program_and_all_solos_cover_instruments_ranges_and_velocities() -> None:
    made = [notes for _, notes in songs("solo", 400)]
    assert all(len(programs(notes)) == 1 and not notes.is_drum.any() for notes in made)
    played = Counter(min(programs(notes)) for notes in made)
    assert set(played) == set(INSTRUMENTS)
    everything = Notes.concatenate(made)
    assert everything.velocity.min() <= 14 and everything.velocity.max() == 127
    for program, instrument in INSTRUMENTS.items():
        keys = everything.pitch[everything.program == program]
        assert keys.min() >= instrument.low and keys.max() <= instrument.high
        reached = (keys.max() - keys.min()) / (instrument.high - instrument.low)
        assert reached > 0.75, instrument.name
    gaps = [np.max(notes.start[1:] - notes.end[:-1], initial=0) for notes in made]
    assert np.mean(np.array(gaps) > 1.5) > 0.1  # long rests
    seconds = [notes.end_time for notes in made]
    assert np.min(seconds) < 4 and np.max(seconds) > 25


def test_parts_are_at_most_three() -> None:
    counts = Counter(len(programs(notes)) for _, notes in songs("parts", 120))
    assert set(counts) <= {1, 2, 3} and counts[2] > counts[1]  # two seats may be one program


def test_a_piano_alone_has_chords_pedal_and_fast_passages_over_the_keyboard() -> None:
    made = songs("piano", 150)
    assert all(programs(notes) == {PIANO} and not notes.is_drum.any() for _, notes in made)
    everything = Notes.concatenate([notes for _, notes in made])
    assert everything.pitch.min() <= 24 and everything.pitch.max() >= 104
    assert any(line.pedalled for arrangement, _ in made for line in arrangement.lines)
    assert len({arrangement.source for arrangement, _ in made}) == 6  # textures

    def fastest(notes: Notes) -> float:
        onsets = np.unique(np.round(notes.start, 2))
        return float(np.max([np.sum((onsets >= t) & (onsets < t + 1)) for t in onsets]))

    def thickest(notes: Notes) -> int:
        return max(int(np.sum((notes.start <= t) & (notes.end > t))) for t in notes.start + 0.02)

    assert max(fastest(notes) for _, notes in made) >= 11
    assert max(thickest(notes) for _, notes in made) >= 6


def test_held_notes_last_for_seconds_on_what_can_hold_them() -> None:
    made = [notes for _, notes in songs("held", 120)]
    for notes in made:
        assert programs(notes) < set(SUSTAINED) and len(programs(notes)) == 1
        assert np.min(notes.end - notes.start) > 1.9
    everything = Notes.concatenate(made)
    assert len(programs(everything)) >= 10
    assert np.max(everything.end - everything.start) > 10


def test_single_notes_come_one_at_a_time_at_every_velocity() -> None:
    made = [notes for _, notes in songs("notes", 200)]
    for notes in made:
        assert np.all(notes.end[:-1] <= notes.start[1:] + 0.03)
    everything = Notes.concatenate(made)
    assert programs(everything) == set(INSTRUMENTS)
    assert everything.velocity.min() == 10 and everything.velocity.max() == 127
    assert any(len(notes) == 1 for notes in made)
    assert any(np.any(np.diff(notes.pitch) == 0) for notes in made)  # repeated


def test_drums_come_alone_and_sparsely() -> None:
    made = [notes for _, notes in songs("drums", 150)]
    assert all(notes.is_drum.all() for notes in made)
    assert {int(k) for notes in made for k in notes.pitch} <= set(DRUM_KEYS)
    assert any(len(notes) == 1 for notes in made)
    assert np.median([len(n) / (n.end_time + 1) for n in made]) < 4  # hits a second


def test_soft_songs_are_soft_to_the_end() -> None:
    for arrangement, notes in songs("soft", 30):
        assert arrangement.loudness < 40
        assert np.percentile(notes.velocity, 90) < 64


def test_rests_open_for_all_lines_and_cut_what_crosses_them() -> None:
    line = make_line([(0.0, 2.0, 60, 0.0), (3.0, 3.0, 62, 0.0), (4.0, 1.0, 64, 0.0)])
    rested = open_rests(line, [(4.0, 10.0)])
    np.testing.assert_array_equal(rested.start, [0, 3, 14])
    np.testing.assert_array_equal(rested.duration, [2, 1, 1])
    twice = open_rests(line, [(4.0, 10.0), (2.0, 5.0)])
    np.testing.assert_array_equal(twice.start, [0, 8, 19])
    rests = draw_rests(32.0, 8.0, np.random.default_rng(0))
    assert rests and all(bar % 4 == 0 and 4 <= rest <= 12 for bar, rest in rests)


def test_melodies_stay_in_range_and_fill_their_beats() -> None:
    for seed in range(50):
        line = make_line(write_melody(60, 72, 16.0, np.random.default_rng(seed)))
        assert line.pitch.min() >= 60 and line.pitch.max() <= 72
        assert line.start.min() < 8 and (line.start + line.duration).max() <= 16 + 1e-9


def test_shares_hold_in_any_stretch_of_songs() -> None:
    for seed in (0, 1, 7):
        for first in (0, 1000):
            got = Counter(choose_kind(DEFAULT_KINDS, seed, first + i) for i in range(100))
            for kind, share in DEFAULT_KINDS:
                assert abs(got[kind] - 100 * share) <= 2, kind
    assert sum(share for _, share in DEFAULT_KINDS) == pytest.approx(1)
    assert choose_kind(ENSEMBLE_ONLY, 3, 17) == ENSEMBLE


def test_kinds_are_read_and_mistakes_named() -> None:
    assert read_kinds("solo=1,ensemble=3") == (("ensemble", 0.75), ("solo", 0.25))
    # As a corpus names them: whoever goes on with one must get the same.
    told = ",".join(f"{kind}={share}" for kind, share in DEFAULT_KINDS)
    assert read_kinds(told) == DEFAULT_KINDS
    for text, problem in (
        ("choir=1", "must be one of ensemble, edges"),
        ("solo=1,solo=2", "named twice"),
        ("solo=0", "must be more than 0"),
        ("solo", "must be KIND=SHARE"),
    ):
        with pytest.raises(UserError, match=problem):
            read_kinds(text)


def test_an_ensemble_sounds_the_same_in_whatever_mixture() -> None:
    performances = read_performances()
    index = next(i for i in range(99) if choose_kind(DEFAULT_KINDS, 3, i) == ENSEMBLE)
    alone = play_training(3, index, SCORES, performances)
    mixed = play_training(3, index, SCORES, performances, DEFAULT_KINDS)  # needs none played
    for column in ("start", "end", "pitch", "velocity", "program"):
        np.testing.assert_array_equal(getattr(alone.notes, column), getattr(mixed.notes, column))
    assert (mixed.source, mixed.ring_out_s) == (alone.source, RING_OUT_S)


def test_a_held_out_split_mixes_its_own_excerpts_and_ends_with_them(tmp_path) -> None:
    from data_pipelines.corpus.songs import cut_held_out_excerpts

    scores = [chorale(40, "mozart/a.mxl", "Mozart")]
    excerpts = cut_held_out_excerpts(scores)
    performances = read_performances()
    size = count_held_out(0, len(excerpts), DEFAULT_KINDS)
    own = read_played(scores_cache(tmp_path / "scores"), ["mozart/a.mxl"])
    played = [
        play_held_out(0, "test", i, scores, excerpts, performances, DEFAULT_KINDS, own)
        for i in range(size)
    ]
    whole = [song for i, song in enumerate(played) if choose_kind(DEFAULT_KINDS, 0, i) == ENSEMBLE]
    assert [song.source for song in whole] == [e.source for e in excerpts]
    assert len(whole) < size and played[-1] is whole[-1]
    other = play_held_out(0, "validation", 0, scores, excerpts, performances, DEFAULT_KINDS, own)
    assert len(other.notes) != len(played[0].notes)  # draws of its own
    assert count_held_out(0, len(excerpts), ENSEMBLE_ONLY) == len(excerpts)
    assert count_held_out(0, len(excerpts), read_kinds("solo=1")) is None


def test_a_recipe_of_ensembles_is_called_what_it_was_before_there_were_kinds(tmp_path) -> None:
    fields = dict(
        seed=0, scores="s", performances="p", soundfonts=(), fluidsynth="2.3.1",
        cache=tmp_path, performances_file=tmp_path, folders=(),
    )  # fmt: skip
    assert repr(SongBook(**fields)) == (
        "SongBook(seed=0, scores='s', performances='p', soundfonts=(), fluidsynth='2.3.1')"
    )
    assert "kinds=(('solo', 1.0),)" in repr(SongBook(**fields, kinds=(("solo", 1.0),)))


def test_a_third_of_all_segments_is_thin_and_a_fifth_is_piano_alone(tmp_path) -> None:
    performances = read_performances()
    played = read_played(scores_cache(tmp_path / "scores"), ["bach/made.mxl"])
    shares = SegmentShares()
    for i in range(150):
        song = play_training(0, i, SCORES, performances, DEFAULT_KINDS, played)
        samples = int((song.notes.end_time + song.ring_out_s) * RATE)
        audio = np.zeros(samples, np.int16)
        shares.add(Song(f"train-{i:05d}", audio, RATE, song.notes, song.performance))
    assert shares.share("at_most_two_parts") > 1 / 3
    assert shares.share("piano_alone") > 0.2
    assert shares.share("song_begins") > 0.1
    for kind in KINDS:
        assert shares.share(kind) > 0.01, kind


@needs_fluidsynth
def test_a_mixed_corpus_says_what_is_in_it(tmp_path) -> None:
    settings = CorpusSettings(
        hours=0.015,
        seed=5,
        validation_hours=0.002,
        test_hours=0.002,
        format="numpy",
        workers=1,
        cache=scores_cache(tmp_path / "scores"),
        performances=small_performances(tmp_path / "performances.toml"),
        soundfonts=(SMALL_SOUNDFONT,),
        sample_rate=16_000,
    )
    built = build_corpus(tmp_path / "corpus", settings)
    assert json.loads((tmp_path / "corpus" / "corpus.json").read_text()) == built
    assert built["recipe"]["kinds"] == dict(DEFAULT_KINDS)
    assert built["recipe"]["played"] == hash_played(settings.cache)
    assert set(built["segments"]) == {"train", "validation", "test"}
    seen = inspect(tmp_path / "corpus", tmp_path / "report", ExampleOptions(most=0), "train")
    assert seen.shares.to_dict() == built["segments"]["train"]
    assert "piano alone" in (tmp_path / "report" / "index.html").read_text()
    with pytest.raises(UserError, match="built with kinds"):
        build_corpus(
            tmp_path / "corpus", CorpusSettings(**{**vars(settings), "kinds": ENSEMBLE_ONLY})
        )
