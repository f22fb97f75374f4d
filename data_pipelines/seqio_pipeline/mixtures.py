"""Registers several data sets as one SeqIO mixture."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

from data_pipelines.reading.segments import training_starts
from data_pipelines.reading.tfrecord_songs import list_shard
from data_pipelines.seqio_pipeline.tasks import get_task
from mt3synth.errors import UserError


def register_mixture(name: str, tasks: Sequence[str], temperature: float = 1.0) -> str:
    """Registers the mixtures ``<name>_train`` and ``<name>_eval`` with SeqIO and returns ``name``.

    A task of n training segments has the rate n ** (1 / temperature): with 1 every segment is as
    likely as any other, and the greater the temperature, the more alike are the data sets, as in
    Raffel et al. 2020 (arXiv 1910.10683, section 3.5.2). Lengths are looked up when a rate is first
    asked for. Registering a name again replaces it.

    Args:
      name: of the two mixtures.
      tasks: names as given to ``register_tasks``, all with the same mel spec and segment lengths.
      temperature: above 0.

    Raises:
      UserError: a task is not registered.
      ValueError: no tasks, one of them twice, or a temperature that is not positive.
    """
    if not tasks or len(set(tasks)) < len(tasks):
        raise ValueError(f"tasks={list(tasks)}; must be at least one, and each once")
    if not 0 < temperature < float("inf"):
        raise ValueError(f"temperature={temperature}; must be positive and finite")

    import seqio

    # Asked once a task, for it reads every shard; and late, for a task may never be read.
    @cache
    def rate(task: Any) -> float:
        return _count_segments(task) ** (1 / temperature)

    kinds = ("train", "eval")
    mixtures = {f"{name}_{kind}": [get_task(f"{t}_{kind}").name for t in tasks] for kind in kinds}
    for mixture, parts in mixtures.items():
        if mixture in seqio.MixtureRegistry.names():
            seqio.MixtureRegistry.remove(mixture)
        seqio.MixtureRegistry.add(mixture, parts, default_rate=rate)
    return name


def _count_segments(task: Any) -> int:
    """Counts the segments of one pass over a task's training split.

    Raises:
      UserError: a file is damaged, or there are no songs.
    """
    cut = task.preprocessors[-1].keywords["cut"]
    songs = [song for path in task.source.list_shards("train") for song in list_shard(Path(path))]
    if not songs:
        raise UserError(f"{task.name}: split train has no songs; build the data set again")
    lengths = (cut.spec.frames(song.audio.samples) for song in songs)
    return sum(len(training_starts(length, cut.frames, 0)) for length in lengths)
