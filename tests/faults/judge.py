"""Tells whether two folders hold the same, to the last bit, but for what depends on the clock."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

from children import call
from run_scalars import read_all

CLOCK = ("speed/", "time/", "throughput/", "mfu", "seconds", "per_second", "memory", "devices/")
"""Scalars with any of these in their names say how fast a run was."""
UNFINISHED = (".unfinished", ".orbax-checkpoint-tmp", ".busy")
"""In names of what is not whole."""


def describe(folder: Path, skipped: tuple[str, ...] = ()) -> dict[str, str]:
    """Describes what is below a folder: a digest of each file, and of each checkpoint.

    Args:
      folder: where a command ran.
      skipped: names of files and folders that are left out.
    """
    return dict(json.loads(call(lambda: json.dumps(_describe(folder, skipped)))))


def _describe(folder: Path, skipped: tuple[str, ...]) -> dict[str, str]:
    found: dict[str, str] = {}
    for path in sorted(folder.iterdir()):
        if path.name in skipped:
            continue
        if path.name == "tensorboard":
            found[path.name] = _digest_scalars(path.parent)
        elif path.parent.name == "checkpoints" and path.name.isdigit():
            try:
                found[path.name] = _digest_checkpoint(path)
            except Exception as error:  # whatever the libraries stumble over
                found[path.name] = f"cannot be read: {type(error).__name__}"
        elif path.is_dir():
            inner = _describe(path, skipped) or {"": "empty folder"}
            found |= {f"{path.name}/{name}": digest for name, digest in inner.items()}
        else:
            found[path.name] = hashlib.sha256(path.read_bytes()).hexdigest()
    return found


def _digest_scalars(run: Path) -> str:
    values = {
        tag: [(step, value.hex()) for step, value in points]
        for tag, points in sorted(read_all(run).items())
        # Pictures are files as well, and the recording is heard again at each start.
        if not tag.startswith("samples/") and not any(word in tag.lower() for word in CLOCK)
    }
    return hashlib.sha256(json.dumps(values).encode()).hexdigest()


def _digest_checkpoint(step: Path) -> str:
    """Reads all arrays of a checkpoint; its files hold times and random names as well."""
    import jax
    import orbax.checkpoint as ocp

    with ocp.StandardCheckpointer() as checkpointer:
        tree = checkpointer.restore(step.absolute() / "state")
    digest = hashlib.sha256()
    for path, leaf in jax.tree.leaves_with_path(tree):
        digest.update(jax.tree_util.keystr(path).encode())
        digest.update(memoryview(jax.device_get(leaf)).tobytes())
    record = json.loads((step / "record" / "metadata").read_text())
    digest.update(json.dumps(record, sort_keys=True).encode())
    return digest.hexdigest()


def compare(expected: dict[str, str], found: dict[str, str]) -> list[str]:
    """Lists in words in what one description differs from another."""
    words = {
        **{name: "is missing" for name in expected.keys() - found.keys()},
        **{name: "is too much" for name in found.keys() - expected.keys()},
        **{n: "differs" for n in expected.keys() & found.keys() if expected[n] != found[n]},
    }
    return [f"{name} {what}" for name, what in sorted(words.items())]


def unfinished_in(folder: Path) -> list[str]:
    """Lists what is below a folder and not whole."""
    return [
        str(path.relative_to(folder))
        for path in sorted(folder.rglob("*"))
        if any(word in path.name for word in UNFINISHED)
    ]
