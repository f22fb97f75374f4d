"""Start N processes on this machine as if each were a host of a pod.

    python launch/local_pod.py --processes 2 --devices 4 -- --data data/corpus --run runs/pod

What follows ``--`` is the command of every process; options alone are for `mt3synth train`, so
that the line above trains on 2 x 4 simulated devices. Any other command works too:

    python launch/local_pod.py --processes 2 -- python -c 'import os; print(os.environ)'

Hardware: one CPU. Time: that of the command; N processes share the cores that one would have.

Each process finds the others by the environment variables of `mt3synth train` and speaks with
them on the loopback. Every line is printed with the number of its process before it. When a
process fails, the others are sent SIGTERM, and SIGKILL after --grace seconds; the exit status is
that of the first to fail (128 + N for signal N). SIGTERM and SIGINT are passed on to all.
"""

from __future__ import annotations

import argparse
import os
import queue
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass

TRAIN = (sys.executable, "-m", "mt3synth.cli", "train")


@dataclass(frozen=True)
class PodConfig:
    """Describes the pod to simulate.

    Attributes:
      processes: hosts of the pod.
      devices: CPU devices of each.
      port: of the coordinator, on the loopback.
      grace: seconds between SIGTERM and SIGKILL, once a process has failed.
    """

    processes: int
    devices: int
    port: int
    grace: float


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the pod; returns its exit status."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    split = arguments.index("--") if "--" in arguments else len(arguments)
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
        usage="%(prog)s [options] -- COMMAND ...",
    )
    parser.add_argument("--processes", type=int, default=2, metavar="N", help="hosts (2)")
    parser.add_argument("--devices", type=int, default=1, metavar="N", help="of each process (1)")
    parser.add_argument("--port", type=int, metavar="P", help="of the coordinator (a free one)")
    parser.add_argument("--grace", type=float, default=30.0, metavar="S", help="seconds (30)")
    args = parser.parse_args(arguments[:split])
    command = arguments[split + 1 :]
    if not command:
        parser.error("no command; give it after --")
    for name in ("processes", "devices"):
        if getattr(args, name) < 1:
            parser.error(f"--{name} {getattr(args, name)}; must be at least 1")
    if command[0].startswith("-"):
        command = [*TRAIN, *command]
    port = find_free_port() if args.port is None else args.port
    return run(command, PodConfig(args.processes, args.devices, port, args.grace))


def find_free_port() -> int:
    """Finds a port of the loopback that nobody listens on now."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


def make_environment(config: PodConfig, index: int, base: Mapping[str, str]) -> dict[str, str]:
    """Makes the variables of ``base``, with those of process ``index`` of the pod."""
    return {
        **base,
        "MT3SYNTH_COORDINATOR": f"127.0.0.1:{config.port}",
        "MT3SYNTH_PROCESS_COUNT": str(config.processes),
        "MT3SYNTH_PROCESS_INDEX": str(index),
        # An accelerator of this machine could serve only one of the processes.
        "JAX_PLATFORMS": "cpu",
        "JAX_NUM_CPU_DEVICES": str(config.devices),
        "PYTHONUNBUFFERED": "1",
    }


def run(command: Sequence[str], config: PodConfig) -> int:
    """Runs ``command`` in all processes until the last has ended.

    Args:
      command: program and arguments.
      config: the pod.

    Returns:
      0, or the exit status of the first process that failed; 127 if the program cannot be run.
    """
    pod = _Pod(config.grace)
    handled = (signal.SIGTERM, signal.SIGINT)
    before = {number: signal.signal(number, pod.pass_on) for number in handled}
    try:
        for index in range(config.processes):
            pod.start(command, make_environment(config, index, os.environ))
        return pod.wait()
    except OSError as error:
        print(f"local_pod: {command[0]}: {error.strerror or error}", file=sys.stderr)
        return 127
    finally:
        pod.close()
        for number, handler in before.items():
            signal.signal(number, handler)


class _Pod:
    """Runs processes that end together."""

    def __init__(self, grace: float) -> None:
        self._processes: list[subprocess.Popen[str]] = []
        self._printers: list[threading.Thread] = []
        self._printing = threading.Lock()
        self._ended: queue.SimpleQueue[tuple[int, int]] = queue.SimpleQueue()
        self._killer = threading.Timer(grace, self._send, (signal.SIGKILL,))
        self._killer.daemon = True
        self._passed_on: int | None = None

    def start(self, command: Sequence[str], variables: Mapping[str, str]) -> None:
        """Starts one more, in a session of its own, so that Ctrl-C reaches it only from here."""
        index = len(self._processes)
        process = subprocess.Popen(
            list(command),
            env=dict(variables),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            start_new_session=True,
        )
        self._processes.append(process)
        self._printers.append(threading.Thread(target=self._print, args=(index,)))
        self._printers[-1].start()
        threading.Thread(target=self._await, args=(index,), daemon=True).start()
        if self._passed_on is not None:  # it came before this one was there to hear of it
            self._send(self._passed_on)

    def wait(self) -> int:
        """Waits for all; the status of the first that failed, or 0."""
        failed = 0
        for _ in self._processes:
            index, status = self._ended.get()
            if status and not failed:
                failed = status
                if self._passed_on is None:
                    with self._printing:
                        print(f"local_pod: process {index} failed with {status}", file=sys.stderr)
                    self._send(signal.SIGTERM)
                self._killer.start()
        return failed

    def close(self) -> None:
        """Leaves no process behind."""
        self._killer.cancel()
        self._send(signal.SIGKILL)
        for printer in self._printers:
            printer.join()

    def pass_on(self, number: int, _: object) -> None:
        """Makes a signal handler that tells all processes what this one is told."""
        self._passed_on = number
        self._send(number)

    def _send(self, number: int) -> None:
        for process in self._processes:
            if process.poll() is None:
                with suppress(ProcessLookupError):  # it ended this very moment
                    os.killpg(process.pid, number)

    def _await(self, index: int) -> None:
        status = self._processes[index].wait()
        self._ended.put((index, 128 - status if status < 0 else status))

    def _print(self, index: int) -> None:
        for line in self._processes[index].stdout or ():
            with self._printing:  # so that lines of two processes do not mix
                print(f"[{index}] {line.rstrip()}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
