"""Runs commands in processes that have all modules already, so that a start costs little.

A child is forked before JAX has begun to work, and is from there on as a process of its own: it has
its folder, its output, its devices and its threads.
"""

from __future__ import annotations

import importlib
import itertools
import os
import signal
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

LIMIT_S = 900.0
"""After which a command that has not ended counts as one that hangs."""
MODULES = (
    "orbax.checkpoint",
    "tensorboardX",
    "mt3synth.cli",
    "mt3synth.renderer",
    "mt3synth.evaluation.evaluate",
    "mt3synth.portable.export",
    "mt3synth.training.diffusion.run",
    "mt3synth.training.transcriber.run",
    "mt3synth.training.vocoder.run",
    "mt3synth.adaptation.adapt",
    "data_pipelines.alignment.align",
    "data_pipelines.corpus.build",
    "data_pipelines.open_data",
)


@dataclass(frozen=True)
class Ended:
    """Says how a command ended.

    Attributes:
      status: its exit status; negative for the signal that killed it.
      seconds: of computing that it and its workers did.
      most_bytes: of memory that it or one of its workers held.
      moments: how many moments of `moments.Moments` it passed; 0 if it was killed.
      output: what it printed, both streams.
    """

    status: int
    seconds: float
    most_bytes: int
    moments: int
    output: str

    def __str__(self) -> str:
        return (
            f"status {self.status} after {self.seconds:.1f} s of computing: {self.output[-2000:]}"
        )


class Child:
    """Runs ``mt3synth`` with arguments in a folder, from when it is made.

        child = Child(["export", "--run", "run", "-o", "mine"], folder)
        time.sleep(0.5)
        child.kill()
        child.wait().status  # -9

    Args:
      arguments: of the command line.
      folder: in which it runs; its output and temporary files go beside it.
      prepare: called in the child before the command; what it returns is asked for the moments.
    """

    def __init__(
        self,
        arguments: Sequence[str],
        folder: Path,
        prepare: Callable[[], Callable[[], int]] | None = None,
    ) -> None:
        import_all()
        self._output = folder.with_name(f"{folder.name}.{time.monotonic_ns()}.txt")
        self._moments = self._output.with_suffix(".moments")
        self._began = time.monotonic()
        self.process = os.fork()
        if not self.process:
            self._work(arguments, folder, prepare)

    def _work(
        self,
        arguments: Sequence[str],
        folder: Path,
        prepare: Callable[[], Callable[[], int]] | None,
    ) -> None:
        """Does what the command does, and does not come back."""
        status = 70
        try:
            os.setsid()  # so that a kill may take its workers, too
            output = os.open(self._output, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
            for stream in (1, 2):
                os.dup2(output, stream)
            sys.stdout = os.fdopen(1, "w", buffering=1)
            sys.stderr = os.fdopen(2, "w", buffering=1)
            os.chdir(folder)
            temporary = temporary_of(folder)
            temporary.mkdir(exist_ok=True)
            os.environ["TMPDIR"] = str(temporary)
            passed = prepare() if prepare else int
            from mt3synth.cli import main

            status = main(list(arguments))
            self._moments.write_text(str(passed()))
        except SystemExit as error:
            status = error.code if isinstance(error.code, int) else 1
        except BaseException:
            import traceback

            traceback.print_exc()
            status = 1
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            # Without what Python does at an exit: the parent's handlers are not the child's.
            os._exit(status)

    def kill(self, all_of_it: bool = True) -> None:
        """Sends SIGKILL, to its workers as well unless only the program itself is meant."""
        try:
            if all_of_it:
                os.killpg(self.process, signal.SIGKILL)
            else:
                os.kill(self.process, signal.SIGKILL)
        except ProcessLookupError:
            pass

    def poll(self) -> bool:
        """Tells whether it has ended, and leaves it to `wait`."""
        return os.waitid(os.P_PID, self.process, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None

    def seconds(self) -> float:
        """Returns how long it and its workers have computed; time itself depends on others."""
        try:
            workers = Path(f"/proc/{self.process}/task/{self.process}/children").read_text().split()
            ticks = sum(_ticks(number) for number in (self.process, *workers))
        except (FileNotFoundError, ProcessLookupError):
            return 0.0
        return ticks / os.sysconf("SC_CLK_TCK")

    def wait(self, limit: float = LIMIT_S) -> Ended:
        """Waits for its end; one that takes longer than ``limit`` seconds is killed."""
        last = self._began + limit
        while not self.poll():
            if time.monotonic() > last:
                self.kill()
            time.sleep(0.005)
        _, status, used = os.wait4(self.process, 0)
        seconds = used.ru_utime + used.ru_stime
        output = self._output.read_text(errors="replace")
        moments = int(self._moments.read_text()) if self._moments.exists() else 0
        self._output.unlink()
        self._moments.unlink(missing_ok=True)
        return Ended(
            os.waitstatus_to_exitcode(status), seconds, 1024 * used.ru_maxrss, moments, output
        )


def _ticks(process: int | str) -> int:
    """Reads what a process has computed, and those of its own that have ended."""
    text = Path(f"/proc/{process}/stat").read_text()
    return sum(map(int, text.rpartition(")")[2].split()[11:15]))


def equal_times() -> None:
    """Makes everything take a millisecond by the clock of programs, in this process."""
    ticks = itertools.count()
    time.perf_counter = lambda: next(ticks) / 1000


def temporary_of(folder: Path) -> Path:
    """Names the folder in which a child that runs in ``folder`` makes its temporary files."""
    return folder.with_name(f"{folder.name}.tmp")


def call(work: Callable[[], str]) -> str:
    """Returns what a function returns in a process of its own, in which JAX may begin to work."""
    import_all()
    read, write = os.pipe()
    process = os.fork()
    if not process:
        status = 1
        try:
            with os.fdopen(write, "w") as pipe:
                pipe.write(work())
            status = 0
        except BaseException:
            import traceback

            traceback.print_exc()
        finally:
            os._exit(status)
    os.close(write)
    with os.fdopen(read) as pipe:
        text = pipe.read()
    _, status = os.waitpid(process, 0)
    if status:
        raise RuntimeError(f"a process ended with {status}")
    return text


def import_all() -> None:
    """Imports what commands need, so that no child has to."""
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    for name in MODULES:
        importlib.import_module(name)
