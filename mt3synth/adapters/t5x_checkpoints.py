"""Turns checkpoints of t5x runs into bundles and back, without t5x.

python -m mt3synth.adapters.t5x_checkpoints BUNDLE -o FOLDER
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np

from mt3synth import bundle as bundles
from mt3synth.errors import UserError
from mt3synth.training.checkpoints.ema import load_part, nest
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
    mismatch = "network, or has no averaged parameters, which mt3synth's AveragingOptimizer keeps"
    return load_part(
        folder.absolute(),
        _AVERAGE,
        like,
        step,
        mismatch=mismatch,
        kind="t5x checkpoint",
        prefix=PREFIX,
    )


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
        # The state of `t5x_optimizer.AveragingOptimizer` after no updates, without the moments.
        state = {"target": params, **nest(params, _AVERAGE)}
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
        if bundle.additions:
            raise UserError(
                f"{bundle.folder}: {', '.join(bundle.added_to)} has weights of its own, which a "
                "t5x checkpoint cannot hold; take the bundle that it was added to"
            )
        print(save_parameters(Path(args.output), bundle.params))
    except UserError as error:
        print(error, file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
