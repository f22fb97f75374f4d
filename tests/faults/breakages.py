"""Takes the ground from under commands: full disks, folders that vanish, clocks that jump.

Every command of `jobs.JOBS` is run where something is wrong. It must end with status 2 and say so
in one line, and what was in its folder before must still be there, bit for bit. Two of the same are
started at once in one folder, too: one must do its work, the other must say so.

    python tests/faults/breakages.py --out /tmp/faults --kinds full,quota,read-only --jobs export

Mounting takes the rights of root; what they are needed for is left out without them, and said.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import resource
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from kill_at_random import prepare_environment

prepare_environment()

from children import Child, Ended, call, equal_times  # noqa: E402
from jobs import JOBS, Job  # noqa: E402
from judge import compare, describe, unfinished_in  # noqa: E402

KINDS = ("full", "quota", "read-only", "vanishing", "clock", "two")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--out", type=Path, required=True, help="folder for all of it")
    parser.add_argument("--kinds", default=",".join(KINDS))
    parser.add_argument("--jobs", default=",".join(JOBS).replace(", ", "; "))
    args = parser.parse_args()
    prepare_environment(args.out)
    results: dict[str, dict[str, str]] = {}
    for name in (name.strip().replace("; ", ", ") for name in args.jobs.split(",")):
        trial = Breakages(
            JOBS[name], args.out.resolve() / name.replace(", ", "_").replace(" ", "_")
        )
        for kind in args.kinds.split(","):
            results.setdefault(name, {})[kind] = found = trial.run(kind)
            print(f"{name}, {kind}: {found}", flush=True)
            (args.out / "breakages.json").write_text(json.dumps(results, indent=1) + "\n")
    return 1 if any("WRONG" in found for one in results.values() for found in one.values()) else 0


class Breakages:
    """Runs one command where something is wrong.

    Args:
      job: the command.
      out: folder for its inputs and results.
    """

    def __init__(self, job: Job, out: Path) -> None:
        self._job, self._out = job, out
        shutil.rmtree(out, ignore_errors=True)
        out.mkdir(parents=True)
        call(lambda: self._write_inputs(out / "inputs"))
        for _ in range(2):  # the first time it compiles
            self._whole = self._copy("whole")
            self._ended = self._child(self._whole).wait()
            if self._ended.status != job.status:
                raise RuntimeError(f"fails undisturbed: {self._ended}")
        self._expected = describe(self._whole)

    def run(self, kind: str) -> str:
        """Does one kind of harm; says in words what came of it, with WRONG if it is not right."""
        return {
            "full": self._full,
            "quota": self._quota,
            "read-only": self._read_only,
            "vanishing": self._vanishing,
            "clock": self._clock,
            "two": self._two,
        }[kind]()

    def _write_inputs(self, inputs: Path) -> str:
        inputs.mkdir()
        for name, write in self._job.inputs.items():
            write(inputs / name)
        return ""

    def _copy(self, name: str) -> Path:
        folder = self._out / name
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(self._out / "inputs", folder)
        return folder

    def _child(self, folder: Path, prepare: Callable[[], object] | None = None) -> Child:
        def work() -> Callable[[], int]:
            if self._job.timed:
                equal_times()
            if prepare:
                prepare()
            return int

        return Child(self._job.arguments, folder, work)

    def _full(self) -> str:
        """A file system with some room, but not enough: a tenth of what is made, or more."""
        made = sum(_pages(p) for p in self._whole.rglob("*") if not self._is_input(p))
        found = []
        for share in (0.1, 0.4, 0.8):
            with mounted(self._out / "full", 2**30) as folder:
                if folder is None:
                    return "left out: mounting is not permitted"
                shutil.copytree(self._out / "inputs", folder, dirs_exist_ok=True)
                system = os.statvfs(folder)
                used = (system.f_blocks - system.f_bfree) * system.f_frsize
                size = used + int(share * made)
                subprocess.run(["mount", "-o", f"remount,size={size}", folder], check=True)
                before = describe(folder)
                found.append(self._judge(self._child(folder).wait(), folder, before))
        return "; ".join(found)

    def _quota(self) -> str:
        """No file may be longer than half of the longest that is made (RLIMIT_FSIZE)."""
        made = [p for p in self._whole.rglob("*") if p.is_file() and not self._is_input(p)]
        limit = max(p.stat().st_size for p in made) // 2
        if limit < 2**14:
            return "left out: what is made is hardly longer than what is printed"

        def limited() -> None:
            signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
            resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))

        folder = self._copy("quota")
        before = describe(folder)
        return self._judge(self._child(folder, limited).wait(), folder, before)

    def _is_input(self, path: Path) -> bool:
        return (self._out / "inputs" / path.relative_to(self._whole)).exists()

    def _read_only(self) -> str:
        """Everything can be read, and nothing be written."""
        with mounted(self._out / "read_only", 2**30) as folder:
            if folder is None:
                return "left out: mounting is not permitted"
            shutil.copytree(self._out / "inputs", folder, dirs_exist_ok=True)
            subprocess.run(["mount", "-o", "remount,ro", folder], check=True)
            before = describe(folder)
            return self._judge(self._child(folder).wait(), folder, before)

    def _vanishing(self) -> str:
        """What is written to is moved away after half of the time, as a drive that is unplugged."""
        folder = self._copy("vanishing")
        before = describe(folder)
        child = self._child(folder)
        while child.seconds() < self._ended.seconds / 2 and not child.poll():
            time.sleep(0.01)
        gone = folder.with_name("gone")
        shutil.rmtree(gone, ignore_errors=True)
        for path in folder.iterdir():
            if path.name not in self._job.inputs or path.name == "out":
                gone.mkdir(exist_ok=True)
                path.rename(gone / path.name)
        ended = child.wait()
        if ended.status == self._job.status:
            return "it had nothing more to write there, or wrote it anew"
        return self._judge(ended, folder, before, ("out", "run", "mine", "cache", "listen"))

    def _clock(self) -> str:
        """The clock jumps ten years back, and forth again, at every tenth look at it."""
        folder = self._copy("clock")
        ended = self._child(folder, jump).wait()
        wrong = compare(self._expected, describe(folder)) or unfinished_in(folder)
        if ended.status != self._job.status or wrong:
            return f"WRONG: {wrong} {ended}"
        return "as if nothing were"

    def _two(self) -> str:
        """Two at once: the second begins when the first has done a random part of its work."""
        folder = self._copy("two")
        first = self._child(folder)
        share = random.Random(str(folder)).uniform(0.2, 0.7)
        while first.seconds() < share * self._ended.seconds and not first.poll():
            time.sleep(0.01)
        # So that the second meets it at work, however long that takes.
        os.killpg(first.process, signal.SIGSTOP)
        second = self._child(folder).wait()
        os.killpg(first.process, signal.SIGCONT)
        ended = first.wait()
        wrong = compare(self._expected, describe(folder)) + unfinished_in(folder)
        if wrong:
            return f"WRONG: {wrong}; first {ended}; second {second}"
        at = f"at {share:.0%}"
        for one, other, who in ((ended, second, "second"), (second, ended, "first")):
            lines = _errors(other)
            if one.status == self._job.status and other.status == 2 and lines:
                return f"{at} the {who} says: {lines[-1]}"
        if ended.status == second.status == self._job.status:
            return f"{at}: one after the other"
        if ended.status == second.status == 2 and _errors(ended) and _errors(second):
            return f"{at}: they shared the work; the second says: {_errors(second)[-1]}"
        return f"WRONG: first {ended}; second {second}"

    def _judge(
        self, ended: Ended, folder: Path, before: dict[str, str], lost: tuple[str, ...] = ()
    ) -> str:
        lines = _errors(ended)
        here = describe(folder)
        changed = [
            name
            for name, digest in before.items()
            if here.get(name) != digest
            and not name.endswith("/")  # an empty folder, in which there may be something now
            and not name.startswith(lost or "\0")
        ]
        left = unfinished_in(folder)
        if ended.status != 2 or len(lines) < 1 or "Traceback" in ended.output:
            return f"WRONG: {ended}"
        if changed or left:
            return f"WRONG: changed {changed}, left {left}; {lines}"
        return lines[-1]


def _errors(ended: Ended) -> list[str]:
    return [line for line in ended.output.splitlines() if line.startswith("mt3synth")]


def _pages(path: Path) -> int:
    """Counts the bytes that a file takes of a file system in memory."""
    return (path.stat().st_size + 4095) // 4096 * 4096 if path.is_file() else 0


@contextmanager
def mounted(folder: Path, size: int) -> Iterator[Path | None]:
    """Mounts a file system in memory that holds so many bytes; None if that is not permitted."""
    folder.mkdir(exist_ok=True)
    options = f"size={size}"
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", folder], check=False)
    if done.returncode:
        yield None
        return
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", folder], check=True)


def jump() -> None:
    """Makes every tenth look at the clock be ten years off, in turn back and forth."""
    true, looks = time.time, [0]

    def jumping() -> float:
        looks[0] += 1
        return true() + (0.0 if looks[0] % 10 else 3.15e8 * (-1) ** (looks[0] // 10))

    time.time = jumping


if __name__ == "__main__":
    sys.exit(main())
