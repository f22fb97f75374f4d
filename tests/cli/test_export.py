"""`mt3synth export`: a run's averaged weights become a bundle."""

import json
import shutil
from dataclasses import asdict, replace

import jax
import jax.numpy as jnp
import jaxtyping
import numpy as np
import pytest
from cli_cases import PERFORMANCES, random_params, tiny_spec
from flax.traverse_util import flatten_dict

from mt3synth import bundle
from mt3synth.training.checkpoints.best import BestWeights
from mt3synth.training.checkpoints.manager import Checkpoints
from mt3synth.training.optim.optimizer import OptimizerConfig
from mt3synth.training.optim.power_average import keep_power_averages, mix
from mt3synth.training.state import init_state

CORPUS = {
    "splits": {"train": {"hours": 6.0, "songs": 210}},
    "scores": {"what": "Bach chorales", "licence": "public domain"},
    "soundfonts": {"a.sf2": {"package": "a-soundfont", "licence": "MIT"}},
}


@pytest.fixture(scope="module")
def run_folder(tmp_path_factory):
    """Writes a run at step 30: averaged weights of the tiny model, its own ones zero."""
    folder, spec = tmp_path_factory.mktemp("run"), tiny_spec()
    averaged = random_params(spec)
    state = init_state(jax.tree.map(np.zeros_like, averaged), OptimizerConfig().build(5000))
    state = state.replace(ema=averaged, step=jnp.int32(30))
    jaxtyping.config.update("jaxtyping_disable", True)  # orbax puts other things into the state
    checkpoints = Checkpoints(folder)
    checkpoints.save(state)
    checkpoints.close()
    jaxtyping.config.update("jaxtyping_disable", False)
    (folder / "model.json").write_text(json.dumps(spec.to_dict()))
    listed = [asdict(performance) for performance in PERFORMANCES]
    (folder / "performances.json").write_text(json.dumps(listed))
    return folder


def test_the_bundle_has_the_averaged_weights_and_says_what_it_is(run, run_folder, here):
    (here / "corpus").mkdir()
    (here / "corpus" / "corpus.json").write_text(json.dumps(CORPUS))
    (here / "more.md").write_text("Trained for a test.")
    outcome = run(
        *("export", "--run", run_folder, "-o", "model", "--default-performance", "hall"),
        *("--corpus", "corpus", "--card", "more.md", "--guidance-notes", 2),
    )
    assert outcome.status == 0, outcome.err
    made = bundle.load("model")
    spec = replace(tiny_spec(), guidance=replace(tiny_spec().guidance, notes=2.0))
    assert outcome.out == [f"model: step 30, 3 performances, bundle {made.hash}"]
    assert (made.spec, made.performances, made.default) == (spec, PERFORMANCES, "hall")
    expected = flatten_dict(random_params(tiny_spec()))
    for name, value in flatten_dict(made.params).items():
        np.testing.assert_allclose(value, expected[name], rtol=1e-3, atol=1e-6)  # float16
    assert json.loads((here / "model" / "corpus.json").read_text()) == CORPUS
    card = (here / "model" / "README.md").read_text()
    for words in (
        "# model",
        "0.4 M parameters",
        "after 30 training steps",
        "- `old-radio`: Sounds like old-radio.",
        "6.0 hours of rendered audio, 210 songs",
        "Soundfont a.sf2, Debian package a-soundfont: MIT.",
        "Trained for a test.",
    ):
        assert words in card


def test_the_best_weights_are_those_that_validated_best(run, run_folder, here):
    """They lie beside the checkpoints, which may have gone past them."""
    copy = here / "run"
    shutil.copytree(run_folder, copy)
    averaged = jax.tree.map(jnp.asarray, random_params(tiny_spec()))
    best = BestWeights(copy)
    for step, loss in ((0, 0.5), (10, 0.25), (20, 0.4)):
        scaled = jax.tree.map(lambda x, by=step: x * (1 + by), averaged)
        best.offer(scaled, step, loss)
    outcome = run("export", "--run", copy, "-o", "model", "--best")
    assert outcome.status == 0, outcome.err
    assert outcome.out[0] == "best of 3 validations: loss 0.2500, 0.5000 at step 0"
    assert outcome.out[1].startswith("model: step 10, 3 performances")
    made, expected = flatten_dict(bundle.load("model").params), flatten_dict(averaged)
    for name, value in made.items():
        np.testing.assert_allclose(value, 11 * expected[name], rtol=1e-3, atol=1e-6)


