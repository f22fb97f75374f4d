"""Songs rendered part by part: stems, the part that is practised, and what is said of both."""

import numpy as np
import pytest
import soundfile
from cli_cases import save_model
from midi_cases import control, event, exclusive, midi, tone, wheel

import mt3synth
from mt3synth.audio.files import read_metadata
from mt3synth.audio.mel import log_mel
from mt3synth.errors import UserError
from mt3synth.renderer import PRACTICE_DB
from mt3synth.score import Span, read_score
from mt3synth.symbolic.notes import Notes
from mt3synth.vocoder.griffin_lim import GriffinLim

STEPS = 2


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return mt3synth.load(save_model(tmp_path_factory.mktemp("models") / "tiny"))


def duet() -> Notes:
    """A violin above a piano that ends later."""
    start = np.array([0.0, 0.5, 0.0, 0.5, 1.0])
    program = np.array([40, 40, 0, 0, 0])
    key = np.array([76, 79, 48, 52, 55])
    return Notes(start, start + 0.5, key, np.full(5, 80), program, np.zeros(5, bool))


def render(model, **options):
    quick = GriffinLim(model.spec.mel, iterations=1)
    return model.render(duet(), steps=STEPS, vocoder=quick, **options)


def test_stems_add_up_to_the_mix(model):
    song = render(model, stems=True)
    assert list(song.stems) == ["piano", "violin"]
    np.testing.assert_allclose(song.audio, sum(song.stems.values()), atol=1e-6)
    np.testing.assert_array_equal(song.mel, log_mel(song.audio, song.mel_spec))
    assert song.reports[-1] == "2 parts rendered one by one and summed: piano, violin"
    assert song.metadata["parts"] == "one by one"


def test_a_part_sounds_as_it_would_in_another_song(model):
    whole = render(model, stems=True)
    alone = model.render(
        duet().select(duet().program == 40),
        steps=STEPS,
        stems=True,
        vocoder=GriffinLim(model.spec.mel, iterations=1),
    )
    ours, theirs = whole.stems["violin"][: len(alone.audio)] / whole.gain, alone.audio / alone.gain
    np.testing.assert_allclose(ours, theirs, atol=1e-4)


def test_the_part_that_is_practised_is_soft_and_the_others_are_as_they_are(model):
    plain, practice = render(model, stems=True), render(model, practice="violin")
    soft = 10 ** (PRACTICE_DB / 20)
    for name, gain in (("violin", soft), ("piano", 1.0)):
        np.testing.assert_allclose(
            practice.stems[name] / practice.gain, gain * plain.stems[name] / plain.gain, atol=1e-4
        )
    assert practice.metadata["practice"] == "violin"


def test_a_song_without_stems_is_rendered_whole(model):
    song = render(model)
    assert song.stems == {} and song.reports == () and "parts" not in song.metadata


def test_steps_are_those_of_all_parts(model):
    done = []
    render(model, stems=True, on_step=lambda number, steps: done.append((number, steps)))
    assert done == [(number, 2 * STEPS) for number in range(1, 2 * STEPS + 1)]


def test_stems_are_written_beside_the_mix(model, tmp_path):
    song = render(model, stems=True)
    song.write(tmp_path / "duet.flac")
    song.write_stems(tmp_path / "duet.flac")
    names = sorted(path.name for path in tmp_path.iterdir())
    assert names == ["duet.flac", "duet.piano.flac", "duet.violin.flac"]
    metadata = read_metadata(tmp_path / "duet.violin.flac")
    assert metadata == {**song.metadata, "part": "violin"}


def test_a_part_that_is_not_there(model):
    with pytest.raises(UserError, match="no part 'cello'; known are: piano, violin"):
        render(model, practice="cello")


VIOLIN, FLUTE = event(0xC0, 40), event(0xC1, 73)
APART = "groups of notes, which are rendered one by one"


def play(model, *tracks: bytes, **options):
    quick = GriffinLim(model.spec.mel, iterations=1)
    return model.render(midi(*tracks), steps=STEPS, vocoder=quick, **options)


