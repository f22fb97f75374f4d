"""Renders a MIDI file by NumPy and onnxruntime alone: render.py song.mid song.wav [performance]."""

import json
import sys
import wave
from pathlib import Path

import numpy as np
import onnxruntime
from midi import read_midi

HERE = Path(__file__).parent
M = json.loads((HERE / "model.json").read_text())


def render(notes: np.ndarray, performance: int = M["performance"]) -> np.ndarray:
    """Renders rows of `read_midi` as samples, float32."""
    files = [str(HERE / f"{name}.onnx") for name in ("prior", "vocoder")]
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3  # not what an exporter left unused
    prior, vocoder = (onnxruntime.InferenceSession(file, options) for file in files)
    rate, window, overlap = M["rate"] / M["hop"], M["window"], M["overlap"]
    start, end, key, velocity, program, drum = notes.T
    stop = np.where(drum > 0, start + M["drum"], end)
    group = np.where(drum > 0, M["drums"], np.array(M["groups"])[program.astype(int)])
    rows = np.stack([start * rate, stop * rate, key, velocity / 127, group], 1)
    frames = int(np.ceil((end.max() + M["tail"]) * rate))
    count = max(1, -(-(frames + 2 * M["edge"] - overlap) // (window - overlap)))
    canvas = np.zeros((count * (window - overlap) + overlap, M["bins"]), np.float32)
    rise = np.arange(1, overlap + 1, dtype=np.float32)[:, None] / (overlap + 1)
    for first in range(0, count * (window - overlap), window - overlap):
        near = rows - np.array([1, 1, 0, 0, 0]) * (first - M["edge"])
        near = near[(near[:, 0] < window + 1) & (near[:, 1] > -M["ring"] * rate)]
        listed = np.tile(np.array([0, 0, 0, 0, -1], np.float32), (M["notes"], 1))
        listed[: len(near)] = near
        made = prior.run(None, {"notes": listed, "performance": np.array([performance], np.int32)})[
            0
        ]
        if first:
            made[:overlap] = made[:overlap] * rise + canvas[first : first + overlap] * (1 - rise)
        canvas[first : first + window] = made
    unit = (np.clip(canvas[M["edge"] : M["edge"] + frames], -1, 1) + 1) / 2
    silence = np.full((M["silence"], M["bins"]), np.log(M["floor"]), np.float32)
    mel = np.concatenate([silence, unit * np.float32(M["high"] - M["low"]) + np.float32(M["low"])])
    carry = {name: np.zeros(shape, np.float32) for name, shape in M["carry"].items()}
    carry["unit"][0] = 1
    context, lag, parts = M["context"], M["lag"], []
    for at in range(0, len(mel) + lag, M["block"]):
        where = np.arange(at - context, at + M["block"] + context)
        present = (where >= 0) & (where < len(mel))
        block = np.where(present[:, None], mel[np.clip(where, 0, len(mel) - 1)], 0)
        given = {"frames": block, "present": present.astype(np.float32), **carry}
        samples, *after = vocoder.run(None, given)
        carry = dict(zip(carry, after))
        parts.append(samples[max(lag - at, 0) * M["hop"] : (len(mel) + lag - at) * M["hop"]])
    return np.concatenate(parts)[M["silence"] * M["hop"] :]


if __name__ == "__main__":
    names = [name for name, _ in M["performances"]]
    chosen = names.index(sys.argv[3]) if len(sys.argv) > 3 else M["performance"]
    audio = render(read_midi(Path(sys.argv[1]).read_bytes()), chosen)
    with wave.open(sys.argv[2], "wb") as file:
        file.setparams((1, 2, M["rate"], 0, "NONE", ""))
        file.writeframes((audio / max(1, np.abs(audio).max()) * 32767).astype("<i2").tobytes())
