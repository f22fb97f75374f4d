"""Writes a copy of a bundle that has one performance more."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
from flax.traverse_util import flatten_dict

from mt3synth import bundle as bundles
from mt3synth.atomic import write_folder
from mt3synth.bundle import Bundle, BundleError, Performance
from mt3synth.file_hashes import write_hashes
from mt3synth.foreign_files import read_json
from mt3synth.param_check import read_stored, write_params
from mt3synth.training.diffusion.warm_start import TABLE
from mt3synth.types import FloatND, PyTree


def extend(
    bundle: Bundle,
    folder: Path,
    performance: Performance,
    row: FloatND,
    additions: PyTree | None,
    remark: str,
) -> None:
    """Makes the same bundle with one performance more; it appears whole or not at all.

    What is stored of the other performances, and of all that they share, stays bit for bit.

    Args:
      bundle: is left as it is.
      folder: must not exist yet.
      performance: the new one, whose index is the number of those that the bundle has.
      row: its embedding ``[D]``.
      additions: what it adds to the weights, if anything.
      remark: how it was made, Markdown for the end of the model card.

    Raises:
      BundleError: the folder exists or cannot be written.
    """
    # As they are stored, and not as they were loaded, so that nothing is rounded twice.
    weights = read_stored(bundle.folder / bundles.WEIGHTS, BundleError)
    name = "/".join(TABLE)
    weights[name] = np.concatenate([weights[name], np.asarray(row, weights[name].dtype)[None]])
    added = dict(bundle.additions)
    if additions is not None:
        added[performance.index] = additions
    config = read_json(bundle.folder / bundles.CONFIG)
    config["model"]["network"]["performances"] = performance.index + 1
    if added:
        config["format"] = bundles.FORMAT_WITH_ADDITIONS
    listed = read_json(bundle.folder / bundles.PERFORMANCES)
    card = (bundle.folder / bundles.CARD).read_text("utf-8")
    with write_folder(folder, BundleError) as unfinished:
        shutil.copytree(bundle.folder, unfinished, dirs_exist_ok=True)
        _write_json(unfinished / bundles.CONFIG, config)
        _write_json(unfinished / bundles.PERFORMANCES, [*listed, performance.to_dict()])
        write_params(unfinished / bundles.WEIGHTS, weights)
        if added:
            flat = flatten_dict({str(index): tree for index, tree in added.items()}, sep="/")
            # Those of before were stored so, too, and do not change.
            halves = {path: np.asarray(value, np.float16) for path, value in flat.items()}
            write_params(unfinished / bundles.ADDITIONS, halves)
        (unfinished / bundles.CARD).write_text(f"{card.rstrip()}\n\n{remark.strip()}\n", "utf-8")
        write_hashes(unfinished, bundles.HASHED)


def with_performance(bundle: Bundle, name: str, description: str) -> Performance:
    """Describes a performance that a bundle is to get.

    Raises:
      BundleError: the bundle tells no performances apart, or has one of that name.
    """
    known = [p.name for p in bundle.performances]
    if not bundle.spec.network.performances:
        raise BundleError(
            f"{bundle.folder} tells no performances apart, so that it cannot get one more"
        )
    if not name.strip():
        raise BundleError(f"name {name!r}: a performance needs one")
    if name in known:
        raise BundleError(
            f"performance {name!r} is there already; take another name than {', '.join(known)}"
        )
    return Performance(len(known), name, description)


def _write_json(path: Path, value: Any) -> None:
    path.write_text(json.dumps(value, indent=1) + "\n")
