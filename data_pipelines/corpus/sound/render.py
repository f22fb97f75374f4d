"""Renders notes by FluidSynth, then the performance's room and recording chain."""

from __future__ import annotations

import shutil
import struct
import subprocess
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Protocol

import numpy as np
import soundfile
import soxr

from data_pipelines.corpus.sound.recording_chain import Chain, record
from data_pipelines.corpus.sound.reverb import Room, make_impulse_response, reverberate
from data_pipelines.corpus.sound.soundfonts import Soundfont, find_playable
from data_pipelines.corpus.sound.voices import CHANNELS, Event, assign_channels, move_channels
from mt3synth.atomic import scratch_folder
from mt3synth.errors import UserError
from mt3synth.symbolic.notes import Notes

RING_OUT_S = 1.5
_RENDER_RATE = 32_000  # at least: soundfont samples above 8 kHz would alias if rendered at 16 kHz
_SYNTH_GAIN = 0.5
_LATENCY_S = 0.003  # FluidSynth's sound comes so late after a note-on, measured on drum clicks
_TICKS_PER_SECOND = 10_000
_TICKS_PER_QUARTER = 5_000
_FADE_S = 0.05


class Sound(Protocol):
    """Declares what rendering must know of a performance; how it is played is in the notes."""

    @property
    def soundfont(self) -> Soundfont: ...
    @property
    def room(self) -> Room: ...
    @property
    def chain(self) -> Chain: ...
    @property
    def gain_db(self) -> float: ...


def render(
    notes: Notes,
    performance: Sound,
    sample_rate: int,
    rng: np.random.Generator,
    folders: Sequence[Path] = (),
    ring_out_s: float = RING_OUT_S,
) -> np.ndarray:
    """Renders a song in a performance.

    Args:
      notes: in seconds; at most 15 pitched programs.
      performance: who plays, and where.
      sample_rate: of the result, Hz.
      rng: draws the hiss.
      folders: looked through first for the soundfont.
      ring_out_s: seconds after the last note's end.

    Returns:
      Mono audio in -1..1, float32 ``[S]``: the notes, and some time for them to ring out.

    Raises:
      UserError: FluidSynth or the soundfont is missing, or FluidSynth failed.
      ValueError: more programs than MIDI has channels.
    """
    dry = synthesize(notes, find_playable(performance.soundfont.path(folders)), sample_rate)
    length = int((notes.end_time + ring_out_s) * sample_rate)
    # Before the room: reverberation of the last note may ring into the padding.
    dry = np.pad(dry[:length], (0, max(length - len(dry), 0))) * 10 ** (performance.gain_db / 20)
    fade = int(_FADE_S * sample_rate)
    # The chain comes after the fade: its hiss goes on to the end, as on a tape.
    wet = reverberate(dry, _cached_response(performance.room, sample_rate))
    wet[-fade:] *= np.linspace(1, 0, fade)
    return record(wet, performance.chain, sample_rate, rng)


_cached_response = lru_cache(maxsize=16)(make_impulse_response)


def find_fluidsynth() -> str:
    """Finds the program. Raises UserError if it is not installed."""
    program = shutil.which("fluidsynth")
    if program is None:
        raise UserError("fluidsynth is not installed; on Debian: apt install fluidsynth")
    return program


def synthesize(notes: Notes, soundfont: Path, sample_rate: int) -> np.ndarray:
    """Plays ``notes`` dry by FluidSynth, mono float32 ``[S]``, at a fixed gain.

    Its own reverb and chorus are off, and samples are loaded only when a program needs them.
    """
    with scratch_folder() as folder:
        midi = folder / "song.mid"
        midi.write_bytes(encode_midi(notes))
        return synthesize_file(midi, soundfont, sample_rate)


def synthesize_file(midi: Path, soundfont: Path, sample_rate: int) -> np.ndarray:
    """Plays a MIDI file as `synthesize` plays notes."""
    program = find_fluidsynth()
    with scratch_folder() as folder:
        wave = folder / "song.wav"
        rendered = str(max(_RENDER_RATE, sample_rate))
        command = [program, "-ni", "-q", "-R", "0", "-C", "0", "-g", str(_SYNTH_GAIN)]
        command += ["-r", rendered, "-O", "float", "-T", "wav", "-F", str(wave)]
        # At 256 voices no pedalled piano loses notes to FluidSynth's voice stealing.
        command += ["-o", "synth.dynamic-sample-loading=1", "-o", "synth.polyphony=256"]
        done = subprocess.run(
            [*command, str(soundfont), str(midi)], capture_output=True, text=True, check=False
        )
        # With a soundfont that it cannot load it goes on, with status 0 and another soundfont.
        if done.returncode != 0 or "error:" in done.stderr or not wave.exists():
            complaint = " ".join(done.stderr.split())
            raise UserError(f"fluidsynth failed on {soundfont}: {complaint[:300]}")
        audio, rate = soundfile.read(wave, dtype="float32", always_2d=True)
    # The mean and not one side: stereo samples differ from left to right.
    mono = audio.mean(axis=1)[round(_LATENCY_S * rate) :]
    return soxr.resample(mono, rate, sample_rate).astype(np.float32)


def encode_midi(notes: Notes) -> bytes:
    """Encodes a Standard MIDI File of format 0, one channel a program, times to 0.1 ms.

    Notes with curves have channels of their own, which bend and swell with them.

    Written here rather than through note-seq because a corpus of a thousand songs needs nothing
    but notes, and note-seq's import alone takes longer than rendering a song.
    """
    channel = assign_channels(notes)
    if np.any(channel < 0):
        raise ValueError(f"{np.sum(channel < 0)} notes bend for which MIDI has no channel left")
    programs = sorted({int(p) for p in notes.program[~notes.is_drum]})
    events: list[Event] = [(0, 0, bytes([0xC0 | c, p])) for p, c in zip(programs, CHANNELS)]
    events += move_channels(notes, channel, _TICKS_PER_SECOND)
    for i in range(len(notes)):
        c = int(channel[i])
        key = int(notes.pitch[i])
        on, off = (round(float(t[i]) * _TICKS_PER_SECOND) for t in (notes.start, notes.end))
        events.append((on, 2, bytes([0x90 | c, key, int(notes.velocity[i])])))
        # At one tick a release goes before an attack, or a repeated key would be cut off.
        events.append((max(off, on + 1), 1, bytes([0x80 | c, key, 0])))
    # By time and kind alone: what is struck together keeps its order.
    events.sort(key=lambda e: e[:2])
    # A fixed tempo: times are seconds already, and ticks are fine enough for them.
    tempo = round(1e6 * _TICKS_PER_QUARTER / _TICKS_PER_SECOND)
    track = b"\x00\xff\x51\x03" + tempo.to_bytes(3, "big")
    now = 0
    for tick, _, message in events:
        track += _encode_length(tick - now) + message
        now = tick
    # Four seconds more, in which the last notes ring out.
    track += _encode_length(_TICKS_PER_SECOND * 4) + b"\xff\x2f\x00"
    header = b"MThd" + struct.pack(">IHHH", 6, 0, 1, _TICKS_PER_QUARTER)
    return header + b"MTrk" + struct.pack(">I", len(track)) + track


def _encode_length(value: int) -> bytes:
    """Encodes MIDI's variable-length quantity: seven bits a byte, most significant first."""
    result = [value & 0x7F]
    while value := value >> 7:
        result.append(0x80 | (value & 0x7F))
    return bytes(reversed(result))
