"""Old names of what gin files can name, with the new ones, for the answer to whoever still writes
the old.

A renamed class, function or parameter is entered here with its renaming.
"""

from __future__ import annotations

import importlib

_SEQIO = "data_pipelines.seqio_pipeline"
_TRAINING = "mt3synth.training"

MODULES = {
    "data_pipelines.training_data": "data_pipelines.open_data",
    "data_pipelines.array_data": "data_pipelines.open_data",
    "data_pipelines.array_songs": "data_pipelines.reading.numpy_songs",
    "data_pipelines.batches": "data_pipelines.open_data",
    "data_pipelines.corpus_data": "data_pipelines.open_data",
    "data_pipelines.augmentation": "data_pipelines.reading.augmentation",
    "data_pipelines.features": "data_pipelines.reading.features",
    "data_pipelines.vocoder_data": "data_pipelines.reading.vocoder_data",
    "data_pipelines.converters": f"{_SEQIO}.converters",
    "data_pipelines.mixtures": f"{_SEQIO}.mixtures",
    "data_pipelines.preprocessors": f"{_SEQIO}.preprocessors",
    "data_pipelines.tasks": f"{_SEQIO}.tasks",
    f"{_TRAINING}.config": f"{_TRAINING}.diffusion.config",
    f"{_TRAINING}.run": f"{_TRAINING}.diffusion.run",
    f"{_TRAINING}.showcase": f"{_TRAINING}.diffusion.samples",
    f"{_TRAINING}.budget": f"{_TRAINING}.optim.time_budget",
    f"{_TRAINING}.freezing": f"{_TRAINING}.optim.freezing",
    f"{_TRAINING}.learning_rate": f"{_TRAINING}.optim.learning_rate",
    f"{_TRAINING}.optimizer": f"{_TRAINING}.optim.optimizer",
    f"{_TRAINING}.mesh": f"{_TRAINING}.parallel.mesh",
    "mt3synth.vocoder.choices": "mt3synth.vocoder.registry",
}
"""New module by old one; what is in it keeps its name unless `SELECTORS` says otherwise."""

SELECTORS = {
    # What reads a data set is chosen by the data set since then.
    "data_pipelines.array_data.ArrayData": "data_pipelines.open_data.open_data",
    "data_pipelines.batches.training_batches": "data_pipelines.open_data.open_data",
    "data_pipelines.batches.evaluation_batches": "data_pipelines.open_data.open_data",
    "data_pipelines.corpus_data.CorpusData": "data_pipelines.open_data.open_data",
    f"{_TRAINING}.loop.TrainConfig": f"{_TRAINING}.diffusion.config.TrainConfig",
    f"{_TRAINING}.showcase.ShowcaseConfig": f"{_TRAINING}.diffusion.samples.SamplesConfig",
    f"{_TRAINING}.loop.train": f"{_TRAINING}.diffusion.run.run",
}
"""New module and name by old ones, where not only the module is another."""

PARAMETERS: dict[str, str] = {
    "model_spec.make_spec.window": "model_spec.make_spec.segment_frames",
    "run.run.showcase": "run.run.samples",
    "run.run.window": "model_spec.make_spec.segment_frames",
    # What the model is goes to its specification, and a run gets that: run.run.make_spec.
    **{
        f"run.run.{n}": f"model_spec.make_spec.{n}" for n in ("network", "diffusion", "mel", "roll")
    },
}
"""What to bind instead of a parameter, both with the last module, such as ``run.run.profile``."""


def answer_module(module: str) -> str | None:
    """Says where a module went, or None if it is not one that moved.

    Args:
      module: its full name, or the last part of it.
    """
    for old, new in MODULES.items():
        if not _ends(old, module):
            continue
        before, (package, _, name) = old.rpartition(".")[2], new.rpartition(".")
        if module == name:
            continue  # it is called so to this day, and was only not imported
        renamed = [
            f"{_short(a)} is {_short(b)}" for a, b in SELECTORS.items() if a.startswith(f"{old}.")
        ]
        if before != name and not renamed:
            renamed = [f"{name}.NAME for {before}.NAME"]
        also = f" ({'; '.join(renamed)})" if renamed else ""
        return f"{module} has moved: write `from {package} import {name}`{also}"
    return None


def answer_selector(selector: str) -> str | None:
    """Says where a class or function went, or None if it is not one that moved.

    Args:
      selector: as a gin file names it: the last module, or the full one, and the name.
    """
    module, _, name = selector.rpartition(".")
    moved = [new for old, new in SELECTORS.items() if _ends(old, selector)]
    moved += [f"{new}.{name}" for old, new in MODULES.items() if module and _ends(old, module)]
    for new in moved:
        # A name that never was is a mistake of another kind.
        if _short(new) != selector and _exists(new):
            package, _, last = new.rpartition(".")[0].rpartition(".")
            return f"{selector} has moved: write {_short(new)}, of `from {package} import {last}`"
    return None


def answer_parameter(selector: str, parameter: str) -> str | None:
    """Says what to bind instead of a parameter, or None if it is not one that was renamed."""
    old = f"{_short(selector)}.{parameter}"
    return f"{old} is now {PARAMETERS[old]}" if old in PARAMETERS else None


def _ends(full: str, part: str) -> bool:
    return full == part or full.endswith(f".{part}")


def _short(full: str) -> str:
    """Returns the last two parts, as gin files have them."""
    return ".".join(full.split(".")[-2:])


def _exists(full: str) -> bool:
    module, _, name = full.rpartition(".")
    try:
        return hasattr(importlib.import_module(module), name)
    except ImportError:  # it needs a library that is not installed here
        return True