def test_one_volume_for_all_changes_no_sample(model):
    notes = [VIOLIN + tone(), FLUTE + tone(72, channel=1)]
    loud = play(model, *notes)
    soft = play(model, *(control(7, 30, channel=c) + track for c, track in enumerate(notes)))
    np.testing.assert_array_equal(loud.audio, soft.audio)
    assert soft.reports == () and np.array_equal(loud.mel, soft.mel)


def test_levels_follow_volume_and_expression(model):
    swell = b"".join(control(11, value, after=48) for value in (20, 60, 127, 90, 40))
    track = VIOLIN + event(0x90, 60, 80) + swell + event(0x80, 60, 0, after=240)
    plain, heard = play(model, VIOLIN + tone(60, 480)), play(model, control(11, 80) + track)
    assert heard.reports == ("volume and expression: applied to the sound",)
    hop = plain.sample_rate // 100  # between two of the steps, which are 50 ms apart
    for value, step in ((80, 2), (20, 7), (60, 12), (127, 17), (90, 22), (40, 35)):
        at = slice(step * hop, (step + 2) * hop)
        ratio = np.std(heard.audio[at] / heard.gain) / np.std(plain.audio[at] / plain.gain)
        assert 20 * np.log10(ratio) == pytest.approx(40 * np.log10(value / 127), abs=0.2)
    np.testing.assert_array_equal(heard.mel, log_mel(heard.audio, heard.mel_spec))


def test_a_part_at_another_level_is_rendered_by_itself(model):
    flute = FLUTE + tone(72, channel=1)
    quiet = [VIOLIN + tone(), control(7, 50, channel=1) + flute]
    song = play(model, *quiet)
    assert song.reports == (f"volume and expression: applied to the sound of 1 of 2 {APART}",)
    assert song.stems == {}
    stems = play(model, *quiet, stems=True)
    equal = play(model, VIOLIN + tone(), flute, stems=True)
    for name, gain in (("violin", 1.0), ("flute", 0.25)):
        np.testing.assert_allclose(
            stems.stems[name] / stems.gain, gain * equal.stems[name] / equal.gain, atol=1e-4
        )


def test_a_stream_has_the_levels_of_its_parts_and_no_bends(model):
    bent = wheel(1000, channel=1) + control(7, 50, channel=1) + FLUTE + tone(72, 300, channel=1)
    data, options = midi(VIOLIN + tone(), bent), {"steps": STEPS}
    renderer = model.renderer(vocoder=GriffinLim(model.spec.mel, iterations=1), **options)
    score, done = read_score(data, Span(), model.spec), []
    made = np.concatenate(list(renderer.stream(score, lambda *step: done.append(step))))
    level = midi(VIOLIN + tone(), bent.replace(wheel(1000, channel=1), b""))
    quick = GriffinLim(model.spec.mel, iterations=1)
    whole = model.render(level, vocoder=quick, continuity="stream", **options)
    np.testing.assert_allclose(made, whole.audio / whole.gain, atol=1e-4)
    assert len(made) == renderer.samples(score)
    assert done == [(number, 2 * STEPS) for number in range(1, 2 * STEPS + 1)]
    assert renderer.reports(score, streamed=True) == (
        f"volume and expression: applied to the sound of 1 of 2 {APART}",
        "bends, tunings and modulation: not applied to a stream",
    )


def test_a_muted_part_is_not_rendered(model):
    alone = play(model, VIOLIN + tone())
    muted = play(model, VIOLIN + tone(), FLUTE + control(7, 0, channel=1) + tone(72, channel=1))
    np.testing.assert_array_equal(alone.audio, muted.audio)
    assert muted.reports == ("notes that volume or expression keeps silent: 1 not rendered",)
    with pytest.raises(UserError, match=r"no notes .* keeps silent: 1 not rendered"):
        play(model, control(7, 0) + tone())


def test_a_detuned_part_is_as_long_and_reported(model):
    tuned = control(101, 0) + control(100, 1) + control(6, 80)
    plain, song = play(model, VIOLIN + tone()), play(model, tuned + VIOLIN + tone())
    assert song.reports == ("bends, tunings and modulation: applied to the sound",)
    assert song.seconds == pytest.approx(plain.seconds, rel=0.02)


