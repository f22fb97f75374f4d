"""Frames as sound, and sound as a file, by NumPy: block by block, each handing on to the next."""

import wave
from collections.abc import Callable

import numpy as np


def vocode(vocoder: Callable[..., dict[str, np.ndarray]], song: np.ndarray, m: dict) -> np.ndarray:
    """Makes samples of log-mel frames.

    Args:
      vocoder: takes frames of a block, 1 for each of them that is there, and what is carried.
      song: the frames, `[T, M]`.
      m: what model.json says.
    """
    hop, lag, context, parts = m["hop"], m["lag"], m["context"], []
    mel = np.pad(song, ((m["silence"], 0), (0, 0)), constant_values=np.log(m["floor"]))
    carry = {name: np.zeros(shape, np.float32) for name, shape in m["carry"].items()}
    carry["unit"][0] = 1
    # A frame's sound comes later than the frame, by a lag, so there is some after the last.
    for at in range(0, len(mel) + lag, m["block"]):
        where = np.arange(at - context, at + m["block"] + context)
        present = (where >= 0) & (where < len(mel))
        block = np.where(present[:, None], mel[np.clip(where, 0, len(mel) - 1)], 0)
        made = vocoder(frames=block, present=present.astype(np.float32), **carry)
        carry = {name: made[f"{name}_out"] for name in carry}
        parts.append(made["samples"][max(lag - at, 0) * hop : (len(mel) + lag - at) * hop])
    return np.concatenate(parts)[m["silence"] * hop :]


def write_wav(path: str, audio: np.ndarray, rate: int) -> None:
    """Writes 16 bits a sample; peaks above full scale turn the whole song down."""
    with wave.open(path, "wb") as file:
        file.setparams((1, 2, rate, 0, "NONE", ""))
        file.writeframes((audio / max(1, np.abs(audio).max()) * 32767).astype("<i2").tobytes())
