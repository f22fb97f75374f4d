"""Reads and writes the files that say what the run in a folder is about."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import jax

from mt3synth.atomic import remove_unfinished, write_text
from mt3synth.bundle import Performance
from mt3synth.errors import UserError
from mt3synth.exclusive import hold_folder
from mt3synth.foreign_files import read_json
from mt3synth.model_spec import ModelSpec
from mt3synth.training.parallel.distributed import holds_everywhere

SPEC_FILE = "model.json"
PERFORMANCES_FILE = "performances.json"
SETTINGS_FILE = "config.gin"
SAMPLES_FOLDER = "samples"
"""Folder of the pictures that validations draw."""


def claim(folder: Path, spec: ModelSpec, performances: list[dict[str, Any]]) -> None:
    """Writes model and performances into a run's folder, or checks that they are the same.

    Raises:
      UserError: the folder is that of another run.
    """
    contents = {SPEC_FILE: spec.to_dict(), PERFORMANCES_FILE: performances}
    claim_files(folder, contents, {SPEC_FILE: ModelSpec.from_dict})


def holds(folder: Path, performances: list[dict[str, Any]]) -> bool:
    """Tells whether a folder is that of a run with these performances and no others."""
    path = folder / PERFORMANCES_FILE
    return path.exists() and _holds(path, json.dumps(performances), list)


def claim_files(
    folder: Path, contents: Mapping[str, Any], meanings: Mapping[str, Callable[[Any], Any]]
) -> None:
    """Writes JSON values by their files' names into a run's folder, or checks that they are there.

    Args:
      folder: of the run.
      contents: values by names.
      meanings: parsers of the files for which it is enough that they mean the same. A later
        version may add fields; where they are missing they have their defaults.

    Raises:
      UserError: the folder is that of another run.
    """
    # Made before anything is compared, so that what is compared is what will be written.
    texts = {folder / name: json.dumps(value, indent=1) + "\n" for name, value in contents.items()}
    # All are compared before the first is written: a folder that is refused stays as it was.
    for path, text in texts.items():
        if path.exists() and not _holds(path, text, meanings.get(path.name)):
            raise UserError(
                f"{path} is of a run with another configuration; give another folder, or the "
                "configuration with which that run was begun"
            )
    holds_everywhere(True)  # All look at the files before one of them writes.
    for path, text in texts.items():
        write(path, text)


@contextmanager
def hold_run(folder: Path) -> Iterator[None]:
    """Holds a run's folder while it trains, in all its processes; what killed ones left is removed.

    Raises:
      UserError: another run is at work there.
    """
    problem = None
    with ExitStack() as stack:
        if jax.process_index() == 0:
            try:
                stack.enter_context(hold_folder(folder))
                remove_unfinished(folder)
            except UserError as error:
                problem = error
        if not holds_everywhere(problem is None):
            raise problem or UserError(f"{folder} is being written by another run")
        yield


def _holds(path: Path, text: str, meaning: Callable[[Any], Any] | None) -> bool:
    """Tells whether a file holds ``text``, or something that means the same."""
    found = path.read_text()
    if found == text or meaning is None:
        return found == text
    try:
        # Both are read by the same parser, so that fields which a later version added have their
        # defaults in the older file.
        return bool(meaning(json.loads(found)) == meaning(json.loads(text)))
    except (LookupError, TypeError, ValueError):
        return False


def read_run(folder: Path) -> tuple[ModelSpec, tuple[Performance, ...]]:
    """Reads a run's model and its performances from its folder.

    Raises:
      UserError: the folder is not that of a run.
    """
    try:
        spec = ModelSpec.from_dict(read_json(folder / SPEC_FILE))
        listed = read_json(folder / PERFORMANCES_FILE)
        performances = tuple(Performance.from_dict(entry) for entry in listed)
    except OSError as error:
        raise UserError(f"{error.filename}: cannot be read: {error.strerror}") from error
    except (LookupError, TypeError, ValueError, AttributeError) as error:
        raise UserError(
            f"{folder} is of no run that this version understands: {type(error).__name__}: {error}"
        ) from error
    if not performances:
        raise UserError(f"{folder / PERFORMANCES_FILE}: no performances")
    return spec, performances


def write(path: Path, text: str) -> None:
    """Writes a whole file or nothing, in the first process alone."""
    # A shared folder is written by one; the others find it there.
    if jax.process_index() != 0:
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    write_text(path, text)
