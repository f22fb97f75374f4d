"""Audio and MIDI files of a second or two, for miniatures of known data sets."""

from pathlib import Path

import mido
import numpy as np
import soundfile


def write_tones(path: Path, rate: int, channels: int, seconds: float = 1.0, seed: int = 0) -> None:
    """Writes a tone in each channel, another for each seed; the format is the suffix's, 16 bits."""
    path.parent.mkdir(parents=True, exist_ok=True)
    time = np.arange(int(seconds * rate))[:, None] / rate
    hertz = 220.0 * (1 + seed) + 110.0 * np.arange(channels)
    soundfile.write(path, 0.3 * np.sin(2 * np.pi * hertz * time), rate, subtype="PCM_16")


def write_midi_track(
    path: Path,
    ticks: int,
    events: list[tuple[int, str, int, int]],
    program: int = 0,
    channel: int = 0,
) -> None:
    """Writes a tempo track at 120 quarters a minute and notes, which end by a velocity of 0.

    Args:
      path: where it goes.
      ticks: in a quarter, so in half a second.
      events: tick, then ``note``, key and velocity, or ``control``, controller and value, or
        ``bend``, 0 and value.
      program: General MIDI program counted from zero.
      channel: counted from zero; 9 is drums.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    notes = mido.MidiTrack([mido.Message("program_change", channel=channel, program=program)])
    last = 0
    for tick, kind, first, second in sorted(events):
        message = {
            "note": lambda c, a, b: mido.Message("note_on", channel=c, note=a, velocity=b),
            "control": lambda c, a, b: mido.Message(
                "control_change", channel=c, control=a, value=b
            ),
            "bend": lambda c, a, b: mido.Message("pitchwheel", channel=c, pitch=b),
        }[kind](channel, first, second)
        notes.append(message.copy(time=tick - last))
        last = tick
    tempo = mido.MidiTrack([mido.MetaMessage("set_tempo", tempo=500_000)])
    mido.MidiFile(type=1, ticks_per_beat=ticks, tracks=[tempo, notes]).save(path)
