"""By NumPy and onnxruntime alone: render.py song.mid song.wav [performance [seed]]."""

import json
import sys
import wave
from pathlib import Path

import numpy as np
import onnxruntime
from midi import read_midi
from sampler import sample
from windows import join, list_notes

HERE = Path(__file__).parent
M = json.loads((HERE / "model.json").read_text())


def render(notes: np.ndarray, performance: int = M["performance"], seed: int = 0) -> np.ndarray:
    """Renders rows of `read_midi` as samples, float32."""
    return sound(frames(notes, performance, seed))


def frames(notes: np.ndarray, performance: int, seed: int) -> np.ndarray:
    """Makes the log-mel frames of rows of `read_midi`, `[T, M]`."""
    prior, (lists, count) = program("prior"), list_notes(notes, M)
    chosen = np.array([performance], np.int32)
    windows = [prior.run(None, {"notes": n, "performance": chosen}) for n in lists]
    canvas = join([made[0] for made in windows], M["overlap"])
    if M["steps"]:
        denoiser, hop = program("denoiser"), M["window"] - M["overlap"]
        _, *names = (each.name for each in prior.get_outputs())

        def denoise(x_t: np.ndarray, time: np.float32) -> np.ndarray:
            views = (x_t[n * hop :][: M["window"]] for n in range(len(windows)))
            told = [dict(zip(names, context)) for _, *context in windows]
            given = [{"x_t": x, "time": np.array([time])} | each for x, each in zip(views, told)]
            return join([denoiser.run(None, each)[0] for each in given], M["overlap"])

        canvas = sample(denoise, canvas, M["steps"], M["start"], seed)
    unit = (np.clip(canvas[M["edge"] : M["edge"] + count], -1, 1) + 1) / 2
    return unit * np.float32(M["high"] - M["low"]) + np.float32(M["low"])


def sound(mel: np.ndarray) -> np.ndarray:
    """Makes samples of log-mel frames, block by block."""
    vocoder, context, lag, parts = program("vocoder"), M["context"], M["lag"], []
    mel = np.pad(mel, ((M["silence"], 0), (0, 0)), constant_values=np.log(M["floor"]))
    carry = {name: np.zeros(shape, np.float32) for name, shape in M["carry"].items()}
    carry["unit"][0] = 1
    for at in range(0, len(mel) + lag, M["block"]):
        where = np.arange(at - context, at + M["block"] + context)
        present = (where >= 0) & (where < len(mel))
        block = np.where(present[:, None], mel[np.clip(where, 0, len(mel) - 1)], 0)
        given = {"frames": block, "present": present.astype(np.float32), **carry}
        samples, *after = vocoder.run(None, given)
        carry = dict(zip(carry, after))
        parts.append(samples[max(lag - at, 0) * M["hop"] : (len(mel) + lag - at) * M["hop"]])
    return np.concatenate(parts)[M["silence"] * M["hop"] :]


def program(name: str) -> onnxruntime.InferenceSession:
    """Opens one of the programs beside this script."""
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3  # not what an exporter left unused
    return onnxruntime.InferenceSession(str(HERE / f"{name}.onnx"), options)


def main(song: str, wav: str, performance: str = "", seed: str = "0") -> None:
    """Renders a file; the seed is of the noise, if the model takes steps."""
    names = [name for name, _ in M["performances"]]
    if performance and performance not in names:
        raise ValueError(f"there is no performance {performance}; choose of {', '.join(names)}")
    chosen = names.index(performance) if performance else M["performance"]
    audio = render(read_midi(Path(song).read_bytes()), chosen, int(seed))
    with wave.open(wav, "wb") as file:
        file.setparams((1, 2, M["rate"], 0, "NONE", ""))
        file.writeframes((audio / max(1, np.abs(audio).max()) * 32767).astype("<i2").tobytes())


if __name__ == "__main__":
    if not 3 <= len(sys.argv) <= 5:
        sys.exit(__doc__)
    try:
        main(*sys.argv[1:])
    except (OSError, ValueError) as error:
        sys.exit(f"{sys.argv[1]}: {error}")
