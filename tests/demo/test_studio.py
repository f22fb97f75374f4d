"""What the page does for its visitors, without a page."""

import io
import wave
import zipfile

import numpy as np
import pytest
from cli_cases import tiny_spec, write_song

import mt3synth
from mt3synth import cli
from mt3synth.audio.files import read_audio, read_metadata
from mt3synth.demo.following import Stopped
from mt3synth.demo.piece import read_piece
from mt3synth.demo.studio import Studio, Wish
from mt3synth.errors import UserError


def quiet(text, share=None):
    """Tells nobody."""


@pytest.fixture
def song(tmp_path):
    return write_song(tmp_path / "song.mid", 60, 64, 67)


@pytest.fixture
def piece(song):
    return read_piece(song.read_bytes(), song.name, tiny_spec())


def test_it_renders_the_samples_of_the_command_line(
    studio, piece, song, bundle_folder, tmp_path, monkeypatch
):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    told = []
    made = studio.render(
        piece, Wish("hall", steps=2, seed=3, end=1.0), lambda text, share: told.append(text)
    )
    theirs = tmp_path / "theirs.wav"
    options = ["--performance", "hall", "--steps", "2", "--seed", "3", "--end", "1"]
    command = ["synthesize", str(song), "--bundle", str(bundle_folder), *options]
    assert cli.main([*command, "-o", str(theirs)]) == 0
    expected = read_audio(theirs, 16000)
    for kind in ("WAV", "FLAC"):
        np.testing.assert_array_equal(read_audio(made.files[kind], 16000), expected)
    ours, metadata = read_metadata(made.wav), read_metadata(theirs)
    assert ours == metadata
    assert made.seconds == len(expected) / 16000
    assert told[0] == "Reading the score" and "Denoising the frames: step 2 of 2" in told
    assert made.mel.startswith(b"\x89PNG")
    assert made.wav.name == "song.hall.wav"


def test_stems_are_packed_and_add_up(studio, tmp_path):
    notes = write_song(tmp_path / "a.mid", 60, 64, program=40)
    made = studio.render(
        read_piece(notes.read_bytes(), "a.mid", tiny_spec()), Wish("hall", 1, stems=True), quiet
    )
    with zipfile.ZipFile(made.files["Stems"]) as packed:
        [name] = packed.namelist()
        packed.extract(name, tmp_path)
    assert name.startswith("a.hall.") and name.endswith(".wav")
    stem, mix = (read_audio(path, 16000) for path in (tmp_path / name, made.wav))
    np.testing.assert_array_equal(stem, mix)
    assert sorted(path.suffix for path in made.wav.parent.iterdir()) == [".flac", ".wav", ".zip"]


@pytest.mark.slow
def test_two_performances_of_one_stretch(studio, piece):
    wishes = (Wish("studio", 1, start=0.5, end=1.0), Wish("hall", 1, start=0.5, end=1.0))
    first, second = studio.compare(piece, wishes, quiet)
    model = studio.model
    for made, name in ((first, "studio"), (second, "hall")):
        song = model.render(piece.score.notes, name, start=0.5, end=1.0, steps=1)
        np.testing.assert_allclose(read_audio(made.wav, 16000), song.audio, atol=1 / 32000)
    with pytest.raises(UserError, match="compare at most 30 s"):
        studio.compare(piece, (Wish("studio", 1), Wish("hall", 1)), quiet)


def test_a_stream_is_that_of_the_model(studio, piece):
    parts, made = zip(*studio.stream(piece, Wish("hall", 1)))
    samples = []
    for part in parts:
        with wave.open(io.BytesIO(part)) as file:
            assert (file.getframerate(), file.getnchannels()) == (16000, 1)
            samples.append(np.frombuffer(file.readframes(file.getnframes()), "<i2"))
    expected = np.concatenate(list(studio.model.stream(piece.score.notes, "hall", steps=1)))
    np.testing.assert_allclose(np.concatenate(samples) / 32767, expected, atol=1 / 32767)
    assert made[-1] == len(expected) / 16000


def test_a_sample_is_rendered_once(studio, monkeypatch):
    assert studio.default_steps == 1
    first = studio.sample("hall")
    monkeypatch.setattr(studio.model, "renderer", None)
    second = studio.sample("hall")
    assert first != second and first.read_bytes() == second.read_bytes()
    assert 4 < len(read_audio(first, 16000)) / 16000 < 6


def test_whoever_leaves_leaves_nothing(studio, piece):
    def leave(text, share):
        if text == "Writing the files" or share == 0.5:
            raise Stopped

    with pytest.raises(Stopped):
        studio.render(piece, Wish("hall", steps=2), leave)
    with pytest.raises(UserError, match="no performance 'opera'"):
        studio.render(piece, Wish("opera", steps=1), quiet)
    assert list(studio.rooms.folder.iterdir()) == []


def test_tempo_transposition_and_blends_are_those_of_the_model(studio, piece):
    wish = Wish("studio*0.5+hall*0.5", 1, start=0.5, end=1.0, tempo=2.0, transpose=3)
    made = studio.render(piece, wish, quiet)
    same = {"performance": wish.performance, "tempo": 2.0, "transpose": 3, "steps": 1}
    song = studio.model.render(piece.score.notes, start=0.25, end=0.5, **same)
    np.testing.assert_allclose(read_audio(made.wav, 16000), song.audio, atol=1 / 32000)
    assert made.wav.name == "song.studio 0.5+hall 0.5.wav"


def test_a_tempo_may_not_make_a_song_too_long(studio, tmp_path):
    long = write_song(tmp_path / "long.mid", 60, 62, seconds=600.0)
    piece = read_piece(long.read_bytes(), "long.mid", tiny_spec())
    with pytest.raises(UserError, match="would play for 40 minutes at this tempo; at most 30"):
        studio.render(piece, Wish("hall", 1, tempo=0.5), quiet)


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"tempo": 9.0}, "tempo=9.0; must be within 0.25..4"),
        ({"steps": 51}, "51 steps; at most 50 here"),
        ({"start": 2.0, "end": 1.0}, "end=1.0 s; must be after start=2.0 s"),
        ({"start": -1.0}, "start=-1.0 s; must be at least 0"),
    ],
)
def test_wishes_have_bounds(asked, said):
    with pytest.raises(UserError, match=said):
        Wish(**{"performance": "hall", "steps": 1} | asked)


@pytest.mark.slow
def test_the_sound_of_long_frames_tells_how_far_it_is(studio, tmp_path):
    model = mt3synth.load()
    notes = write_song(tmp_path / "long.mid", *range(40, 80))
    told = []
    Studio(model, studio.rooms).render(
        read_piece(notes.read_bytes(), "long.mid", model.spec),
        Wish("tape", steps=0),
        lambda text, share: told.append((text, share)),
    )
    shares = [share for text, share in told if text == "Making sound of the frames"]
    assert len(shares) > 1 and shares == sorted(shares) and shares[-1] == 1
