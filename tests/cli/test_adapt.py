"""`mt3synth adapt`: a new performance in a copy of a bundle."""

import hashlib
from pathlib import Path

import numpy as np
import pytest
from backbone_cases import PERFORMANCES, random_params, spec_of
from take_cases import write_take

import mt3synth
from mt3synth import bundle as bundles
from mt3synth.errors import UserError

HEARS = """
from take_cases import NOTES
def hear(audio, sample_rate):
    return NOTES
"""


@pytest.fixture(scope="module")
def small(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("small") / "bundle"
    spec = spec_of("unet_notes")
    bundles.save(folder, spec, PERFORMANCES, "near", random_params(spec), "# Small\n")
    return folder


def digest(folder: Path) -> str:
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return hashlib.sha256(b"".join(path.read_bytes() for path in files)).hexdigest()


@pytest.fixture
def take(here: Path, small: Path) -> tuple[object, ...]:
    """Writes a recording and who hears its notes; the options that name them."""
    (here / "hears.py").write_text(HEARS)
    write_take(here / "take.wav")
    heard = ("--transcriber", "hears.py:hear", "--audio", "take.wav")
    return ("adapt", "--bundle", small, *heard, "--name", "my room", "-o", "mine")


def test_a_recording_becomes_a_performance_and_the_others_stay(run, take, here, small):
    before = digest(small)
    done = run(*take, "--steps", 3, "--description", "A room of mine.")
    assert done.status == 0, done.err
    assert "from 3" in done.out[-1] and "transcribed; begun with" in done.out[-1]
    assert digest(small) == before
    made = bundles.load(here / "mine")
    new = made.performance("my room")
    assert (new.index, new.description) == (2, "A room of mine.")
    assert new.heard == {"all": pytest.approx(24.0, abs=0.1)}
    assert (
        not made.additions
        and "## Learned later: `my room`" in (here / "mine/README.md").read_text()
    )
    listed = run("performances", "--bundle", "mine")
    assert listed.out[-1].split() == ["my", "room", "A", "room", "of", "mine."]
    # What is left of it is the new folder alone.
    assert {path.name for path in here.iterdir()} == {"hears.py", "take.wav", "mine"}


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--name", "far"), "performance 'far' is there already; take another name"),
        (("-o", "."), ". exists; give a new folder"),
        (("--minutes", "0"), "minutes=0; must be more than 0"),
        (("--minutes", "1", "--added-steps", "1"), "minutes=1 and added_steps=1; give one of them"),
        (("--threshold", "2"), "--threshold 2; must be within 0..1"),
        (("--program", "128"), "program=128; must be in 0..127"),
        (("--audio", "none.wav"), "none.wav"),
        (("--audio", "short.wav"), "short.wav: 8.0 s; must have at least 30 s"),
        (("--bundle", "nothing"), "nothing: no such folder"),
    ],
)
def test_what_cannot_be_adapted_is_said_in_a_line(run, take, here, small, options, said):
    write_take(here / "short.wav", 8.0)
    before = digest(small)
    done = run(*take, *options)
    assert done.status == 2 and len(done.err) == 1 and said in done.err[0], done.err
    assert digest(small) == before and not (here / "mine").exists()


@pytest.mark.slow
@pytest.mark.usefixtures("quickly_compiled")
def test_additions_make_it_nearer_and_are_its_own(take, here, small, monkeypatch):
    known = mt3synth.load(small)
    how = {"bundle": small, "transcriber": "hears.py:hear", "steps": 5, "rank": 2}
    said: list[str] = []
    made = mt3synth.adapt("take.wav", "mine", "mine", added_steps=40, say=said.append, **how)
    assert list(made.losses) == ["embedding", "prior", "denoiser"]
    assert all(after <= before for before, after in made.losses.values())
    assert made.losses["prior"][1] < 0.98 * made.losses["prior"][0]
    model = mt3synth.load("mine")
    assert model.bundle.added_to == ["mine"]
    from take_cases import NOTES

    tune = NOTES.cropped(0.0, 1.0)
    for steps in (0, 1):
        options = {"steps": steps, "overlap": 8, "vocoder": "griffin-lim"}
        before, after = (m.render(tune, "far", **options).audio for m in (known, model))
        np.testing.assert_array_equal(after, before)
    # Begun anew from it, training would lose what is its own.
    with pytest.raises(UserError, match="has weights of its own"):
        from mt3synth.training.diffusion.warm_start import adapt_parameters

        entries = [{"name": p.name} for p in model.performances]
        adapt_parameters(model.bundle, model.spec, entries)
