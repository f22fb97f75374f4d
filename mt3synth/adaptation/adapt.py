"""Gives a model a new performance, from one recording of it."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from contextlib import ExitStack, closing
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from data_pipelines.alignment.align import THRESHOLD
from mt3synth import bundle as bundles
from mt3synth.adaptation.nearest import Nearest, find_nearest
from mt3synth.adaptation.new_bundle import extend, with_performance
from mt3synth.adaptation.take import Take, read_take
from mt3synth.adaptation.take_data import TakeData
from mt3synth.atomic import refuse_existing, scratch_folder
from mt3synth.errors import UserError
from mt3synth.exclusive import hold
from mt3synth.symbolic.group_seconds import group_seconds
from mt3synth.training.diffusion.adaptation import Extent, learn, plan_stages
from mt3synth.training.diffusion.adapted_network import ADDITIONS, ROW, begin_adapted
from mt3synth.training.diffusion.held_out import Judge
from mt3synth.training.parallel.mesh import single_device_mesh
from mt3synth.transcription.loading import BASIC_PITCH, load_transcriber

_BATCH = 8
_JUDGED_BATCHES = 3
"""Of training segments by which the nearest performance is found, beside those held out."""


@dataclass(frozen=True)
class Adapted:
    """Says what was made of a recording.

    Attributes:
      folder: the new bundle.
      name: of the new performance.
      nearest: the known performance with which it began.
      seconds: of the recording that were used.
      notes: where its notes are from, in words.
      losses: on what was held out, of the beginning and after each stage, by name.
    """

    folder: Path
    name: str
    nearest: str
    seconds: float
    notes: str
    losses: Mapping[str, tuple[float, float]]

    def __str__(self) -> str:
        stages = "; ".join(
            f"{stage} {before:.4f} to {after:.4f}" for stage, (before, after) in self.losses.items()
        )
        return (
            f"{self.folder}: performance {self.name!r} from {self.seconds:.0f} s, notes "
            f"{self.notes}; begun with {self.nearest}; loss on what was held out: {stages}"
        )


def adapt(
    audio: str | Path,
    name: str,
    folder: str | Path,
    *,
    midi: str | Path | None = None,
    bundle: str | Path | None = None,
    minutes: float | None = None,
    added_steps: int | None = None,
    description: str | None = None,
    transcriber: str | None = None,
    program: int | None = None,
    threshold: float = THRESHOLD,
    rank: int = Extent.rank,
    denoiser: bool = Extent.denoiser,
    steps: int = Extent.steps,
    seed: int = 0,
    run: str | Path | None = None,
    say: Callable[[str], object] = print,
) -> Adapted:
    """Makes a copy of a bundle that has the performance of a recording beside its own.

        import mt3synth

        mt3synth.adapt("take.wav", "my room", "bundles/mine", midi="take.mid", minutes=30)
        mt3synth.load("bundles/mine").render("song.mid", "my room").write("song.wav")

    All other performances sound as they did, to the last bit.

    Args:
      audio: the recording, 30 s or more.
      name: of the new performance.
      folder: of the new bundle; must not exist yet.
      midi: what is played in it. Where its notes are not at the times of the sound they are
        aligned to it; None has them transcribed.
      bundle: the model; None takes the one that comes with the package.
      minutes: in which the performance learns what it adds to the weights; None for an embedding
        alone.
      added_steps: the same in steps instead of minutes, which give the same result anywhere.
      description: of the performance, for people.
      transcriber: who hears the notes where there is no MIDI; None is basic-pitch.
      program: General MIDI program for all notes but drums; None leaves what they have.
      threshold: of the confidence of an alignment.
      rank: of what is added to each matrix of weights.
      denoiser: whether the denoiser around a prior learns, too; without steps of sampling, with
        which the default bundle renders, it is not heard.
      steps: in which the embedding is learned.
      seed: of all that is drawn.
      run: folder for what is written while it learns, in which the same call goes on if it was
        interrupted; None takes one that is removed in the end.
      say: is told what is being done.

    Raises:
      UserError: the recording cannot be used, its notes are not those of the sound, or the bundle
        cannot get a performance of that name, or the folder exists.
    """
    audio, folder = Path(audio), Path(folder)
    if program is not None and not 0 <= program <= 127:
        raise UserError(f"program={program}; must be in 0..127")
    try:
        extent = Extent(steps, minutes, added_steps, rank, denoiser)
    except ValueError as error:
        raise UserError(str(error)) from error
    # All that can be refused at a glance is, before a second of sound is read.
    model = bundles.load(bundles.DEFAULT if bundle is None else Path(bundle))
    described = f"Learned from {audio.name}." if description is None else description
    performance = with_performance(model, name, described)
    refuse_existing(folder)
    hears = None if midi is not None else load_transcriber(transcriber or BASIC_PITCH)
    take = read_take(audio, None if midi is None else Path(midi), hears, program, threshold)
    say(f"{audio}: {take.seconds:.0f} s with {len(take.notes)} notes, {take.origin}")
    spec = model.spec
    stages = plan_stages(spec, extent, _BATCH, seed)
    with ExitStack() as stack:
        # Before minutes of learning, and not when the bundle is to be written at their end.
        stack.enter_context(hold(folder))
        work = stack.enter_context(scratch_folder()) if run is None else Path(run)
        data = TakeData(take, spec, name)
        nearest = _find_nearest(model, data, seed)
        say(f"nearest: {nearest.name} (loss {nearest.loss:.4f})")
        params, losses = begin_adapted(model.params, nearest.row, 0, seed), {}
        for stage in stages:
            if stage.rank and ADDITIONS not in params:
                params = begin_adapted(model.params, params[ROW], stage.rank, seed)
            params, before, after = learn(spec, data, stage, params, work / stage.name)
            losses[stage.name] = before, after
            say(f"{stage.name}: loss {before:.4f} to {after:.4f}")
    heard = group_seconds(take.notes, spec.roll.groups, spec.roll.drum_seconds)
    heard = {name: round(seconds, 1) for name, seconds in heard.items()}
    performance = dataclasses.replace(performance, heard=heard)
    adapted = Adapted(folder, name, nearest.name, take.seconds, take.origin, losses)
    extend(model, folder, performance, params[ROW], params.get(ADDITIONS), _remark(adapted, take))
    # A bundle that cannot be read back is not worth having.
    bundles.load(folder)
    return adapted


def _find_nearest(model: bundles.Bundle, data: TakeData, seed: int) -> Nearest:
    spec, mesh = model.spec, single_device_mesh()
    with closing(data.training(spec, _BATCH, seed, 0)) as batches:
        judged = list(islice(batches, _JUDGED_BATCHES))
    judged += list(data.validation(spec, _BATCH))
    return find_nearest(model, Judge(spec, judged, 0, spec.has_prior, seed, mesh))


def _remark(adapted: Adapted, take: Take) -> str:
    """Writes what a model card says of a performance that was learned later."""
    stages = ", ".join(
        f"{stage} from {before:.4f} to {after:.4f}"
        for stage, (before, after) in adapted.losses.items()
    )
    return (
        f"## Learned later: `{adapted.name}`\n\n"
        f"From {adapted.seconds:.0f} s of `{take.audio.name}` (notes {adapted.notes}), whose "
        f"licence holds for this performance too. It began with `{adapted.nearest}`. Loss on the "
        f"end of the recording, which was held out: {stages}. All other performances are as they "
        "were."
    )
