"""Finds and reads gin configuration files."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path

from mt3synth.configuration import explain
from mt3synth.errors import UserError

ROOT = Path(__file__).resolve().parents[2]
"""The folder that holds ``gin_configs``: the repository's, or an environment's site-packages."""

_MACRO = re.compile(r"\s*(\w+)\s*=")


def parse(files: Sequence[str], bindings: Sequence[str]) -> None:
    """Reads gin files and then single bindings, such as ``TRAIN_STEPS=10``.

    Files are looked up from the current folder and then from the project's own ``gin_configs``.
    Nothing stays of a configuration that was read before.

    Raises:
      UserError: a file that is not there, a line that gin does not understand, or a name that
        nothing defines; says the nearest name that there is.
    """
    import gin

    gin.clear_config()
    _search_here_too()
    for name in files:
        if not any((folder / name).is_file() for folder in (Path(), ROOT)):
            near = explain.suggest(name, explain.list_files(ROOT))
            raise UserError(f"{name}: no such gin file{near}")
    with _one_line_errors():
        # Not finalized yet: the bindings below come over the files.
        gin.parse_config_files_and_bindings(list(files), None, finalize_config=False)
        for binding in bindings:
            # gin takes any name without a dot for a new macro, which nothing would ever read.
            macro = _MACRO.match(binding)
            if macro and not _is_defined(macro[1]):
                near = explain.suggest(macro[1], explain.list_macros(gin.config_str()))
                raise UserError(f"gin configuration: {binding}: no file defines {macro[1]}{near}")
        gin.parse_config_files_and_bindings(None, list(bindings))


@cache
def _search_here_too() -> None:
    import gin

    gin.add_config_file_search_path(str(ROOT))


@contextmanager
def _one_line_errors() -> Iterator[None]:
    """Turns what gin raises into a `UserError`, and keeps it from logging where it looked."""
    import gin

    def is_of_interest(record: logging.LogRecord) -> bool:
        return not str(record.msg).startswith("Path not found")

    logging.getLogger().addFilter(is_of_interest)
    try:
        yield
    except UserError:
        raise
    # A KeyError is what gin says of a name that could be that of two.
    except (
        OSError,
        ValueError,
        SyntaxError,
        AttributeError,
        ImportError,
        NameError,
        KeyError,
    ) as error:
        message = explain.explain(error, gin.config_str(), ROOT)
        raise UserError(f"gin configuration: {message}") from error
    finally:
        logging.getLogger().removeFilter(is_of_interest)


def _is_defined(macro: str) -> bool:
    import gin

    try:
        gin.query_parameter(f"{macro}/macro.value")
    except ValueError:
        return False
    return True
