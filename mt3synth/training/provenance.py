"""Records what a model was trained on and which bundle it began with, from a run to its bundle.

A run writes down its data in ``data.json``, and in the folder ``origin`` the papers of the bundle
with which it began: card, performances, licences, vocoder. Whoever exports it then needs neither
data nor bundle, which may have moved or changed by then.
"""

from __future__ import annotations

import dataclasses
import json
import re
import shutil
from collections.abc import Mapping, Sequence
from itertools import zip_longest
from pathlib import Path
from typing import Any

import jax

from mt3synth import bundle as bundles
from mt3synth.atomic import write_folder, write_text
from mt3synth.audio.mel import MelSpec
from mt3synth.batch_protocols import TrainingData
from mt3synth.bundle import CARD, Bundle, Performance
from mt3synth.errors import UserError
from mt3synth.foreign_files import read_json
from mt3synth.model_spec import ModelSpec
from mt3synth.training.checkpoints.manager import FOLDER as CHECKPOINTS
from mt3synth.training.optim.time_budget import FILE as BUDGET_FILE
from mt3synth.vocoder import files as vocoder_files
from mt3synth.vocoder.files import VocoderWeights

DATA_FILE = "data.json"
"""File of a run that says what it is trained on."""
PROVENANCE_FILE = "provenance.json"
"""File of a bundle that says how it was trained, and on what."""
ORIGIN = "origin"
"""Folder of a run or bundle with the papers of the bundle that its training began with."""
CORPUS_FILE = "corpus.json"


def record_data(folder: Path, data: TrainingData, spec: ModelSpec, batch_size: int) -> None:
    """Writes down what a run is trained on, unless it did so before.

    Only the first process looks, for counting reads the notes of all songs.

    Raises:
      UserError: the data cannot be read.
    """
    if jax.process_index() != 0 or (folder / DATA_FILE).exists():
        return
    # A data set of one's own may not know: then nothing is said of it.
    groups = getattr(data, "training_groups", None)
    found = {
        "sources": [_shown_of(source) for source in getattr(data, "sources", [])],
        # By name, for the model may know other performances beside those of its data.
        "heard": {
            p["name"]: heard
            for p, heard in zip_longest(
                data.performances, [] if groups is None else groups(spec.roll)
            )
        },
        "batch_size": batch_size,
        "segment_seconds": spec.segment_frames / spec.mel.frame_rate,
    }
    _write(folder / DATA_FILE, found)


def record_origin(folder: Path, source: Bundle) -> None:
    """Puts the papers of the bundle that a run begins with into its folder, if they are not there.

    Args:
      folder: of the run.
      source: the bundle, or what was loaded of another run.

    Raises:
      UserError: they cannot be written.
    """
    origin = folder / ORIGIN
    # Not written anew when a run is resumed: the bundle may have moved or changed by then.
    if jax.process_index() != 0 or origin.exists():
        return
    is_run = (source.folder / CHECKPOINTS).is_dir()
    performances, vocoder = source.performances, source.vocoder
    if is_run:  # What its bundle would have.
        performances = heard_in(source.folder, performances)
        vocoder = inherited_vocoder(source.folder, source.spec.mel)
        history = read_provenance(source.folder, _last_step(source.folder))
    else:
        # Bundles of before had no such file, but a card that says something.
        history = _read(source.folder / PROVENANCE_FILE) or _history_of_old(source.folder)
    # Its folder has a name that says nothing to anybody.
    name = "default" if source.folder == bundles.DEFAULT else source.folder.resolve().name
    about = {"name": name, "hash": None if is_run else source.hash, **history}
    with write_folder(origin, UserError) as unfinished:
        _write(unfinished / PROVENANCE_FILE, about)
        _write(unfinished / bundles.PERFORMANCES, [p.to_dict() for p in performances])
        _copy(source.folder, unfinished)
        if vocoder is not None:
            vocoder_files.write_files(unfinished, vocoder)


def copy_origin(run: Path, folder: Path) -> None:
    """Copies the papers of what a run began with, if anything, into the folder of its bundle."""
    if (run / ORIGIN).is_dir():
        (folder / ORIGIN).mkdir()
        _copy(run / ORIGIN, folder / ORIGIN)


