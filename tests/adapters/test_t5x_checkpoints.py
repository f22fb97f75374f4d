"""Checkpoints in t5x's form, and frames that its inference writes; needs no t5x."""

import jax
import numpy as np
import pytest
from t5x_cases import tiny_spec

from mt3synth import bundle
from mt3synth.adapters.t5x_checkpoints import is_t5x_run, load_averaged, main, save_parameters
from mt3synth.adapters.t5x_infer import merge_frames, write_frames
from mt3synth.audio.mel import MELGAN
from mt3synth.errors import UserError


def random_params(spec, seed=0):
    draw = np.random.default_rng(seed)
    shapes = bundle.abstract_params(spec)
    return jax.tree.map(lambda leaf: np.float32(draw.normal(size=leaf.shape)), shapes)


def write_run(folder, step, average, name="average"):
    """Writes a checkpoint as t5x lays it out, by orbax alone."""
    import orbax.checkpoint as ocp

    options = ocp.CheckpointManagerOptions(step_prefix="checkpoint", create=True)
    zeros = jax.tree.map(np.zeros_like, average)
    states = {"0": {"1": {"mu": zeros}}, "1": {name: average, "updates": np.int32(step)}}
    state = {"target": zeros, "state": {"step": np.int32(step), "param_states": states}}
    with ocp.CheckpointManager(folder, options=options) as manager:
        manager.save(step, args=ocp.args.Composite(state=ocp.args.PyTreeSave(state)))


def test_the_average_is_read_not_the_parameters(tmp_path):
    spec = tiny_spec("unet")
    averages = {step: random_params(spec, step) for step in (3, 12)}
    assert not is_t5x_run(tmp_path)
    for step, average in averages.items():
        write_run(tmp_path, step, average)
    assert is_t5x_run(tmp_path)
    shapes = bundle.abstract_params(spec)
    for asked, step in ((None, 12), (3, 3)):
        read, found = load_averaged(tmp_path, shapes, asked)
        assert found == step
        jax.tree.map(np.testing.assert_array_equal, read, averages[step])
    with pytest.raises(UserError, match="no t5x checkpoint of step 5; there are: 3, 12"):
        load_averaged(tmp_path, shapes, 5)
    with pytest.raises(UserError, match="step 12 is of another network"):
        load_averaged(tmp_path, bundle.abstract_params(tiny_spec("t5")))


def test_a_run_without_averages_says_so(tmp_path):
    spec = tiny_spec("unet")
    write_run(tmp_path, 1, random_params(spec), "other")
    with pytest.raises(UserError, match="no averaged parameters"):
        load_averaged(tmp_path, bundle.abstract_params(spec))


def test_parameters_of_a_bundle_are_a_run_of_no_steps(tmp_path):
    spec = tiny_spec("unet")
    params = random_params(spec)
    save_parameters(tmp_path, params)
    read, step = load_averaged(tmp_path, bundle.abstract_params(spec))
    assert step == 0
    jax.tree.map(np.testing.assert_array_equal, read, params)
    with pytest.raises(UserError, match="checkpoint_0 exists; give a new folder"):
        save_parameters(tmp_path, random_params(spec))


def test_no_bundle_is_one_line(tmp_path, capsys):
    assert main([str(tmp_path / "none"), "-o", str(tmp_path / "out")]) == 2
    said = capsys.readouterr()
    assert "no such folder" in said.err and len(said.err.splitlines()) == 1


class Examples:
    """A task's examples, as t5x hands them over."""

    def __init__(self, names):
        self.names = names

    def as_numpy_iterator(self):
        for place, name in enumerate(self.names):
            yield {"id": name.encode(), "start_frame": np.int32(place), "performance": np.int32(1)}


def test_frames_are_written_in_chunks_and_joined(tmp_path):
    frames = np.random.default_rng(0).uniform(-1, 1, (3, 4, MELGAN.bins))
    chunks = {0: (frames[:2].tolist(), ["a", "b"]), 1: (frames[2:].tolist(), ["c"])}
    for number, (predicted, names) in chunks.items():
        path = str(tmp_path / f"out.npz-chunk{number:05}")
        write_frames(path, (predicted, {}), Examples(names), "predict", None, MELGAN)
    merge_frames(str(tmp_path), "out.npz", str(tmp_path), 7)
    read = np.load(tmp_path / "out.npz")
    assert read["id"].tolist() == [b"a", b"b", b"c"]
    assert read["start_frame"].tolist() == [0, 1, 0]
    assert read["performance"].tolist() == [1, 1, 1]
    # The network's -1 and 1 are the front end's floor and its ceiling of 4.
    np.testing.assert_allclose(
        read["log_mel"], np.log(1e-5) + (frames + 1) / 2 * (4 - np.log(1e-5)), rtol=1e-5, atol=1e-5
    )
    with pytest.raises(ValueError, match="mode='score'; must be 'predict'"):
        write_frames(str(tmp_path / "x"), ([], {}), Examples([]), "score", None, MELGAN)
    with pytest.raises(FileNotFoundError, match="no results"):
        merge_frames(str(tmp_path), "other.npz", str(tmp_path), None)
