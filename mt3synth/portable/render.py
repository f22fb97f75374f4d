"""By NumPy and onnxruntime alone: render.py song.mid song.wav [performance [seed]]."""

import json
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnxruntime
from midi import read_midi
from sampler import sample
from sound import vocode, write_wav
from windows import join, list_notes, split_frames, to_mel

HERE = Path(__file__).parent
M = json.loads((HERE / "model.json").read_text())
NAMES = [name for name, description in M["performances"]]


def render(
    song: str, wav: str, performance: str = NAMES[M["performance"]], seed: str = "0"
) -> None:
    """Renders a file; the seed is of the noise, if the model takes steps."""
    if performance not in NAMES:
        raise ValueError(f"there is no performance {performance}; choose of {', '.join(NAMES)}")
    notes = read_midi(Path(song).read_bytes())
    mel = frames(notes, NAMES.index(performance), int(seed))
    write_wav(wav, vocode(program("vocoder"), mel, M), M["rate"])


def frames(notes: np.ndarray, performance: int, seed: int) -> np.ndarray:
    """Makes the log-mel frames of rows of `read_midi`, `[T, M]`."""
    prior, (lists, count) = program("prior"), list_notes(notes, M)
    chosen = np.array([performance], np.int32)
    windows = [prior(notes=each, performance=chosen) for each in lists]
    canvas = join([window.pop("frames") for window in windows], M)
    if M["steps"]:
        denoiser = program("denoiser")

        def denoise(x_t: np.ndarray, time: float) -> np.ndarray:
            told, at = zip(split_frames(x_t, M), windows), np.array([time], np.float32)
            return join([denoiser(x_t=x, time=at, **context)["x0"] for x, context in told], M)

        canvas = sample(denoise, canvas, M["steps"], M["start"], seed)
    return to_mel(canvas, count, M)


def program(name: str) -> Callable[..., dict[str, np.ndarray]]:
    """Opens a program beside this script, which takes and gives arrays by name."""
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3  # not what an exporter left unused
    session = onnxruntime.InferenceSession(str(HERE / f"{name}.onnx"), options)
    names = [each.name for each in session.get_outputs()]
    return lambda **given: dict(zip(names, session.run(None, given)))


if __name__ == "__main__":
    if not 3 <= len(sys.argv) <= 5:
        sys.exit(__doc__)
    try:
        render(*sys.argv[1:])
    except (OSError, ValueError, OverflowError) as error:
        sys.exit(f"{sys.argv[1]}: {error}")