def _copy(source: Path, folder: Path) -> None:
    """Copies card and licences of a model, and the papers of the one before it."""
    for name in (CARD, CORPUS_FILE):
        if (source / name).is_file():
            shutil.copy(source / name, folder / name)
    copy_origin(source, folder)


def inherited_vocoder(run: Path, mel: MelSpec) -> VocoderWeights | None:
    """Reads the vocoder of the bundle that a run began with, if it has one for its frames."""
    if not vocoder_files.has_vocoder(run / ORIGIN):
        return None
    vocoder = vocoder_files.read(run / ORIGIN)
    # One for other frames is left behind: it would make noise of these.
    return vocoder if vocoder.spec == mel else None


def heard_in(run: Path, performances: Sequence[Performance]) -> tuple[Performance, ...]:
    """Adds to the performances of a run what was heard of them, in it and before it.

    What is not known of the bundle that it began with, or of its data, stays unknown.
    """
    mine: dict[str, Mapping[str, float] | None] = _read(run / DATA_FILE).get("heard", {})
    before: dict[str, Mapping[str, float] | None] = {}
    if (run / ORIGIN / bundles.PERFORMANCES).exists():
        listed = _read(run / ORIGIN / bundles.PERFORMANCES)
        before = {p.name: p.heard for p in map(Performance.from_dict, listed)}
    found = []
    for p in performances:
        parts = [heard[p.name] for heard in (before, mine) if p.name in heard]
        known = [part for part in parts if part is not None]
        total = None
        # A sum in which something is unknown is unknown: too little would be taken for never heard.
        if parts and len(known) == len(parts):
            groups = dict.fromkeys(name for part in known for name in part)
            total = {g: round(sum(part.get(g, 0.0) for part in known), 1) for g in groups}
        found.append(dataclasses.replace(p, heard=total))
    return tuple(found)


def read_provenance(run: Path, step: int | None) -> dict[str, Any]:
    """Returns how the weights of a run at some step came about, as JSON values.

    Args:
      run: its folder.
      step: of the weights.
    """
    data, budget = _read(run / DATA_FILE), _read(run / BUDGET_FILE)
    seconds = budget.get("spent_seconds")
    return {
        "steps": step,
        "batch_size": data.get("batch_size"),
        "segment_seconds": data.get("segment_seconds"),
        "minutes": None if seconds is None else round(seconds / 60, 1),
        "data": data.get("sources", []),
        "origin": _read(run / ORIGIN / PROVENANCE_FILE) or None,
    }


def write_provenance(folder: Path, provenance: Mapping[str, Any]) -> None:
    """Writes into a bundle what `read_provenance` returned."""
    _write(folder / PROVENANCE_FILE, provenance)


def _last_step(run: Path) -> int | None:
    steps = [int(p.name) for p in (run / CHECKPOINTS).iterdir() if p.name.isdigit()]
    return max(steps, default=None)


def _history_of_old(folder: Path) -> dict[str, Any]:
    """Returns what a bundle without provenance says of its training elsewhere."""
    # In a row that `mt3synth export` has always written.
    card = (folder / CARD).read_text("utf-8") if (folder / CARD).is_file() else ""
    # Read off the text: there was nothing else.
    steps = re.search(r"after (\d+) training steps", card)
    corpus = _read(folder / CORPUS_FILE)
    return {
        "steps": None if steps is None else int(steps[1]),
        "data": [_shown_of(corpus)] if corpus else [],
    }


def _shown_of(source: Mapping[str, Any]) -> dict[str, Any]:
    """Returns what a card shows of a corpus.json; the rest is for building the corpus again."""
    shown = ("name", "source", "splits", "scores", "soundfonts")
    return {name: source[name] for name in shown if name in source}


def _write(path: Path, value: Any) -> None:
    write_text(path, json.dumps(value, indent=1, ensure_ascii=False) + "\n")


def _read(path: Path) -> Any:
    """Reads JSON; an empty dictionary if there is no such file.

    Raises:
      UserError: it cannot be read.
    """
    try:
        return read_json(path)
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise UserError(f"{path}: cannot be read: {error}") from error
