"""Gives shards their names, all of a build at once, however often it is interrupted.

Shards are made in a hidden folder, named by fingerprint. Publishing first takes the shards of the
build before back there, then writes down which fingerprint gets which name, then gives the names:
so at every moment each shard is found either under its fingerprint or under the name written down.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from data_pipelines.filesystem import move, remove, remove_unfinished, write_text

STAGING = ".build"
_NAMES = "names.json"


def staging_folder(folder: Path) -> Path:
    """Makes the hidden folder of a data set if need be; clears away what killed workers left."""
    staging = folder / STAGING
    staging.mkdir(parents=True, exist_ok=True)
    remove_unfinished(staging)
    return staging


def published(folder: Path) -> dict[str, str]:
    """Reads the name in ``folder`` of each fingerprint that was last published."""
    try:
        return json.loads((folder / STAGING / _NAMES).read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}


def is_made(folder: Path, shard: str) -> bool:
    """Tells whether a shard is there, as ``<fingerprint><suffix>`` or under its published name."""
    name = published(folder).get(Path(shard).stem)
    return (folder / STAGING / shard).exists() or (name is not None and (folder / name).exists())


def publish(folder: Path, names: Mapping[str, str]) -> None:
    """Gives shards their names, and removes those that are no longer among them.

    Args:
      folder: of the data set.
      names: by fingerprint; each is in the staging folder or was published before.
    """
    staging = folder / STAGING
    if dict(names) != published(folder):
        for fingerprint, name in published(folder).items():
            staged = staging / (fingerprint + Path(name).suffix)
            if not staged.exists() and (folder / name).exists():
                move(folder / name, staged)
        write_text(staging / _NAMES, json.dumps(dict(names), indent=1))
    for fingerprint, name in names.items():
        staged = staging / (fingerprint + Path(name).suffix)
        if staged.exists():
            move(staged, folder / name)
    kept = {f"{fingerprint}.json" for fingerprint in names} | {_NAMES}
    for path in staging.iterdir():
        if path.name not in kept:
            remove(path)
