"""Feeds broken files by the thousand to whatever reads files, and writes down what came of it.

    python tests/faults/broken_input.py midi --cases 100000 --result broken/midi.json

Case N of a kind is always the same. They run in a worker process, which is replaced where it dies
or stands still; every 500th goes through the whole command line as well. What was run stays in the
result's file, with the first cases of each fault: called again, it goes on from there. `--case N`
runs a single one here, with its traceback.
"""

from __future__ import annotations

import argparse
import io
import json
import os
import queue
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import redirect_stderr, redirect_stdout
from functools import partial
from pathlib import Path
from random import Random
from typing import Any

from oracle import SECRET, Oracle, Verdict
from readers import Case, Reader, make_reader

from mt3synth import cli
from mt3synth.atomic import write_bytes
from mt3synth.errors import UserError

KINDS = ("midi", "score", "bundle", "vocoder", "manifest", "gin", "tfrecord", "arrays", "sidecar")
WHOLE_EVERY, WHOLE_SECONDS = 500, 100.0
_SILENT_SECONDS = 120.0  # of computing without a word: no alarm of Python's is heard
_SAVE_EVERY = 1000
_KEPT = 5  # numbers of cases of each fault


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("kind", choices=KINDS)
    parser.add_argument("--cases", type=int, default=1000, help="in all, with those of before")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--result", type=Path, help="JSON, made or gone on with")
    parser.add_argument("--case", type=int, help="run this one, and let its error through")
    parser.add_argument("--worker", type=int, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.case is not None:
        return _run_one(args.kind, args.seed, args.case)
    if args.worker is not None:
        return _work(args.kind, args.seed, args.worker)
    result = _load(args.result, args.kind, args.seed)
    campaign = Campaign(args.kind, args.seed, result, args.result)
    campaign.run(args.cases)
    print(json.dumps({k: v for k, v in result.items() if k != "refusals"}, indent=1))
    return 1 if result["faults"] else 0


class Campaign:
    """Runs cases of one kind and gathers what came of them in ``result``."""

    def __init__(self, kind: str, seed: int, result: dict[str, Any], path: Path | None) -> None:
        self._kind, self._seed, self._result, self._path = kind, seed, result, path

    def run(self, cases: int) -> None:
        """Goes on until so many cases are done."""
        result = self._result
        while result["done"] < cases:
            for number, verdict in self._verdicts(result["done"]):
                self._count(number, verdict)
                if result["done"] % _SAVE_EVERY == 0:
                    self._save()
                if result["done"] >= cases:
                    break
        self._save()

    def _verdicts(self, first: int) -> Iterator[tuple[int, Verdict]]:
        """Yields what a worker says of each case from one on; if it dies, that of its last one."""
        command = [sys.executable, __file__, self._kind, "--seed", str(self._seed)]
        process = subprocess.Popen(
            [*command, "--worker", str(first)], stdout=subprocess.PIPE, text=True, bufsize=1
        )
        assert process.stdout is not None
        lines: queue.Queue[str] = queue.Queue(maxsize=2)
        reader = threading.Thread(target=_hand_on, args=(process.stdout, lines), daemon=True)
        reader.start()
        number = first
        try:
            # Else a worker that cannot begin would be taken for one that its case has killed.
            if lines.get(timeout=600) != "ready\n":
                sys.exit(f"{self._kind}: the worker did not begin")
            began = _computed(process.pid)
            while True:
                try:
                    line = lines.get(timeout=10)
                except queue.Empty:
                    # By its own clock: the machine may be busy with other things.
                    if _computed(process.pid) - began < _SILENT_SECONDS:
                        continue
                    yield number, Verdict("fault", "hang: the worker stands still", 0, 0)
                    return
                began = _computed(process.pid)
                if not line:
                    yield number, Verdict("fault", f"death: status {process.wait()}", 0, 0)
                    return
                yield number, Verdict(**json.loads(line))
                number += 1
        finally:
            process.kill()
            process.wait()

    def _count(self, number: int, verdict: Verdict) -> None:
        result = self._result
        result["done"] = number + 1
        result["whole"] += number % WHOLE_EVERY == 0
        result[verdict.kind] = result.get(verdict.kind, 0) + 1
        result["seconds"] = round(result["seconds"] + verdict.seconds, 4)
        result["slowest"] = max(result["slowest"], [round(verdict.seconds, 2), number])
        result["largest"] = max(result["largest"], [verdict.megabytes, number])
        if verdict.kind == "fault":
            result["faults"].setdefault(verdict.what, []).append(number)
            del result["faults"][verdict.what][_KEPT:]
            print(f"{self._kind} {number}: {verdict.what}", file=sys.stderr, flush=True)

    def _save(self) -> None:
        if self._path is not None:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            write_bytes(self._path, json.dumps(self._result, indent=1).encode())


def _load(path: Path | None, kind: str, seed: int) -> dict[str, Any]:
    empty = {"done": 0, "seconds": 0.0, "slowest": [0, 0], "largest": [0, 0], "whole": 0}
    empty["faults"] = {}
    result = {"kind": kind, "seed": seed, **empty}
    if path is not None and path.exists():
        before = json.loads(path.read_text())
        if (before["kind"], before["seed"]) != (kind, seed):
            sys.exit(f"{path}: of kind {before['kind']}, seed {before['seed']}")
        result |= before
    return result


def _computed(process: int) -> float:
    """Returns the seconds that a process has computed; 0 if it is gone."""
    try:
        fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _hand_on(stream: Any, lines: queue.Queue[str]) -> None:
    for line in stream:
        lines.put(line)
    lines.put("")


def _work(kind: str, seed: int, first: int) -> int:
    """Judges cases without end, a line of JSON each; whoever reads them ends this process."""
    with tempfile.TemporaryDirectory() as folder:
        cases = Cases(kind, seed, Path(folder), limit_memory=True)
        print("ready", flush=True)
        number = first
        while os.getppid() != 1:
            print(json.dumps(vars(cases.judge(number))), flush=True)
            number += 1
    return 0


class Cases:
    """Makes and judges the cases of a kind in a folder.

    cases = Cases("midi", 0, tmp_path)
    cases.judge(7).kind  # "refused"
    """

    def __init__(self, kind: str, seed: int, folder: Path, limit_memory: bool = False) -> None:
        self.kind, self._seed, self._folder = kind, seed, folder
        (folder / SECRET).write_text("nobody asked for this")
        os.environ.update(XDG_CACHE_HOME=str(folder / "cache"), MPLCONFIGDIR=str(folder / "cache"))
        self.reader: Reader = make_reader(kind, folder / "seeds")
        self.case_folder = folder / "case" / "here"
        # Compiled programs are kept where the environment says, which is not the inputs' doing.
        compiled = Path(os.environ.get("JAX_COMPILATION_CACHE_DIR", folder / "cache"))
        allowed = (self.case_folder, folder / "cache", compiled)
        names_files = getattr(self.reader, "names_files", False)
        self._oracle = Oracle(*allowed, names_files=names_files, limit_memory=limit_memory)

    def make(self, number: int) -> Case:
        """Makes the broken files of a case in an empty folder, which becomes the current one."""
        shutil.rmtree(self.case_folder, ignore_errors=True)
        self.case_folder.mkdir(parents=True)
        os.chdir(self.case_folder)
        rng = Random(f"{self.kind}:{self._seed}:{number}")
        return self.reader.break_one(self.case_folder, rng)

    def judge(self, number: int) -> Verdict:
        """Makes a case and says what came of it, of some through the whole command line."""
        verdict = self._oracle.judge(self.make(number))
        if number % WHOLE_EVERY or verdict.kind == "fault":
            return verdict
        command = self.reader.command(self.case_folder)
        return self._oracle.judge(partial(_run_command, command), WHOLE_SECONDS)


def _run_command(arguments: list[str]) -> None:
    """Runs the command line here; it must end with status 0 or, in one line, with 2."""
    said = io.StringIO()
    with redirect_stdout(io.StringIO()), redirect_stderr(said):
        status = cli.main(arguments)
    lines = [line for line in said.getvalue().splitlines() if line.startswith("mt3synth ")]
    if status == 2 and lines:
        raise UserError(lines[-1])
    if status or "Traceback" in said.getvalue():
        raise AssertionError(f"status {status}: {said.getvalue()[-200:]}")


def _run_one(kind: str, seed: int, number: int) -> int:
    with tempfile.TemporaryDirectory() as folder:
        cases = Cases(kind, seed, Path(folder))
        case = cases.make(number)
        began = time.process_time()
        print({path.name: path.stat().st_size for path in cases.case_folder.rglob("*")})
        try:
            print(case())
        finally:
            print(f"{time.process_time() - began:.2f} s")
    return 0


if __name__ == "__main__":
    sys.exit(main())
