"""Checkpoints are whole or not used; on small states made here."""

import itertools
import resource
import warnings

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from mt3synth.errors import UserError
from mt3synth.training.checkpoints.checksum import compute_checksums
from mt3synth.training.checkpoints.ema import load_averaged
from mt3synth.training.checkpoints.manager import Checkpoints
from mt3synth.training.parallel.mesh import replicated, single_device_mesh
from mt3synth.training.state import TrainState

# What orbax leaves behind where a file is missing.
pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")


def state_of(step: int, size: int = 50000) -> TrainState:
    numbers = np.random.default_rng(step).normal(size=size).astype(np.float32)
    params = {"dense": {"kernel": numbers, "bias": np.float32(step)}}
    moments = ({"mu": numbers[:10], "count": np.int32(step)}, ())
    state = TrainState(step=np.int32(step), params=params, ema=params, opt_state=moments)
    return jax.device_put(state, replicated(single_device_mesh()))


def shapes_of(state: TrainState) -> TrainState:
    return jax.tree.map(
        lambda leaf: jax.ShapeDtypeStruct(leaf.shape, leaf.dtype, sharding=leaf.sharding), state
    )


def save(folder, *steps: int) -> None:
    checkpoints = Checkpoints(folder)
    for step in steps:
        checkpoints.save(state_of(step), {"note": step})
    checkpoints.close()


def restore(folder, like: TrainState | None = None):
    checkpoints = Checkpoints(folder)
    found = checkpoints.restore(shapes_of(state_of(0) if like is None else like))
    checkpoints.close()
    return found


def assert_is(found, step: int) -> None:
    state, record = found
    assert record == {"note": step}
    jax.tree.map(np.testing.assert_array_equal, state, state_of(step))


def largest_file(folder):
    files = [path for path in folder.rglob("*") if path.is_file()]
    return max(files, key=lambda path: path.stat().st_size)


def flip_a_bit(path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def test_the_newest_comes_back_with_its_record_and_the_oldest_go(tmp_path):
    assert restore(tmp_path) is None
    save(tmp_path, 3, 6, 9)
    assert_is(restore(tmp_path), 9)
    assert sorted(path.name for path in (tmp_path / "checkpoints").iterdir()) == ["6", "9"]


def test_the_average_is_found_without_the_rest(tmp_path):
    save(tmp_path, 3, 6)
    like = shapes_of(state_of(0)).ema
    for wanted, step in ((None, 6), (3, 3)):
        params, found = load_averaged(tmp_path, like, wanted)
        assert found == step
        jax.tree.map(np.testing.assert_array_equal, params, state_of(step).ema)


def test_a_parameter_that_was_never_saved_is_not_made_up(tmp_path):
    save(tmp_path, 3)
    like = shapes_of(state_of(0)).ema
    like = {**like, "more": jax.tree.leaves(like)[0]}
    with pytest.raises(UserError, match="step 3 is of another network"):
        load_averaged(tmp_path, like)


@pytest.mark.parametrize("damage", ["flip", "truncate", "remove", "empty"])
def test_a_damaged_checkpoint_gives_way_to_the_one_before(damage, tmp_path):
    save(tmp_path, 3, 6)
    newest = tmp_path / "checkpoints" / "6"
    target = largest_file(newest)
    if damage == "flip":
        flip_a_bit(target)
    elif damage == "truncate":
        target.write_bytes(target.read_bytes()[:1000])
    elif damage == "remove":
        target.unlink()
    else:
        for path in newest.rglob("*"):
            if path.is_file():
                path.unlink()
    with pytest.warns(UserWarning, match="step 6 is damaged and not used, it is now in"):
        assert_is(restore(tmp_path), 3)
    assert (tmp_path / "damaged" / "6").is_dir()
    # Its step can be saved again, and then counts.
    save(tmp_path, 6)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert_is(restore(tmp_path), 6)


def test_a_save_that_was_cut_off_is_not_seen(tmp_path):
    save(tmp_path, 3, 6)
    folder = tmp_path / "checkpoints"
    (folder / "6").rename(folder / "6.orbax-checkpoint-tmp")
    assert_is(restore(tmp_path), 3)
    save(tmp_path, 6)
    assert sorted(path.name for path in folder.iterdir()) == ["3", "6"]
    assert_is(restore(tmp_path), 6)


def test_an_old_one_of_which_a_killed_run_removed_a_part_goes(tmp_path):
    save(tmp_path, 4, 6)
    (tmp_path / "checkpoints/2/state").mkdir(parents=True)
    assert_is(restore(tmp_path), 6)
    assert {path.name for path in (tmp_path / "checkpoints").iterdir()} == {"4", "6"}


def test_if_none_is_whole_nothing_is_begun_anew(tmp_path):
    save(tmp_path, 3, 6)
    for step in ("3", "6"):
        flip_a_bit(largest_file(tmp_path / "checkpoints" / step))
    with pytest.raises(UserError, match=r"no checkpoint can be read \(step 6: .*remove them"):
        restore(tmp_path)
    assert (tmp_path / "checkpoints" / "6").is_dir()


def test_another_architecture_is_refused_and_not_taken_for_damage(tmp_path):
    save(tmp_path, 3, 6)
    message = r"step 6 is of another network.*: ema/dense/kernel \[50000\] there, \[7\] here"
    with pytest.raises(UserError, match=message):
        restore(tmp_path, state_of(0, size=7))
    assert_is(restore(tmp_path), 6)


def test_a_full_disk_is_said_in_a_line_and_the_checkpoint_before_survives(tmp_path):
    save(tmp_path, 3)
    checkpoints = Checkpoints(tmp_path)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 16, hard))
    state = state_of(6)
    try:
        with pytest.raises(
            UserError, match=r"step 6 cannot be saved: .*; step 3 is kept"
        ) as caught:
            checkpoints.save(state, {})
            checkpoints.close()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert "\n" not in str(caught.value) and len(str(caught.value)) < 500
    jax.tree.map(np.testing.assert_array_equal, state, state_of(6))
    assert_is(restore(tmp_path), 3)


def test_a_checksum_notices_every_single_change_and_every_exchange():
    values = np.random.default_rng(0).normal(size=(3, 4)).astype(np.float32)
    before = compute_checksums({"a": jnp.asarray(values)})
    for place in np.ndindex(*values.shape):
        for bit in (0, 12, 31):
            changed = values.copy()
            changed.view(np.uint32)[place] ^= np.uint32(1 << bit)
            assert compute_checksums({"a": jnp.asarray(changed)}) != before
    for one, other in itertools.combinations(np.ndindex(*values.shape), 2):
        swapped = values.copy()
        swapped[one], swapped[other] = values[other], values[one]
        assert compute_checksums({"a": jnp.asarray(swapped)}) != before


@pytest.mark.parametrize("dtype", ["bool", "uint8", "int32", "bfloat16", "float32"])
def test_a_checksum_knows_every_type_of_a_state(dtype):
    zeros = jnp.zeros((2, 3), dtype)
    one = zeros.at[1, 2].set(jnp.ones((), dtype))
    assert compute_checksums({"a": zeros}) == {"['a']": 0}
    assert compute_checksums({"a": one}) != {"['a']": 0}
