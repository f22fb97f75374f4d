"""A model that was exported to ONNX beside ours: how far apart they are, how long each takes.

    mt3synth export --onnx anywhere --steps 8
    python tests/benchmarks/portable.py anywhere docs/examples/bach_chorale.mid

Both make frames and sound once unmeasured, which compiles, and then twice; the shorter counts. The
script opens its programs anew each time, as it does for a user. The third difference is ours from
ours of frames that were changed by 5e-7 of their value at most.
"""

from __future__ import annotations

import argparse
import json
import runpy
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

import mt3synth
from mt3synth.score import Span, read_score
from mt3synth.vocoder.protocol import vocode_song


def main() -> int:
    """Prints a row for the table in docs/onnx.md."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, help="made by export --onnx of the default bundle")
    parser.add_argument("song", type=Path)
    args = parser.parse_args()
    steps = len(json.loads((args.folder / "model.json").read_text())["steps"])
    sys.path.insert(0, str(args.folder))
    theirs = runpy.run_path(str(args.folder / "render.py"))
    model = mt3synth.load()
    renderer = model.renderer(steps=steps)
    notes = read_score(args.song, Span(), model.spec).notes
    index = model.bundle.performance(None).index
    config = renderer.config.for_model(model.spec)

    rows = theirs["read_midi"](args.song.read_bytes())
    mel, seconds = timed(lambda: renderer.synthesizer.mel(notes, index, config))
    made, theirs_seconds = timed(lambda: theirs["frames"](rows, index, 0))
    rng = np.random.default_rng(0)
    # A change in the last digits of the frames: how much of the difference in sound is due to that.
    nearly = mel * (1 + 1e-7 * rng.uniform(-5, 5, mel.shape)).astype(np.float32)
    ours, vocoding = timed(lambda: vocode_song(renderer.vocoder, mel))
    sound, theirs_vocoding = timed(lambda: vocode(theirs, made))
    apart = np.abs(sound - ours).max()
    touched = np.abs(vocode_song(renderer.vocoder, nearly) - ours).max()
    print(
        f"| {args.song.name} | {steps} | {np.abs(made - mel).max():.1e} | {apart:.1e} | "
        f"{touched:.1e} | {seconds:.1f} + {vocoding:.1f} s | "
        f"{theirs_seconds:.1f} + {theirs_vocoding:.1f} s |"
    )
    return 0


def vocode(theirs: dict[str, Any], mel: np.ndarray) -> np.ndarray:
    """Makes sound by the script's own vocoder."""
    made: np.ndarray = theirs["vocode"](theirs["program"]("vocoder"), mel, theirs["M"])
    return made


def timed(function: Callable[[], Any]) -> tuple[Any, float]:
    """Calls a function, and then twice more; returns the last outcome, least seconds."""
    function()
    least = np.inf
    for _ in range(2):
        began = time.perf_counter()
        outcome = function()
        least = min(least, time.perf_counter() - began)
    return outcome, least


if __name__ == "__main__":
    sys.exit(main())
