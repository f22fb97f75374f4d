"""Shows what `backbones.py` has found: ``python tests/benchmarks/backbones_report.py STUDY PNG``.

Prints a table in Markdown and draws the validation losses over the share of the budget.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from backbones import BATCH, VARIANTS

from mt3synth.model_spec import ModelSpec
from mt3synth.reporting.mel_pictures import png_of_few_colours
from mt3synth.training.run_folder import SPEC_FILE

LOSS = "validation/loss_at_"
_STYLES = {
    "t5-tokens": ("#1f5a91", "-"),
    "t5-event-time": ("#1f5a91", "--"),
    "t5-roll": ("#2a8f7a", "-"),
    "t5-hybrid": ("#7a4fa3", "-"),
    "unet": ("#d1682a", "-"),
    "unet-hybrid": ("#d1682a", "--"),
}


@dataclass(frozen=True, eq=False)
class Found:
    """One network: what was found of it.

    Attributes:
      rate: what ``rates.json`` says of it.
      losses: by diffusion time, (update, loss) pairs.
      updates: in all.
      seconds: of music heard.
      notes: F1 of its renderings, of the real ones and of those vocoded, as the report has them.
    """

    rate: dict[str, float]
    losses: dict[str, list[tuple[int, float]]]
    updates: int
    seconds: float
    notes: dict[str, Any]


def main(argv: Sequence[str] | None = None) -> int:
    """Prints the table and draws the curves."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("study", type=Path, help="--out of backbones.py")
    parser.add_argument("picture", type=Path)
    options = parser.parse_args(argv)
    rates = json.loads((options.study / "rates.json").read_text())
    networks = {
        name: found(options.study / name, rates[name])
        for name in VARIANTS
        if (options.study / name / "report" / "report.json").exists()
    }
    print(table(networks))
    options.picture.write_bytes(curves(networks))
    return 0


def found(folder: Path, rate: dict[str, float]) -> Found:
    """Reads what lies in the folder of one network."""
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    events = EventAccumulator(str(folder / "run" / "tensorboard"), size_guidance={"scalars": 0})
    events.Reload()
    losses = {
        tag.removeprefix(LOSS): [(event.step, event.value) for event in events.Scalars(tag)]
        for tag in events.Tags()["scalars"]
        if tag.startswith(LOSS)
    }
    updates = max(step for pairs in losses.values() for step, _ in pairs)
    spec = ModelSpec.from_dict(json.loads((folder / "run" / SPEC_FILE).read_text()))
    seconds = updates * BATCH * spec.segment_frames / spec.mel.frame_rate
    notes = json.loads((folder / "report" / "report.json").read_text())["transcription"]
    return Found(rate, losses, updates, seconds, notes)


def table(networks: dict[str, Found]) -> str:
    """Writes a table in Markdown, a row for each network."""
    times = list(next(iter(networks.values())).losses)
    head = ["network", "parameters", "segments/s", "updates", "music heard"]
    head += [f"loss at {time}" for time in times] + ["note F1"]
    rows = [
        [
            f"`{name}`",
            f"{each.rate['parameters'] / 1e6:.1f} M",
            f"{each.rate['segments_per_second']:.1f}",
            str(each.updates),
            f"{each.seconds / 3600:.1f} h",
            *(f"{each.losses[time][-1][1]:.3f}" for time in times),
            _with_interval(each.notes["ours"]),
        ]
        for name, each in networks.items()
    ]
    notes = next(iter(networks.values())).notes
    said = ", ".join(f"{kind} {notes[kind]['f1']:.3f}" for kind in ("vocoded", "real"))
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines) + f"\n\nNote F1: {said}."


def _with_interval(figures: dict[str, Any]) -> str:
    low, high = figures["interval"]
    return f"{figures['f1']:.3f} [{low:.3f}, {high:.3f}]"


def curves(networks: dict[str, Found]) -> bytes:
    """Draws a PNG with a panel for each diffusion time."""
    from matplotlib.figure import Figure

    times = list(next(iter(networks.values())).losses)
    figure = Figure(figsize=(11.0, 3.4), layout="constrained")
    for axis, time in zip(figure.subplots(1, len(times)), times):
        for name, each in networks.items():
            colour, line = _STYLES[name]
            steps, values = zip(*each.losses[time])
            share = [step / each.updates for step in steps]
            axis.plot(share, values, line, color=colour, label=name, linewidth=1.4)
        axis.set_title(f"time {time}", fontsize=10, loc="left")
        axis.set_xlabel("share of the budget")
        axis.spines[["top", "right"]].set_visible(False)
        axis.grid(alpha=0.25)
    figure.axes[0].set_ylabel("validation loss")
    figure.legend(*figure.axes[0].get_legend_handles_labels(), loc="outside upper center", ncols=6)
    return png_of_few_colours(figure, colours=64)


if __name__ == "__main__":
    raise SystemExit(main())
