"""Songs rendered again where their notes changed, or where somebody asks."""

import dataclasses

import numpy as np
import pytest
from cli_cases import save_model

import mt3synth
from mt3synth.earlier import read_earlier, sidecar_path
from mt3synth.errors import UserError
from mt3synth.symbolic.notes import Notes
from mt3synth.times import read_region
from mt3synth.vocoder.griffin_lim import GriffinLim


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return mt3synth.load(save_model(tmp_path_factory.mktemp("models") / "tiny"))


def tune(seconds: int = 16) -> Notes:
    """A note each second."""
    start = np.arange(float(seconds))
    same = np.ones(seconds, int)
    return Notes(start, start + 0.8, 60 + np.arange(seconds) % 12, 80 * same, 0 * same, same == 0)


def edited() -> Notes:
    """The same with another note at 6 s, in the window from 3.84 to 8.96 s."""
    pitch = tune().pitch
    pitch[6] += 3
    return tune().replace(pitch=pitch)


def render(model, notes, **options):
    quick = GriffinLim(model.spec.mel, iterations=1)
    return model.render(notes, **{"steps": 1, "tail": 1.0, "vocoder": quick} | options)


@pytest.fixture(scope="module")
def first(model):
    return render(model, tune())


def passage(song) -> slice:
    [(start, end)] = [read_region(each) for each in song.metadata["again"].split(", ")]
    return slice(round(start * song.sample_rate), round(end * song.sample_rate))


def check_outside(song, before) -> None:
    inside = passage(song)
    np.testing.assert_array_equal(song.audio[: inside.start], before.audio[: inside.start])
    np.testing.assert_array_equal(song.audio[inside.stop :], before.audio[inside.stop :])
    assert np.abs(song.audio[inside] - before.audio[inside]).max() > 1e-3


def test_only_what_changed_is_rendered_again(model, first):
    steps = []
    song = render(model, edited(), since=first, on_step=lambda *done: steps.append(done))
    check_outside(song, first)
    assert song.metadata["again"] == "0:03.84-0:08.96" and steps == [(1, 1)]
    assert song.reports[-1] == (
        "rendered again: 0:03.84-0:08.96; all else is that of notes, performance studio"
    )
    # With the same noise the passage is what a whole new rendering has there.
    whole = render(model, edited())
    frames = slice(240, 400)
    np.testing.assert_allclose(song.mel[frames], whole.mel[frames], atol=0.05)


def test_nothing_changed(model, first):
    song = render(model, tune(), since=first)
    np.testing.assert_array_equal(song.audio, first.audio)
    assert song.reports[-1].startswith("the same as ")


def test_a_song_may_become_longer_or_shorter(model, first):
    longer = render(model, tune(18), since=first)
    assert len(longer.audio) == len(first.audio) + 2 * 16000
    begins = passage(longer).start
    np.testing.assert_array_equal(longer.audio[:begins], first.audio[:begins])
    assert np.abs(longer.audio[-32000:]).max() > 0
    shorter = render(model, tune(10), since=first)
    assert len(shorter.audio) == len(first.audio) - 6 * 16000


def test_a_passage_may_get_another_seed_and_performance(model, first):
    song = render(model, tune(), since=first, region=(5.0, 7.0), seed=9, performance="hall")
    assert song.metadata["again"] == "0:05-0:07"
    check_outside(song, first)
    assert song.metadata["performance"] == "studio"  # that of the song


def test_a_file_and_its_sidecar_are_as_good(model, first, tmp_path):
    first.write(tmp_path / "v1.wav")
    first.write_sidecar(tmp_path / "v1.wav")
    song = render(model, edited(), since=tmp_path / "v1.wav")
    check_outside(song, read_earlier(tmp_path / "v1.wav"))
    song.write(tmp_path / "v2.flac")
    song.write_sidecar(tmp_path / "v2.flac")
    back = render(model, tune(), since=tmp_path / "v2.flac")
    check_outside(back, read_earlier(tmp_path / "v1.wav"))


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"region": (5.0, 6.0)}, "notes changed outside the region, the first at 0:06"),
        ({"region": (99.0, 100.0)}, "region 1:39-1:40 is after the song, which ends at 0:16.8"),
        ({"region": (6.0, 5.0)}, "region 6.0 to 5.0 s; must begin at 0 or later"),
        ({"seed": 4}, "rendered with seed 0, now it is 4; give the same options, or a --region"),
        ({"performance": "hall"}, "rendered with performance studio, now it is hall"),
        ({"end": 9.0}, "rendered with start not set, now it is 0.0"),
        ({"stems": True}, "is for songs that are rendered whole"),
    ],
)
def test_what_cannot_be_rendered_again(model, first, options, said):
    with pytest.raises(UserError) as raised:
        render(model, edited(), since=first, **options)
    assert said in str(raised.value) and "\n" not in str(raised.value)


def test_a_region_needs_a_rendering(model):
    with pytest.raises(UserError, match="region goes with since"):
        render(model, tune(), region=(1.0, 2.0))


def test_what_was_rendered_by_another_model_or_version(model, first):
    for name in ("bundle", "software"):
        other = dataclasses.replace(first, metadata={**first.metadata, name: "other"})
        with pytest.raises(UserError, match=rf"rendered by another \w+ \({name} other"):
            render(model, tune(), since=other)


def test_sidecars_that_are_none(first, tmp_path):
    path = tmp_path / "v1.wav"
    for said, prepare in (
        ("no such file", lambda: None),
        ("render it with --sidecar first", lambda: first.write(path)),
        ("no sidecar of mt3synth", lambda: sidecar_path(path).write_bytes(b"nothing")),
    ):
        prepare()
        with pytest.raises(UserError, match=said):
            read_earlier(path)
    first.write_sidecar(path)
    dataclasses.replace(first, audio=first.audio / 2).write(path)
    with pytest.raises(UserError, match=r"not the sound that v1\.wav\.sidecar\.npz is of"):
        read_earlier(path)
    with pytest.raises(UserError, match="only WAV and FLAC"):
        first.write_sidecar(tmp_path / "v1.mp3")
    with pytest.raises(UserError, match="a song of parts has no sidecar"):
        dataclasses.replace(first, notes=None).write_sidecar(path)
