"""Files that appear under their name whole or not at all."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from mt3synth.errors import UserError


@contextmanager
def appearing_whole(path: Path) -> Iterator[Path]:
    """Gives a hidden name beside ``path`` to write to, which becomes ``path`` at the end.

    After an exception, Ctrl-C too, what was written is removed.
    """
    part = path.with_name(f".{path.name}.{secrets.token_hex(4)}.part")
    try:
        yield part
        os.replace(part, path)
    finally:
        part.unlink(missing_ok=True)


def write_texts(folder: Path, texts: Mapping[str, str], option: str) -> None:
    """Files of UTF-8 with Unix line ends, by name; the folder is made if need be.

    Raises:
      UserError: they cannot be written; names the option that says where.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, text in texts.items():
            with appearing_whole(folder / name) as part:
                part.write_text(text, encoding="utf-8", newline="\n")
    except OSError as error:
        raise UserError(f"{option} {folder}: {error.strerror or error}") from error
