"""Files as FluidSynth plays them: levels and pitches over time."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
import soundfile

SOUNDFONT = Path("/usr/share/sounds/sf2/TimGM6mb.sf2")
RATE = 16_000

needs_fluidsynth = pytest.mark.skipif(
    not (shutil.which("fluidsynth") and SOUNDFONT.exists()), reason="FluidSynth is not installed"
)


def play(path: Path, rooms: bool = False) -> np.ndarray:
    """Plays a file with banks in Yamaha's manner: ``[S, 2]``, dry or with reverb and chorus."""
    audio = path.with_suffix(".wav")
    dry = [] if rooms else ["-R", "0", "-C", "0"]
    options = [*dry, "-o", "synth.midi-bank-select=xg", "-r", str(RATE)]
    command = ["fluidsynth", "-niq", "-g", "0.5", *options, "-F", audio, SOUNDFONT, path]
    subprocess.run(command, check=True, capture_output=True)
    return soundfile.read(audio)[0]


def levels(samples: np.ndarray) -> np.ndarray:
    """Level of mono samples in dB every 20 ms."""
    hop = RATE // 50
    frames = samples[: len(samples) // hop * hop].reshape(-1, hop)
    return 10 * np.log10(np.mean(frames**2, axis=1) + 1e-8)


def cents(samples: np.ndarray, key: int, reach: float = 300.0) -> float:
    """How far the fundamental of a tone sounds from a key, in cents.

    It is the highest peak within ``reach`` cents, of a spectrum with bins of a cent or less.
    """
    hz = 440 * 2 ** ((key - 69) / 12)
    size = 1 << int(np.ceil(np.log2(RATE / (hz * 0.0003))))
    spectrum = np.abs(np.fft.rfft(samples * np.hanning(len(samples)), size))
    bins = np.arange(1, len(spectrum))
    apart = 1200 * np.log2(bins * RATE / size / hz)
    near = np.abs(apart) < reach
    return float(apart[near][np.argmax(spectrum[1:][near])])
