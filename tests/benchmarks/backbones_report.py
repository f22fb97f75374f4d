"""Shows what `backbones.py` has found: ``python tests/benchmarks/backbones_report.py STUDY``.

Prints tables in Markdown for each budget: what was learned, distances, and notes found again, F1
with recall in brackets. With --pictures it draws there the validation losses over the share of the
budget, ``ladder.svg``, and in ``ladder_excerpt.png`` one excerpt as it is, as a sketch, and as
rendered by the arm whose notes are heard best and by the roll U-Net.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from backbones import BATCH, MEASURED, heard_f1, read_losses, read_rows
from backbones_arms import ARMS, FORMER, FRAMES, TOGETHER
from backbones_measure import REAL, REFERENCE, VOCODED

from mt3synth.audio.mel import MELGAN
from mt3synth.evaluation.metrics.note_counts import NoteCounts, pooled
from mt3synth.reporting.mel_pictures import draw_mels

CURVES, EXCERPT = "ladder.svg", "ladder_excerpt.png"


@dataclass(frozen=True, eq=False)
class Found:
    """What was found of one arm.

    Attributes:
      folder: of the arm.
      says: what it is.
      parameters: of the network.
      losses: by diffusion time, (update, loss) pairs.
      updates: in all.
      rows: of its renderings, by steps.
    """

    folder: Path
    says: str
    parameters: int
    losses: dict[str, list[tuple[int, float]]]
    updates: int
    rows: dict[int, dict[str, Any]]

    def distance(self, steps: int) -> float | None:
        """Returns the mean log-mel L1 of the rendering in so many steps."""
        row = self.rows.get(steps)
        return None if row is None else float(np.mean(row["log_mel_l1"]))

    @property
    def few(self) -> int:
        """Returns the number of steps by which arms compare: 8, or the most below."""
        return max(steps for steps in self.rows if steps <= 8)


def main(argv: Sequence[str] | None = None) -> int:
    """Prints the tables and draws the pictures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("study", type=Path, help="--out of backbones.py")
    parser.add_argument("--pictures", type=Path, help="folder for pictures")
    options = parser.parse_args(argv)
    rates = json.loads((options.study / "rates.json").read_text())
    reference = {row["what"]: row for row in read_rows(options.study / REFERENCE)}
    budgets = sorted(options.study.glob("*min"), key=lambda path: float(path.name[:-3]))
    studies = {folder.name[:-3]: find(folder, rates) for folder in budgets}
    for minutes, arms in studies.items():
        if arms:
            print(f"**{minutes} minutes**\n")
            print(learning_table(arms, rates) + "\n")
            print(distance_table(arms, reference) + "\n")
            print(heard_table(arms, reference) + "\n")
    if options.pictures:
        options.pictures.mkdir(parents=True, exist_ok=True)
        (options.pictures / CURVES).write_text(curves(studies))
        draw_excerpt(list(studies.values()), options.pictures / EXCERPT)
    return 0


def find(folder: Path, rates: dict[str, Any]) -> dict[str, Found]:
    """Reads the arms of one budget that are measured, in the order of the table of arms."""
    found = {}
    for name in [*ARMS, TOGETHER]:
        rows = read_rows(folder / name / MEASURED)
        if not rows:
            continue
        losses = read_losses(folder / name / "run")
        updates = max(step for pairs in losses.values() for step, _ in pairs)
        if name == TOGETHER:
            arm = json.loads((folder.parent / f"{TOGETHER}.json").read_text())["arm"]
            says = arm["says"]
        else:
            says = ARMS[name].says
        by_steps = {row["steps"]: row for row in rows}
        parameters = rates[name]["parameters"]
        found[name] = Found(folder / name, says, parameters, losses, updates, by_steps)
    return found


def learning_table(arms: dict[str, Found], rates: dict[str, Any]) -> str:
    """Writes what each arm learned: updates and validation losses."""
    times = list(next(iter(arms.values())).losses)
    head = ["arm", "what", "parameters", "segments/s", "updates", "music heard"]
    head += [f"loss at {time}" for time in times]
    rows = []
    for name, each in arms.items():
        heard = each.updates * BATCH * FRAMES / MELGAN.frame_rate
        cells = [f"`{name}`", each.says, f"{each.parameters / 1e6:.1f} M"]
        cells += [f"{BATCH * rates[name]['whole']:.1f}", str(each.updates), f"{heard / 3600:.1f} h"]
        rows.append(cells + [f"{each.losses[time][-1][1]:.3f}" for time in times])
    return _markdown(head, rows)


