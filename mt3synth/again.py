"""Renders again what changed in a song, and leaves every sample outside of that as it was.

The windows in which the network is told something else than it was are sampled anew, at each step
blended with the frames around them. Then as much sound is made as lies over them, and a little
before and after, and put into the earlier one (`mt3synth.splice`).
"""

from __future__ import annotations

import math

import numpy as np

from mt3synth.audio.level import GAIN, LIMITED, limit_peaks, read_gain
from mt3synth.audio.mel import MelSpec
from mt3synth.earlier import Earlier
from mt3synth.errors import UserError
from mt3synth.renderer import OnStep, Renderer
from mt3synth.score import Score
from mt3synth.song import Song
from mt3synth.splice import splice
from mt3synth.symbolic.notes import Notes
from mt3synth.synthesis.sampling import SettledSampling
from mt3synth.synthesis.stretches import Stretch, asked_stretch, changed_stretches
from mt3synth.times import write_time
from mt3synth.types import Float, FloatND
from mt3synth.vocoder.protocol import vocode_song

LEAD_SECONDS = 2.0
"""Of sound that a vocoder makes before a passage and after it: nearer to its ends it differs."""

AGAIN = "again"
"""Name, in a file's metadata, of the passages that were rendered again last."""

_SETTLED = ("software", "bundle", "start", "end", "channels", "tuning", "keyboard map", "tempo")
"""Settings that a passage must share with the song around it."""

_REPLACED = ("score", "transpose", GAIN, LIMITED, AGAIN)
"""What may always differ: notes are compared themselves."""


def earlier_of(song: Song) -> Earlier:
    """Takes up a song that is in memory.

    Raises:
      UserError: it was not rendered whole.
    """
    if song.notes is None:
        raise UserError("a song of several parts or treatments cannot be rendered again in part")
    return Earlier(song.title, song.notes, song.mel, song.audio, song.metadata)


def check_whole(renderer: Renderer, score: Score) -> None:
    """Refuses what cannot be rendered again in part, and so needs no sidecar.

    Raises:
      UserError: saying why.
    """
    if not renderer.is_plain(score):
        raise UserError(
            "rendering again in part is for songs that are rendered whole, in mono; this one is by "
            "parts, or in groups of notes for their volume, bends or pan"
        )
    if renderer.config.for_model(renderer.bundle.spec).continuity == "context":
        raise UserError(
            "rendering again in part is not for --continuity context, in which each segment is "
            "told of those before it"
        )


def render_again(
    renderer: Renderer,
    score: Score,
    earlier: Earlier,
    region: tuple[float, float] | None = None,
    on_step: OnStep | None = None,
) -> Song:
    """Renders what changed since an earlier rendering.

    Args:
      renderer: as it was then; for a region performance, seed and sampling may differ.
      score: as it is now.
      earlier: the rendering.
      region: seconds from which to which is rendered again, and nothing else; None finds out by the
        notes.
      on_step: told of the steps of all stretches.

    Raises:
      UserError: the earlier rendering is of another model, version or settings; a region beyond the
        song, or notes that changed outside of it; or what `check_whole` refuses.
    """
    check_whole(renderer, score)
    _check_settings(renderer.metadata(score), earlier, region is not None)
    synthesizer, spec = renderer.synthesizer, renderer.bundle.spec.mel
    settled = renderer.config.for_model(renderer.bundle.spec)
    frames = synthesizer.frames(score.notes, settled)
    if region is None:
        stretches = changed_stretches(
            earlier.notes, score.notes, len(earlier.mel), settled, renderer.bundle.spec
        )
    else:
        stretches = [_asked(region, earlier, score, frames, settled, spec)]
    mel = _lengthened(earlier.mel, frames, math.log(spec.floor))
    audio = _lengthened(earlier.audio, frames * spec.hop, 0.0)
    gain, shares = np.float32(read_gain(earlier.metadata)), renderer.shares(score)
    lead, said = round(LEAD_SECONDS * spec.frame_rate), list[str]()
    for number, stretch in enumerate(stretches):

        def done(step: int, before: int = number * settled.steps) -> None:
            if on_step is not None:
                on_step(before + step, len(stretches) * settled.steps)

        mel = synthesizer.resample(score.notes, shares, settled, stretch, mel, done, said.append)
        low, high = max(stretch.first - lead, 0), min(stretch.last + lead, frames)
        # As loud as the song around it. What is too loud then is limited, and nothing beside it.
        made, _ = limit_peaks(gain * vocode_song(renderer.vocoder, mel[low:high]), spec.sample_rate)
        at, first, last = (frame * spec.hop for frame in (low, stretch.first, stretch.last))
        audio = splice(audio, made, at, first, last, spec)
    passages = ", ".join(
        f"{write_time(max(each.first, 0) / spec.frame_rate)}-"
        f"{write_time(min(each.last, frames) / spec.frame_rate)}"
        for each in stretches
    )
    told = f"rendered again: {passages}; all else is that of {earlier.name}"
    told = told if stretches else f"the same as {earlier.name}"
    reports = (*renderer.reports(score), *dict.fromkeys(said), told)
    # A song of which a passage was asked for otherwise has the settings of the rest of it.
    settings = renderer.metadata(score) if region is None else earlier.metadata
    kept = {name: earlier.metadata[name] for name in (GAIN, LIMITED) if name in earlier.metadata}
    metadata = {**settings, **kept, **({AGAIN: passages} if stretches else {})}
    return Song(audio, mel, spec, float(gain), reports, metadata, notes=score.notes)


