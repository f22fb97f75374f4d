"""Errors that are the user's to mend, and the words in which an unknown name is answered."""

from __future__ import annotations

import difflib
import errno
import re
from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager


class UserError(ValueError):
    """Bad input, which the command line prints as one line before it exits with status 2.

    The message says where something is wrong, what, and what to do, in one line:

        raise UserError(f"{path}: no such folder; make it first")

    What a message quotes may come from a stranger's file: characters that would move a terminal's
    cursor are written as their codes, and of what is very long the middle is left out.
    """

    def __init__(self, message: object = "") -> None:
        super().__init__(_quotable(str(message)))


_MOST_LETTERS = 1500


def _quotable(message: str) -> str:
    if len(message) > _MOST_LETTERS:
        half = _MOST_LETTERS // 2
        message = f"{message[:half]} ... {message[-half:]}"
    return re.sub(r"[^\S ]|[\x00-\x08\x0e-\x1f\x7f-\x9f]", _code, message)


def _code(found: re.Match[str]) -> str:
    # Other libraries' line breaks are taken out where a message is shown as one line.
    return found[0] if found[0] in "\n\t\r" else f"\\x{ord(found[0]):02x}"


@contextmanager
def explain_os_errors(
    what: object, problem: str = "cannot be read", kind: type[UserError] = UserError
) -> Iterator[None]:
    """Raises the operating system's errors as the user's, with what they happened to.

        with explain_os_errors(path):
            return path.read_text()

    Raises:
      UserError: of the class ``kind``: ``what: problem: why``.
    """
    try:
        yield
    except OSError as error:
        raise kind(f"{what}: {problem}: {error.strerror or error}") from error


def check_least(settings: object, **least: int) -> None:
    """Checks that settings are not below their least values; None is below none.

        check_least(self, steps=1, seed=0)

    Raises:
      ValueError: one is below.
    """
    for name, low in least.items():
        value = getattr(settings, name)
        if value is not None and value < low:
            raise ValueError(f"{name}={value}; must be at least {low}")


def first_line(error: Exception) -> str:
    """Returns the first line of what an error says that is not empty, or else its class.

    Of a library's error, whose further lines would tear a message apart.
    """
    lines = (line.strip() for line in str(error).splitlines())
    return next((line for line in lines if line), type(error).__name__)


@contextmanager
def explain_memory(where: str = "") -> Iterator[None]:
    """Makes one line for the user of whatever is raised where memory runs out.

        with explain_memory("long.mid: "):
            render("long.mid")

    Args:
      where: what the line begins with.

    Raises:
      UserError: there was not enough memory.
    """
    try:
        yield
    except Exception as error:
        if not is_out_of_memory(error):
            raise
        raise UserError(
            f"{where}too little memory ({first_line(error)}); close other programs, or do less at a"
            " time"
        ) from error


@contextmanager
def explain_files() -> Iterator[None]:
    """Makes one line for the user of what a file system refuses: it is full, or gone, or closed.

    For whatever no place nearer to the file has explained.

    Raises:
      UserError: names the file, if the system did, and the reason.
    """
    try:
        yield
    except BrokenPipeError:
        raise
    except OSError as error:
        # Those of networks and of Python itself have no number of the system's.
        if error.errno is None or is_out_of_memory(error):
            raise
        where = "" if error.filename is None else f"{error.filename}: "
        raise UserError(f"{where}{error.strerror or error}") from error


def is_out_of_memory(error: Exception) -> bool:
    """Tells whether an error, of whatever library, is that there was not enough memory."""
    if isinstance(error, OSError):
        return error.errno == errno.ENOMEM
    # JAX's own error, known by its name so that nobody has to import JAX for it.
    of_jax = type(error).__name__ == "JaxRuntimeError"
    return isinstance(error, MemoryError) or (of_jax and "RESOURCE_EXHAUSTED" in str(error))


def nearest(name: str, names: Iterable[str], cutoff: float = 0.6) -> str | None:
    """Finds the name that the user may have meant.

    Args:
      name: what the user wrote.
      names: all that could have been written.
      cutoff: how alike the two must be, from 0, anything, to 1, the same.

    Returns:
      The most similar of ``names``, or None if none is similar enough.
    """
    near = difflib.get_close_matches(name, list(names), n=1, cutoff=cutoff)
    return near[0] if near else None


def unknown(name: str, names: Collection[str]) -> str:
    """Says which names are known, and which of them may have been meant.

    For example ``'hal'; did you mean 'hall'? known are: studio, hall``.
    """
    near = nearest(name, names)
    hint = f"did you mean {near!r}? " if near else ""
    return f"{name!r}; {hint}known are: {', '.join(names) or 'none'}"