def distance_table(arms: dict[str, Found], reference: dict[str, Any]) -> str:
    """Writes how far each arm is from the real frames, and from the real sound as a whole."""
    steps = sorted({steps for each in arms.values() for steps in each.rows})
    head = ["arm", *(f"{what}, {_named(s)}" for what in ("L1", "FAD") for s in steps)]
    rows = []
    for name, each in arms.items():
        fads = [each.rows[s]["fad"] if s in each.rows else None for s in steps]
        rows.append([f"`{name}`", *map(_number, [*map(each.distance, steps), *fads])])
    fad = _number(reference[VOCODED].get("fad"))
    return _markdown(head, [*rows, ["vocoded sound", *[""] * len(steps), *[fad] * len(steps)]])


def heard_table(arms: dict[str, Found], reference: dict[str, Any]) -> str:
    """Writes which of the notes each judge finds again in what an arm has made."""
    columns = [
        (judge, steps)
        for judge in reference[REAL]["notes"]
        for steps in sorted({steps for each in arms.values() for steps in each.rows})
        if any(judge in each.rows.get(steps, {"notes": {}})["notes"] for each in arms.values())
    ]
    rows = [
        [f"`{name}`", *(_heard(each.rows.get(steps), judge) for judge, steps in columns)]
        for name, each in arms.items()
    ]
    for what in (VOCODED, REAL):
        rows.append([f"{what} sound", *(_heard(reference[what], judge) for judge, _ in columns)])
    return _markdown(["arm", *(f"{judge}, {_named(steps)}" for judge, steps in columns)], rows)


def _named(steps: int) -> str:
    return "sketch" if steps == 0 else f"{steps} step" + "s" * (steps > 1)


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.3f}"


def _heard(row: dict[str, Any] | None, judge: str) -> str:
    if row is None or judge not in row["notes"]:
        return ""
    counts = pooled(NoteCounts(*counted) for counted in row["notes"][judge])
    return f"{counts.f1:.3f} ({counts.recall:.2f})"


def _markdown(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def curves(studies: dict[str, dict[str, Found]]) -> str:
    """Draws an SVG: a row for each budget, a panel for each diffusion time."""
    import io

    from matplotlib import rc_context
    from matplotlib.figure import Figure

    drawn = {minutes: arms for minutes, arms in studies.items() if arms}
    times = list(next(iter(next(iter(drawn.values())).values())).losses)
    names = list(dict.fromkeys(name for arms in drawn.values() for name in arms))
    figure = Figure(figsize=(11.0, 0.8 + 2.8 * len(drawn)), layout="constrained")
    panels = figure.subplots(len(drawn), len(times), squeeze=False)
    for row, (minutes, arms) in zip(panels, drawn.items()):
        for axis, time in zip(row, times):
            for name, each in arms.items():
                index = names.index(name)
                steps, values = zip(*each.losses[time])
                share = [step / each.updates for step in steps]
                # Twenty colours come in pairs; the former network stands out in black.
                colour = "black" if name == FORMER else f"C{index % 10}"
                line = "--" if index >= 10 else "-"
                axis.plot(share, values, line, color=colour, label=name, linewidth=1.2)
            axis.set_title(f"{minutes} min, time {time}", fontsize=9, loc="left")
            axis.set_yscale("log")
            axis.spines[["top", "right"]].set_visible(False)
            axis.grid(alpha=0.25, which="both")
        row[0].set_ylabel("validation loss")
    for axis in panels[-1]:
        axis.set_xlabel("share of the budget")
    handles: dict[str, Any] = {}
    for axis in panels[:, 0]:
        handles |= {label: line for line, label in zip(*axis.get_legend_handles_labels())}
    figure.legend(handles.values(), handles, loc="outside upper center", ncols=7, fontsize=8)
    written = io.StringIO()
    # The same bytes for the same study: no date, no names drawn by chance; text as text.
    with rc_context({"svg.hashsalt": "ladder", "svg.fonttype": "none"}):
        figure.savefig(written, format="svg", metadata={"Date": None})
    return written.getvalue()


def draw_excerpt(studies: Sequence[dict[str, Found]], path: Path) -> None:
    """Draws the first excerpt: real, sketch, the best rendering of few steps, the former's."""
    arms = [(name, each) for study in studies for name, each in study.items()]
    with_prior = [(name, each) for name, each in arms if 0 in each.rows]
    if not with_prior:
        return
    # Not by the distance: that is least where all that is uncertain is smoothed away.
    name, best = max(with_prior, key=lambda item: heard_f1([*item[1].rows.values()]))
    frames = dict(np.load(best.folder / "excerpt.npz"))
    panels = {
        "real": frames["real"],
        f"sketch of `{name}`": frames["steps_0"],
        f"`{name}`, {_named(best.few)}": frames[f"steps_{best.few}"],
    }
    former = [each for other, each in arms if other == FORMER]
    if former:
        most = max(former[-1].rows)
        drawn = np.load(former[-1].folder / "excerpt.npz")[f"steps_{most}"]
        panels[f"`{FORMER}`, {_named(most)}"] = drawn
    draw_mels(panels, MELGAN, path, "opening of the test split")


if __name__ == "__main__":
    raise SystemExit(main())
