"""Shows what a run does: scalars in TensorBoard and lines in the terminal."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn, Protocol, runtime_checkable

import jax

if TYPE_CHECKING:
    from tensorboardX import SummaryWriter
    from tqdm import tqdm

FOLDER = "tensorboard"
"""Folder of the scalars within that of a run."""


@runtime_checkable
class Writer(Protocol):
    """Declares as much of a TensorBoard writer as pictures and sound need; tensorboardX has one."""

    def add_image(self, tag: str, img_tensor: Any, global_step: int, *, dataformats: str) -> None:
        """Writes a picture ``[height, width, 3]``, uint8."""
        ...

    def add_audio(self, tag: str, snd_tensor: Any, global_step: int, sample_rate: int) -> None:
        """Writes sound ``[S]`` in [-1, 1]."""
        ...


class Logger:
    """Shows what the first process knows; in the others it does nothing.

    On a terminal there is a progress bar; elsewhere, as in a log, a line for each `status`.

    Args:
      folder: of the run.
      first: updates that the run has behind it; scalars of later ones, which an interrupted
        process may have written, are hidden by TensorBoard from now on.
      steps: updates in all, None if that is not known yet.

    Attributes:
      writer: of TensorBoard; None in the other processes.

    Example:
      >>> with closing(Logger(Path("runs/mine"), first=0, steps=100)) as logger:
      ...     logger.info("three networks")
      ...     logger.scalars({"train/loss": 0.5}, step=20)
    """

    def __init__(self, folder: Path, first: int, steps: int | None) -> None:
        from tensorboardX import SummaryWriter
        from tqdm import tqdm

        shown = jax.process_index() == 0
        self.writer: SummaryWriter | None = None
        if shown:
            # Scalars beyond the checkpoint are made again; without this TensorBoard would show
            # both.
            self.writer = SummaryWriter(str(folder / FOLDER), purge_step=first + 1)
        # Over nothing: the loop counts, and says where it is.
        self._bar: tqdm[NoReturn] | None = None
        # In a log file a bar would be a line for every step.
        if shown and sys.stderr.isatty():
            self._bar = tqdm(total=steps, initial=first, unit="step", smoothing=0.05)
        self._step, self._steps = first, steps

    def advance(self, step: int, steps: int | None) -> None:
        """Moves the progress bar to ``step`` of ``steps``."""
        self._step, self._steps = step, steps
        if self._bar is not None:
            self._bar.total = steps
            self._bar.update(step - self._bar.n)

    def scalars(self, values: Mapping[str, float], step: int) -> None:
        """Writes values by their names."""
        if self.writer is not None:
            for name, value in values.items():
                self.writer.add_scalar(name, value, step)

    def status(self, values: Mapping[str, str]) -> None:
        """Shows values at the end of the progress bar, or in a line of their own."""
        if self._bar is not None:
            self._bar.set_postfix(values)
        else:
            of_all = "" if self._steps is None else f" of {self._steps}"
            listed = ", ".join(f"{name} {value}" for name, value in values.items())
            self.info(f"step {self._step}{of_all}: {listed}")

    def info(self, line: str) -> None:
        """Prints a line, above the progress bar if there is one."""
        if self._bar is not None:
            self._bar.write(line)
        elif self.writer is not None:
            print(line, flush=True)

    def flush(self) -> None:
        """Writes what was shown so far to the disk, so that it outlives this process."""
        if self.writer is not None:
            self.writer.flush()

    def close(self) -> None:
        """Writes what is still to be written, and ends the progress bar."""
        if self._bar is not None:
            self._bar.close()
        if self.writer is not None:
            self.writer.close()
