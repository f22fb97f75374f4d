"""Turns checkpoints of t5x runs into bundles and back, without t5x.

python -m mt3synth.adapters.t5x_checkpoints BUNDLE -o FOLDER
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import jax
import numpy as np

from mt3synth import bundle as bundles
from mt3synth.errors import UserError
from mt3synth.types import PyTree

PREFIX = "checkpoint"
"""t5x names the checkpoint of step N ``checkpoint_N``."""

_AVERAGE = ("state", "param_states", "1", "average")
"""Path at which `t5x_optimizer.AveragingOptimizer` keeps the average."""


def is_t5x_run(folder: Path) -> bool:
    """Tells whether ``folder`` holds checkpoints of t5x."""
    return any(folder.glob(f"{PREFIX}_*/state"))


def load_averaged(folder: Path, like: PyTree, step: int | None = None) -> tuple[PyTree, int]:
    """Loads only the averaged parameters of a t5x run, and tells the step they are of.

    Args:
      folder: of the run, t5x's ``MODEL_DIR``.
      like: shapes of the parameters.
      step: of the checkpoint, by default the last one.

    Raises:
      UserError: there is no such checkpoint, or it is of another network or optimizer.
    """
    import orbax.checkpoint as ocp

    options = ocp.CheckpointManagerOptions(read_only=True, step_prefix=PREFIX)
    with ocp.CheckpointManager(folder.absolute(), options=options) as manager:
        saved = sorted(manager.all_steps())
        if not saved or (step is not None and step not in saved):
            named = "" if step is None else f" of step {step}"
            listed = ", ".join(map(str, saved)) or "none yet"
            raise UserError(f"{folder}: no t5x checkpoint{named}; there are: {listed}")
        step = saved[-1] if step is None else step
        as_numpy = ocp.RestoreArgs(restore_type=np.ndarray)
        restore = ocp.args.PyTreeRestore(
            item=_nested(like),
            restore_args=_nested(jax.tree.map(lambda _: as_numpy, like)),
            partial_restore=True,
        )
        problem = ""
        try:
            read = manager.restore(step, args=ocp.args.Composite(state=restore))["state"]
            for name in _AVERAGE:
                read = read[name]
        except (KeyError, ValueError) as error:
            problem = f": {error}"
    # What it does not find at all, orbax hands back as the shape that was asked for.
    found = not problem and all(isinstance(leaf, np.ndarray) for leaf in jax.tree.leaves(read))
    if not found or jax.tree.map(np.shape, read) != jax.tree.map(np.shape, like):
        raise UserError(
            f"{folder}: step {step} is of another network, or has no averaged parameters, which "
            f"mt3synth's AveragingOptimizer keeps{problem}"
        )
    return read, step


def _nested(average: PyTree) -> PyTree:
    """Puts an average where a t5x checkpoint has it."""
    tree = average
    for name in reversed(_AVERAGE):
        tree = {name: tree}
    return tree


def save_parameters(folder: Path, params: PyTree) -> Path:
    """Writes parameters as a t5x checkpoint of step 0, which t5x evaluates or begins with.

    They are its average too.

    Returns:
      The checkpoint, for ``RestoreCheckpointConfig.path``.

    Raises:
      UserError: there is one already.
    """
    import orbax.checkpoint as ocp

    path = folder.absolute() / f"{PREFIX}_0"
    if path.exists():
        raise UserError(f"{path} exists; give a new folder")
    options = ocp.CheckpointManagerOptions(step_prefix=PREFIX, create=True)
    with ocp.CheckpointManager(folder.absolute(), options=options) as manager:
        state = {"target": params, **_nested(params)}
        state["state"]["step"] = state["state"]["param_states"]["1"]["updates"] = np.int32(0)
        manager.save(0, args=ocp.args.Composite(state=ocp.args.PyTreeSave(state)))
    return path


def main(argv: list[str] | None = None) -> int:
    """Writes a bundle's weights as a t5x checkpoint."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("bundle", help="a bundle's folder, or `default`")
    parser.add_argument("-o", "--output", required=True, help="a new folder")
    args = parser.parse_args(argv)
    try:
        bundle = bundles.load(bundles.DEFAULT if args.bundle == "default" else args.bundle)
        print(save_parameters(Path(args.output), bundle.params))
    except UserError as error:
        print(error, file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
