"""Songs rendered part by part: stems, the part that is practised, and what is said of both."""

import numpy as np
import pytest
from cli_cases import PERFORMANCES, random_params, tiny_spec

import mt3synth
from mt3synth import bundle
from mt3synth.audio.files import read_metadata
from mt3synth.audio.mel import log_mel
from mt3synth.errors import UserError
from mt3synth.renderer import PRACTICE_DB
from mt3synth.symbolic.notes import Notes
from mt3synth.vocoder.griffin_lim import GriffinLim

STEPS = 2


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    folder, spec = tmp_path_factory.mktemp("models") / "tiny", tiny_spec()
    bundle.save(folder, spec, PERFORMANCES, "studio", random_params(spec), "# A random model\n")
    return mt3synth.load(folder)


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
