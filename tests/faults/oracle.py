"""What may come of any input: a result, or one line that says what is wrong with it.

Anything else is a fault: another exception, a message that is long or has control characters, a
warning, more than 10 s or 2 GB, a file written outside the folder that was asked for, a program or
a connection that was opened, a pickle that was read.
"""

from __future__ import annotations

import os
import re
import resource
import signal
import sys
import time
import traceback
import unicodedata
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mt3synth.errors import UserError

SECONDS, MEGABYTES, LETTERS = 10.0, 2048, 2000
"""Most seconds of computing, memory and letters of a message that one input may take."""

SECRET = "outside"
"""Name of a file that lies beside the folder of all cases, and that no case may touch."""

_CHANGES = {"os.rename", "os.remove", "os.rmdir", "os.mkdir", "os.link", "os.symlink", "os.chmod"}
_NEVER = {"subprocess.Popen", "os.system", "os.exec", "os.posix_spawn", "pickle.find_class"}
_NEVER |= {"socket.connect", "socket.getaddrinfo"}


@dataclass(frozen=True)
class Verdict:
    """Says what came of an input.

    Attributes:
      kind: "result", "refused" or "fault".
      what: of a fault what it is and where, in a form that is the same for the same fault; of a
        refusal its message.
      seconds: of computing.
      megabytes: at most resident.
    """

    kind: str
    what: str
    seconds: float
    megabytes: int


class _Hang(BaseException):
    """Raised where an input has taken too long; nothing in the product catches it."""


class Oracle:
    """Judges what functions make of inputs, in this process.

        oracle = Oracle(Path("/tmp/cases"))
        oracle.judge(lambda: read_song(data))

    Args:
      folders: those below which files may be written.
      names_files: whether inputs may name files anywhere that are to be read.
      limit_memory: whether this process may never be given more than twice `MEGABYTES` beyond what
        it has now, used or not; it cannot be undone.
    """

    def __init__(
        self, *folders: Path, names_files: bool = False, limit_memory: bool = False
    ) -> None:
        self._names_files = names_files
        self._folders = tuple(os.path.realpath(folder) for folder in folders)
        self._outside: list[str] | None = None
        sys.addaudithook(self._watch)
        if limit_memory:
            most = _status("VmSize") + 2 * (MEGABYTES << 20)
            resource.setrlimit(resource.RLIMIT_AS, (most, most))

    def judge(self, call: Callable[[], Any], limit: float = SECONDS) -> Verdict:
        """Calls a function and says what came of it; ``limit`` is in seconds of computing."""
        _forget_peak()
        before = _status("VmRSS")  # of tests that ran in this process, say
        began, self._outside = time.process_time(), []
        with warnings.catch_warnings(record=True) as warned, _alarm(limit):
            warnings.simplefilter("always", RuntimeWarning)
            kind, what = _call(call)
        outside, self._outside = self._outside, None
        seconds, peak = time.process_time() - began, (_status("VmHWM") - before) >> 20
        own = [str(w.message) for w in warned if issubclass(w.category, RuntimeWarning)]
        if kind != "fault" and outside:
            kind, what = "fault", f"outside: {outside[0]}"
        elif kind != "fault" and peak > MEGABYTES:
            kind, what = "fault", f"memory: {peak} MB"
        elif kind != "fault" and own:
            kind, what = "fault", f"warning: {own[0]}"
        return Verdict(kind, what, seconds, peak)

    def _watch(self, event: str, arguments: tuple[Any, ...]) -> None:
        if self._outside is None:
            return
        if event in _NEVER:
            # Files that are named may be sound, which ffmpeg is asked about.
            if not (self._names_files and event == "subprocess.Popen"):
                self._outside.append(event)
        elif event == "open" and isinstance(arguments[0], str | bytes):
            path, writes = os.fsdecode(arguments[0]), bool((arguments[2] or 0) & _WRITES)
            if writes and not self._is_inside(path):
                self._outside.append(f"{path} written")
            elif os.path.basename(path) == SECRET and not self._names_files:
                self._outside.append(f"{path} read")
        elif event in _CHANGES:
            paths = [os.fsdecode(a) for a in arguments if isinstance(a, str | bytes)]
            self._outside += [f"{event} {path}" for path in paths if not self._is_inside(path)]

    def _is_inside(self, path: str) -> bool:
        real = os.path.realpath(path)
        if real in (os.devnull, *self._folders):
            return True
        return real.startswith(tuple(folder + os.sep for folder in self._folders))


_WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC


def _call(call: Callable[[], Any]) -> tuple[str, str]:
    try:
        call()
    except UserError as error:
        # The command line takes line breaks out of what other libraries say.
        message = " ".join(str(error).split())
        strange = [c for c in message if unicodedata.category(c) == "Cc"]
        if len(message) > LETTERS or strange or not message:
            return "fault", f"message: {len(message)} letters, {strange[:1]} {_where(error)}"
        return "refused", message
    except _Hang as error:
        return "fault", f"hang: {_where(error)}"
    except MemoryError as error:
        return "fault", f"memory: {_where(error)}"
    except (Exception, SystemExit) as error:
        return "fault", f"{type(error).__name__}: {_plain(error)} {_where(error)}"
    return "result", ""


def _plain(error: BaseException) -> str:
    """Returns the beginning of what an error says, without the numbers of a single case."""
    return re.sub(r"\d+", "N", " ".join(str(error).split()))[:80]


def _where(error: BaseException) -> str:
    """Names the innermost line of the product that an error went through."""
    frames = traceback.extract_tb(error.__traceback__)
    own = [f for f in frames if "/mt3synth/" in f.filename or "/data_pipelines/" in f.filename]
    frame = (own or frames)[-1]
    return f"at {'/'.join(frame.filename.split('/')[-3:])}:{frame.lineno} {frame.name}"


@contextmanager
def _alarm(seconds: float) -> Iterator[None]:
    """Raises `_Hang` after so many seconds of computing, wherever Python then is."""

    def ring(number: int, frame: Any) -> None:
        raise _Hang

    before = signal.signal(signal.SIGPROF, ring)
    signal.setitimer(signal.ITIMER_PROF, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, before)


def _forget_peak() -> None:
    # Where it is not allowed, peaks are those of all cases so far.
    with suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5")


def _status(name: str) -> int:
    """Reads one of this process's sizes, bytes."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(name + ":"):
            return int(line.split()[1]) << 10
    return 0