def test_stereo_places_parts_and_leaves_the_middle_alone(model, tmp_path):
    notes = [VIOLIN + tone(), FLUTE + tone(72, channel=1)]
    mono, middle = play(model, *notes), play(model, *notes, stereo=True)
    np.testing.assert_array_equal(middle.audio, np.stack([mono.audio, mono.audio], 1))
    assert middle.metadata["channels"] == "2" and "channels" not in mono.metadata
    placed = [control(10, 0) + notes[0], control(10, 127, channel=1) + notes[1]]
    assert play(model, *placed).reports == ("controller 10 (pan): heard in stereo only",)
    song = play(model, *placed, stereo=True, stems=True)
    violin, flute = song.stems["violin"], song.stems["flute"]
    assert np.abs(violin[:, 1]).max() < 1e-3 and np.abs(flute[:, 0]).max() < 1e-3
    song.write(tmp_path / "x.flac")
    samples, rate = soundfile.read(tmp_path / "x.flac")
    assert samples.shape == song.audio.shape and rate == song.sample_rate
    np.testing.assert_allclose(samples, song.audio, atol=1e-4)
    assert "<audio" in song._repr_html_()


def test_a_scale_tunes_the_keys(model, tmp_path):
    degrees = [100 * step - 33 * (step == 4) for step in range(1, 13)]
    scale = tmp_path / "low_e.scl"
    scale.write_text("a low e\n12\n" + "\n".join(f"{degree:.1f}" for degree in degrees))
    tuned = exclusive("7f 7f 08 08 03 7f 7f 40 40 40 40 1f 40 40 40 40 40 40 40")
    notes = VIOLIN + tone(60) + tone(64) + tone(67)
    written, song = play(model, tuned + notes), play(model, notes, tuning=scale)
    assert song.metadata["tuning"] == "low_e.scl" and "tuning" not in written.metadata
    told = f"bends, tunings and modulation: applied to the sound of 1 of 2 {APART}"
    assert song.reports == written.reports == (told,)
    np.testing.assert_allclose(song.audio, written.audio, atol=1e-6)


def test_each_instrument_may_have_a_performance_of_its_own(model):
    both = render(model, performance="violin=hall,piano=old-radio")
    assert both.reports[-1] == "2 parts rendered one by one and summed: piano, violin"
    assert both.metadata["performance"] == "violin=hall,piano=old-radio,studio"
    for name, performance in (("violin", "hall"), ("piano", "old-radio")):
        alone = render(model, performance=performance, stems=True)
        np.testing.assert_allclose(
            both.stems[name] / both.gain, alone.stems[name] / alone.gain, atol=1e-4
        )
    with pytest.raises(UserError, match="no part 'viola'; did you mean 'violin'"):
        render(model, performance="viola=hall")
    with pytest.raises(UserError, match="performances of single instruments"):
        model.stream(duet(), "violin=hall", steps=STEPS)


def test_a_performance_may_change_along_the_song(model):
    studio, hall = (render(model, performance=name) for name in ("studio", "hall"))
    changed = render(model, performance="studio@0:00,hall@0:01")
    fade = slice(25, 75)  # frames of half a second before and after
    np.testing.assert_allclose(changed.mel[:25], studio.mel[:25], atol=1e-4)
    np.testing.assert_allclose(changed.mel[75:], hall.mel[75:], atol=1e-4)
    assert np.abs(changed.mel[fade] - studio.mel[fade]).max() > 0
    assert changed.metadata["performance"] == "studio@0:00,hall@0:01"
    # Times are those of the song, whatever of it is rendered.
    late = render(model, performance="studio@0:00,hall@0:01", start=1.2)
    whole = render(model, performance="hall", start=1.2)
    np.testing.assert_allclose(late.mel[15:], whole.mel[15:], atol=1e-4)
    with pytest.raises(UserError, match=r"hall@0:09 is after the song, which ends at 0:01\.5"):
        render(model, performance="studio,hall@0:09")
