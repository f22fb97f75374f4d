"""Names processes, so that what one leaves behind can be told from what another is at work on."""

from __future__ import annotations

import hashlib
import os
import platform
from functools import cache
from pathlib import Path


def name_owner() -> str:
    """Names this process: its machine, its number, and when it began.

    The number alone would not do: it is given anew, and a folder may be that of several machines.
    """
    process = os.getpid()
    return f"{_machine()}-{process:x}-{_began(process) or 0:x}"


def is_abandoned(owner: str) -> bool:
    """Tells whether a name is that of a process of this machine that is no more.

    False of whatever else, for it may be another machine's.
    """
    machine, _, rest = owner.partition("-")
    number, _, began = rest.partition("-")
    if machine != _machine():
        return False
    try:
        return _began(int(number, 16)) != int(began, 16)
    except ValueError:
        return False


@cache
def _machine() -> str:
    """Names this machine since it was started, and the processes that can see each other on it."""
    known = [platform.node()]
    for path, read in (
        ("/proc/sys/kernel/random/boot_id", lambda path: Path(path).read_text()),
        ("/proc/self/ns/pid", os.readlink),
    ):
        try:
            known.append(read(path))
        except OSError:  # not Linux
            known.append("")
    return hashlib.sha256("\n".join(known).encode()).hexdigest()[:8]


def _began(process: int) -> int | None:
    """Tells when a process began, in ticks of the machine's; 0 if that is not known.

    None if there is no such process.
    """
    stat = Path(f"/proc/{process}/stat")
    try:
        state, *fields = stat.read_text().rpartition(")")[2].split()
        # A killed one whose parent has not heard of it yet has no hand in anything.
        return None if state in "ZX" else int(fields[18])
    except (OSError, ValueError, IndexError):
        pass
    if stat.parent.parent.joinpath("self").exists():
        return None
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return None
    except OSError:  # it is somebody else's
        pass
    return 0
