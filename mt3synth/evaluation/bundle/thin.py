"""Renders thin music by a bundle and for real, to be measured by the metric of that name."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from copy import copy
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from mt3synth.audio.mel import MelSpec, log_mel
from mt3synth.errors import UserError
from mt3synth.evaluation.bundle.render_set import PieceFiles, PlannedPiece
from mt3synth.evaluation.bundle.renderers import RealRenderer, Renderers
from mt3synth.evaluation.bundle.thin_pieces import (
    GROUPS,
    RING_S,
    STARTS,
    VELOCITIES,
    thin_piece,
    tune,
)
from mt3synth.evaluation.evaluation_set import EvaluationSet, Piece, Problem, Seams
from mt3synth.evaluation.metrics import thin
from mt3synth.reporting.mel_pictures import draw_mels
from mt3synth.symbolic.notes import Notes
from mt3synth.types import FloatND


@dataclass(frozen=True)
class ThinOptions:
    """Says of which instruments thin music is rendered, and in which performances.

        ThinOptions(performances=(0, 5), groups=("piano", "drums"))

    Attributes:
      performances: indices.
      groups: names, of `mt3synth.evaluation.bundle.thin_pieces.GROUPS`.
      velocities: each of which gets pieces of its own.

    Raises:
      UserError: no such group; names the option.
    """

    performances: Sequence[int]
    groups: Sequence[str] = GROUPS
    velocities: Sequence[int] = VELOCITIES

    def __post_init__(self) -> None:
        for name in self.groups:
            if name not in GROUPS:
                raise UserError(f"--thin-groups {name}; must be of {', '.join(GROUPS)}")


def plan_thin(options: ThinOptions) -> list[PlannedPiece]:
    """Lists the pieces: two of each performance, group and velocity, one of them from time 0 on."""
    # Files are as a user's: one that is turned down for a burst is softer, and so it is measured.
    return [
        PlannedPiece(
            song=f"{group}, velocity {velocity}, from {start:g} s",
            stem=f"{group}_{velocity}_from_{start:g}",
            notes=thin_piece(group, velocity, start),
            performance=performance,
            metrics=thin.NAME,
        )
        for performance in options.performances
        for group in options.groups
        for velocity in options.velocities
        for start in STARTS
    ]


def render_thin(
    options: ThinOptions,
    renderers: Renderers,
    seams: Seams,
    identity: dict[str, str],
    folder: Path,
    say: Callable[[str], object],
) -> EvaluationSet:
    """Renders thin music; what cannot be rendered for real is compared with nothing, and said.

    Args:
      options: what to render.
      renderers: by which.
      seams: where segments of the model's renderings meet.
      identity: model and settings; files of another one are made anew.
      folder: made if need be.
      say: is told of each piece.

    Raises:
      UserError: a file cannot be written.
    """
    items = EvaluationSet()
    unheard: set[str] = set()
    pieces = plan_thin(options)
    for number, piece in enumerate(pieces, 1):
        name = renderers.names[piece.performance]
        files = PieceFiles(piece, piece.notes.end_time + RING_S, renderers, folder)
        real = None
        # Tried and said once: the next piece of the same performance would fail alike.
        if name not in unheard:
            try:
                real = files.write_real()
            except UserError as error:
                unheard.add(name)
                items.problems.append(Problem(f"thin music, {name}, real", str(error)))
        items.pieces.append(
            Piece(
                name=f"{name}/{piece.stem}",
                performance=name,
                generated=files.write_generated(seams, identity),
                real=real,
                notes=partial(copy, piece.notes),
                seams=seams,
                metrics=frozenset({piece.metrics}),
            )
        )
        say(f"{number} of {len(pieces)}: {piece.song} in {name}")
    return items


def real_if_known(
    names: Sequence[str], spec: MelSpec, folders: Sequence[Path], performances: Path | None
) -> Callable[[Notes, int, float], FloatND]:
    """Makes a `RealRenderer`, or what refuses to render if nobody knows the performances.

    Args:
      names, spec, folders, performances: see `RealRenderer`.
    """
    try:
        return RealRenderer(names, spec, folders, performances)
    except UserError as error:
        reason = str(error)

    def refuse(notes: Notes, performance: int, seconds: float) -> FloatND:
        raise UserError(reason)

    return refuse


def draw_tune(performances: Sequence[int], renderers: Renderers, folder: Path) -> dict[str, bytes]:
    """Draws the tune's mel frames in each performance, ours below the real ones if there are any.

    Writes ``tune_PERFORMANCE.png`` into ``folder``, and returns the pictures by caption.
    """
    notes, drawn = tune(), {}
    seconds = notes.end_time + RING_S
    for performance in performances:
        name, panels = renderers.names[performance], {}
        with suppress(UserError):  # the report lists it among what was not measured
            real = renderers.real(notes, performance, seconds)
            panels["real rendering"] = log_mel(real, renderers.mel)
        panels["ours"] = renderers.model(notes, performance, seconds).log_mel
        caption, path = f"tune, performance {name}", folder / f"tune_{name.replace('-', '_')}.png"
        drawn[caption] = draw_mels(panels, renderers.mel, path, caption)
    return drawn