def _check_settings(ours: dict[str, str], earlier: Earlier, region: bool) -> None:
    theirs = earlier.metadata
    for name, what in (("bundle", "model"), ("software", "version")):
        if theirs.get(name) != ours[name]:
            raise UserError(
                f"{earlier.name}: rendered by another {what} ({name} {theirs.get(name)}, this is "
                f"{ours[name]}); render it anew"
            )
    for name in {**theirs, **ours}:
        free = name in _REPLACED or (region and name not in _SETTLED)
        if not free and theirs.get(name) != ours.get(name):
            other = "" if region else ", or a --region that is to sound otherwise"
            raise UserError(
                f"{earlier.name}: rendered with {name} {theirs.get(name, 'not set')}, now it is "
                f"{ours.get(name, 'not set')}; give the same options{other}"
            )


def _asked(
    region: tuple[float, float],
    earlier: Earlier,
    score: Score,
    frames: int,
    settled: SettledSampling,
    spec: MelSpec,
) -> Stretch:
    """Returns the stretch of a region, outside of which no note may have changed."""
    start, end = region
    seconds = frames / spec.frame_rate
    # Written so that NaN is refused as well.
    if not 0 <= start < end < math.inf:
        raise UserError(f"region {start} to {end} s; must begin at 0 or later, and before it ends")
    if start >= seconds:
        raise UserError(
            f"region {write_time(start)}-{write_time(end)} is after the song, which ends at "
            f"{write_time(seconds)}"
        )
    # The tail moves with the last note.
    if frames != len(earlier.mel):
        end = max(end, seconds)
    changed = _rows(earlier.notes) ^ _rows(score.notes)
    outside = [row[0] for row in changed if row[0] < start or row[1] > end]
    if outside:
        raise UserError(
            f"notes changed outside the region, the first at {write_time(min(outside))}; leave out "
            "--region to render them again as well"
        )
    return asked_stretch((start, end), frames, settled, spec.frame_rate)


def _rows(notes: Notes) -> set[tuple[float, ...]]:
    columns = (notes.start, notes.end, notes.pitch, notes.velocity, notes.program, notes.is_drum)
    return set(map(tuple, np.stack(columns, axis=1).astype(float).tolist()))


def _lengthened(values: FloatND, length: int, fill: float) -> Float[np.ndarray, "L *M"]:
    """Returns as many rows as that: the first, or all and as many more that are ``fill``."""
    missing = max(0, length - len(values))
    around = [(0, missing)] + [(0, 0)] * (values.ndim - 1)
    return np.pad(values[:length], around, constant_values=fill).astype(np.float32)
