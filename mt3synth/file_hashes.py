"""SHA-256 of the files of a folder, beside them: what was damaged on its way is not believed.

``hashes.json`` has them by name. They are no signature: whoever changes a file may change its hash,
and a stranger's folder is no safer for having them.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from mt3synth.errors import UserError
from mt3synth.foreign_files import read_json

HASHES = "hashes.json"


def write_hashes(folder: Path, names: Sequence[str]) -> None:
    """Writes the hashes of those of some files that a folder holds."""
    (folder / HASHES).write_text(json.dumps(_digests(folder, names), indent=1) + "\n")


def begin_check(folder: Path, names: Sequence[str], error: type[UserError]) -> Callable[[], None]:
    """Begins to compare files with their hashes, in a thread, while they are read otherwise.

    Args:
      folder: of before there were hashes, it has none, and nothing is compared.
      names: of the files that are used; what else the folder lists is no matter.
      error: what to raise.

    Returns:
      A function that waits for the end, and raises ``error`` if a file is another than that which
      was written.
    """
    if not (folder / HASHES).is_file():
        return lambda: None
    executor = ThreadPoolExecutor(1, "hashes")
    found = executor.submit(_digests, folder, names)
    executor.shutdown(wait=False)

    def finish() -> None:
        try:
            listed = dict(read_json(folder / HASHES))
            digests = found.result()
        except (OSError, ValueError, TypeError) as failure:
            raise error(f"{folder / HASHES}: cannot be read: {failure}") from failure
        wrong = [name for name in names if digests.get(name) != listed.get(name)]
        if wrong:
            raise error(
                f"{folder}: {', '.join(wrong)} is not what was written there ({HASHES}); copy the "
                f"folder again, or, if you changed it yourself, remove {HASHES}"
            )

    return finish


def _digests(folder: Path, names: Sequence[str]) -> dict[str, str]:
    found = {}
    for name in names:
        if (folder / name).is_file():
            with open(folder / name, "rb") as file:
                found[name] = hashlib.file_digest(file, "sha256").hexdigest()
    return found
