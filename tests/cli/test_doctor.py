"""`mt3synth doctor`."""

import importlib.util
import shutil

from mt3synth import __version__
from mt3synth.commands.doctor import Need, list_missing


def test_says_versions_devices_model_and_that_rendering_works(run, bundle_folder):
    outcome = run("doctor", "--bundle", bundle_folder)
    assert outcome.status == 0
    assert outcome.out[0].startswith(f"mt3synth {__version__}, Python 3.")
    said = "\n".join(outcome.out)
    assert "devices: cpu 0" in said or "devices: gpu 0" in said
    assert "3 performances, default studio" in said
    assert "\nsynthesize: ready\n" in said
    assert "\nevaluate --transcriber harmonica: " in said
    assert outcome.out[-1].endswith("(harmonica-amt states no licence)")


def test_a_missing_model_is_said_and_fails(run):
    outcome = run("doctor", "--bundle", "none")
    assert outcome.status == 2
    assert any(line.startswith("bundle: none: no such folder") for line in outcome.out)


def test_says_which_command_lacks_what_and_what_brings_it(run, bundle_folder, monkeypatch):
    find_spec, which = importlib.util.find_spec, shutil.which
    gone = ("tensorflow", "seqio", "music21")
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name: None if name in gone else find_spec(name)
    )
    monkeypatch.setattr(
        shutil, "which", lambda name: (name != "fluidsynth" and which(name)) or None
    )
    outcome = run("doctor", "--bundle", bundle_folder)
    said = "\n".join(outcome.out)
    assert outcome.status == 0
    assert "train: tensorflow, seqio missing: pip install 'mt3synth[train]'" in said
    assert "prepare corpus: music21 missing: pip install 'mt3synth[data]'" in said
    assert "fluidsynth missing: apt install fluidsynth" in said


def test_a_module_in_a_package_that_is_not_there():
    need = Need("x", "no_such_package.module json", "x")
    assert list_missing(need) == ["no_such_package.module missing: pip install x"]