def test_an_average_is_chosen_after_the_run(run, run_folder, here):
    spec = tiny_spec()
    narrow = jax.tree.map(jnp.asarray, random_params(spec))
    optimizer = keep_power_averages(OptimizerConfig().build(5000), (0.05, 0.1))
    state = init_state(jax.tree.map(jnp.zeros_like, narrow), optimizer)
    wide = jax.tree.map(lambda x: 3 * x, narrow)
    kept = {"width_050": narrow, "width_100": wide}
    state = state.replace(opt_state=state.opt_state._replace(averages=kept), step=jnp.int32(30))
    jaxtyping.config.update("jaxtyping_disable", True)
    checkpoints = Checkpoints(here / "run")
    checkpoints.save(state)
    checkpoints.close()
    jaxtyping.config.update("jaxtyping_disable", False)
    for name in ("model.json", "performances.json"):
        shutil.copy(run_folder / name, here / "run" / name)
    share, error = mix(0.07, (0.05, 0.1))
    for width, expected in ((0.05, 1.0), (0.07, share + 3 * (1 - share))):
        outcome = run("export", "--run", "run", "-o", f"of_{width}", "--average", width)
        assert outcome.status == 0, outcome.err
        made = flatten_dict(bundle.load(f"of_{width}").params)
        for name, value in made.items():
            told = expected * flatten_dict(narrow)[name]
            np.testing.assert_allclose(value, told, rtol=1e-3, atol=1e-6)
    said = f"average of width 0.07: its weights along the run are met to {error:.1%}"
    assert outcome.out[0] == said
    assert "an average of width 0.07" in (here / "of_0.07" / "README.md").read_text()
    outcome = run("export", "--run", "run", "-o", "model", "--average", 0.2)
    assert outcome.status == 2
    assert "average of width 0.2; must be within 0.05..0.1" in outcome.err[-1]


def test_an_unknown_origin_is_not_hidden(run, run_folder, here):
    assert run("export", "--run", run_folder, "-o", "model").status == 0
    assert "Nothing is recorded about the data" in (here / "model" / "README.md").read_text()
    assert bundle.load("model").default == "studio"


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ("--best", "has no best weights: nothing was held out"),
        ("--average 0.07", "step 30 keeps no averages to choose from"),
        ("--step 31", "no checkpoint of step 31; there are: 30"),
        ("--default-performance x", "default performance 'x' is not among"),
        ("--run .", "model.json: cannot be read"),
        ("--run empty", "empty: no checkpoints in this folder"),
        ("--run other", "step 30 is of another network than other says"),
        ("-o there", "there exists; give a new folder"),
        ("--card none.md", "none.md: cannot be read"),
        ("--corpus there", "corpus.json: is not JSON"),
    ],
)
def test_what_cannot_be_exported(run, run_folder, here, options, said):
    names = ("model.json", "performances.json")
    for folder in ("empty", "other", "there"):
        (here / folder).mkdir()
    for name in names:
        for folder in ("empty", "other"):
            (here / folder / name).write_text((run_folder / name).read_text())
    wider = json.loads((run_folder / "model.json").read_text())
    wider["network"]["roll_width"] = 48
    (here / "other" / "model.json").write_text(json.dumps(wider))
    (here / "other" / "checkpoints").symlink_to(run_folder / "checkpoints")
    (here / "there" / "corpus.json").write_text("not JSON")
    outcome = run("export", "--run", run_folder, "-o", "model", *options.split())
    assert outcome.status == 2
    assert len(outcome.err) == 1, outcome.err
    assert said in outcome.err[0]
    assert not (here / "model").exists()
