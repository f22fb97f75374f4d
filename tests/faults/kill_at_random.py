"""Kills commands at random moments, starts them again, and looks at what there is in the end.

Every command first runs undisturbed. Then, until there were as many kills as asked for, it is begun
in a new folder, killed from one to eight times, each time started again, and at last left alone. In
the end there must be what an undisturbed run leaves, to the last bit, and nothing beside it. One
half of the moments is drawn evenly over the time that an undisturbed run computes; the other half
lies exactly before or after one of the calls that give something a name or take it away.

    python tests/faults/kill_at_random.py --kills 200 --seed 0 --out /tmp/faults

The results are kept in OUT/results.json; the same command goes on where it was stopped.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
import sys
import time
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]


def prepare_environment(out: Path | None = None) -> None:
    """Finds the modules of the tests, and keeps what is compiled in ``out`` for all commands."""
    for folder in ("adaptation", "benchmarks", "cli", "data_pipelines", "evaluation", "models"):
        if (path := str(ROOT / "tests" / folder)) not in sys.path:
            sys.path.insert(0, path)
    sys.dont_write_bytecode = True
    os.environ["JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS"] = "0"
    if out is not None:
        os.environ["XDG_CACHE_HOME"] = str((out / "cache").resolve())
        os.environ["JAX_COMPILATION_CACHE_DIR"] = str((out / "cache/jax").resolve())


prepare_environment()

from children import Child, Ended, call, equal_times, temporary_of  # noqa: E402
from jobs import JOBS, Job  # noqa: E402
from judge import compare, describe, unfinished_in  # noqa: E402
from moments import Moments  # noqa: E402

MOST_KILLS = 8
"""Of one run, one after the other."""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--kills", type=int, default=200, help="in all (200)")
    parser.add_argument("--seed", type=int, default=0, help="of the moments (0)")
    parser.add_argument("--out", type=Path, required=True, help="folder for all of it")
    parser.add_argument("--jobs", default=",".join(JOBS).replace(", ", "; "))
    args = parser.parse_args()
    names = [name.strip().replace("; ", ", ") for name in args.jobs.split(",")]
    prepare_environment(args.out)
    results = Results(args.out / "results.json")
    trials = {name: Trials(name, args.out) for name in names}
    number = 0
    while results.kills() < args.kills:
        name = names[number % len(names)]
        if number >= results.chains():
            results.add(trials[name].try_once(random.Random(f"{args.seed} {number}"), number))
            print(results.last(), flush=True)
        number += 1
    print(results.table())
    return 1 if results.faults() else 0


class Trials:
    """Kills one command in ever new folders.

    Args:
      name: of the command in `jobs.JOBS`.
      out: folder for all of them.
    """

    def __init__(self, name: str, out: Path) -> None:
        self._job: Job = JOBS[name]
        self._name = name
        self._out = out.resolve() / name.replace(", ", "_").replace(" ", "_")
        self._expected: dict[str, str] | None = None
        self._whole: Ended | None = None

    def try_once(self, draw: random.Random, number: int) -> dict[str, Any]:
        """Kills the command some times and starts it again; says when, and what is wrong then."""
        whole, expected = self._undisturbed()
        folder = self._new_folder(str(number))
        kills: list[str] = []
        ended = None
        for _ in range(draw.randint(1, MOST_KILLS)):
            ended, how = self._run_and_kill(folder, draw, whole)
            kills += [how] if ended.status < 0 else []
            if ended.status >= 0 or self._is_done(folder):
                break
        done = self._is_done(folder)
        if ended is None or ended.status < 0:
            # One that finds all done refuses to do it again.
            ended = self._start(folder).wait()
        found = self._faults(folder, ended, 2 if done else self._job.status, expected)
        if not found:
            shutil.rmtree(folder)
        shutil.rmtree(temporary_of(folder), ignore_errors=True)
        return {"job": self._name, "chain": number, "kills": kills, "faults": found}

    def _undisturbed(self) -> tuple[Ended, dict[str, str]]:
        """Runs the command twice, the first time to compile; returns how it went, and its end."""
        kept = self._out / "undisturbed.json"
        if kept.exists() and self._whole is None:
            values = json.loads(kept.read_text())
            self._whole, self._expected = Ended(**values["ended"]), values["end"]
        if self._whole is None or self._expected is None:
            inputs = self._out / "inputs"
            shutil.rmtree(self._out, ignore_errors=True)
            self._out.mkdir(parents=True)
            call(lambda: self._write_inputs(inputs))
            descriptions = []
            for name in ("first", "second"):
                folder = self._new_folder(name)
                self._whole = self._start(folder, kill=True, first=True).wait()
                if self._whole.status != self._job.status:
                    raise RuntimeError(f"{self._name} fails undisturbed: {self._whole}")
                descriptions.append(describe(folder))
            if problems := compare(*descriptions):
                raise RuntimeError(f"{self._name} is not the same twice: {problems}")
            self._expected = descriptions[0]
            values = {"ended": asdict(self._whole), "end": self._expected}
            kept.write_text(json.dumps(values, indent=1) + "\n")
        return self._whole, self._expected

    def _write_inputs(self, inputs: Path) -> str:
        inputs.mkdir()
        for name, write in self._job.inputs.items():
            write(inputs / name)
        return ""

    def _new_folder(self, name: str) -> Path:
        folder = self._out / name
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(self._out / "inputs", folder)
        return folder

    def _start(
        self, folder: Path, at: int | None = None, kill: bool = False, first: bool = False
    ) -> Child:
        again = () if first else self._job.again
        prepare = partial(_prepare, folder, at, kill, self._job.timed)
        return Child([*self._job.arguments, *again], folder, prepare)

    def _run_and_kill(self, folder: Path, draw: random.Random, whole: Ended) -> tuple[Ended, str]:
        if whole.moments and draw.random() < 0.5:
            at = draw.randrange(whole.moments)
            ended = self._start(folder, at, kill=True).wait()
            return ended, f"{'after' if at % 2 else 'before'} name {at // 2}"
        child = self._start(folder)
        last = draw.uniform(0, whole.seconds)
        while child.seconds() < last and not child.poll():
            time.sleep(0.01)
        child.kill(all_of_it=(alone := draw.random() < 0.5))
        return child.wait(), f"at random{'' if alone else ', its workers left alive'}"

    def _is_done(self, folder: Path) -> bool:
        return self._job.result is not None and (folder / self._job.result).exists()

    def _faults(
        self, folder: Path, ended: Ended, status: int, expected: dict[str, str]
    ) -> list[str]:
        """Lists what is not as after an undisturbed run."""
        found = []
        if ended.status not in (status, self._job.status):
            found.append(f"started again, it ended with {ended}")
        found += [f"{name} is left" for name in unfinished_in(folder)]
        found += compare(expected, describe(folder))
        left = [p.name for p in temporary_of(folder).glob("*") if p.name.startswith("mt3synth")]
        return found + [f"temporary {name} is left" for name in left]


def _prepare(folder: Path, at: int | None, kill: bool, timed: bool) -> Any:
    moments = Moments(folder, at)
    if kill:
        moments.watch()
    if timed:
        equal_times()
    return lambda: moments.passed


class Results:
    """Keeps what was found, in a file that is there after each chain of kills."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._path = path
        self._chains: list[dict[str, Any]] = json.loads(path.read_text()) if path.exists() else []

    def add(self, chain: dict[str, Any]) -> None:
        self._chains.append(chain)
        unfinished = self._path.with_suffix(".new")
        unfinished.write_text(json.dumps(self._chains, indent=1) + "\n")
        unfinished.replace(self._path)

    def chains(self) -> int:
        return len(self._chains)

    def kills(self) -> int:
        return sum(len(chain["kills"]) for chain in self._chains)

    def faults(self) -> list[str]:
        return [fault for chain in self._chains for fault in chain["faults"]]

    def last(self) -> str:
        chain = self._chains[-1]
        return f"{chain['job']} {chain['chain']}: {chain['kills']} {chain['faults'] or 'as it was'}"

    def table(self) -> str:
        """Writes a line for each command: kills, those at a name, chains, chains with faults."""
        lines = [
            "| command | kills | at a name | runs | with faults |",
            "| --- | --- | --- | --- | --- |",
        ]
        for name in dict.fromkeys(chain["job"] for chain in self._chains):
            own = [chain for chain in self._chains if chain["job"] == name]
            kills = [how for chain in own for how in chain["kills"]]
            named = sum("name" in how for how in kills)
            bad = sum(bool(chain["faults"]) for chain in own)
            lines.append(f"| {name} | {len(kills)} | {named} | {len(own)} | {bad} |")
        return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
