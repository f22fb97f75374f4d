"""Random clean files are read as note-seq and pretty_midi read them, to the last bit."""

import io

import mido
import note_seq
import numpy as np
import pretty_midi
from hypothesis import given, settings
from hypothesis import strategies as st
from scores import rows_of

from mt3synth.symbolic.midi import notes_from_sequence, read_song

DRUMS = 9
Event = tuple[int, mido.Message | mido.MetaMessage]


@st.composite
def notes_of_keys(draw: st.DrawFn, channel: int) -> list[Event]:
    """Notes that do not overlap on a key, at even ticks."""
    events: list[Event] = []
    for key in draw(st.sets(st.integers(0, 127), min_size=1, max_size=5)):
        tick = 0
        spans = st.tuples(st.integers(0, 900), st.integers(1, 900), st.integers(1, 127))
        for gap, length, velocity in draw(st.lists(spans, min_size=1, max_size=5)):
            start, tick = tick + 2 * gap, tick + 2 * gap + 2 * length
            on = mido.Message("note_on", channel=channel, note=key, velocity=velocity)
            silent = mido.Message("note_on", channel=channel, note=key, velocity=0)
            off = mido.Message("note_off", channel=channel, note=key, velocity=64)
            events += [(start, on), (tick, draw(st.sampled_from([silent, off])))]
    # Within a tick releases come first, as they must where a key is struck again.
    return sorted(events, key=lambda e: (e[0], e[1].type == "note_on" and e[1].velocity > 0))


@st.composite
def parts(draw: st.DrawFn, channel: int) -> list[Event]:
    """A track's events: a program, notes, and a pedal that moves at odd ticks."""
    program = mido.Message("program_change", channel=channel, program=draw(st.integers(0, 127)))
    events = [(0, program), *draw(notes_of_keys(channel))]
    if channel != DRUMS:
        times = st.lists(st.integers(0, 4000), unique=True, max_size=8).map(sorted)
        for tick in draw(times):
            value = draw(st.sampled_from([0, 1, 63, 64, 100, 127]))
            pedal = mido.Message("control_change", channel=channel, control=64, value=value)
            events.append((2 * tick + 1, pedal))
    return sorted(events, key=lambda event: event[0])


@st.composite
def tempos(draw: st.DrawFn) -> list[Event]:
    changes = draw(st.lists(st.tuples(st.integers(0, 9000), st.integers(50_000, 3_000_000))))
    return sorted(
        ((tick, mido.MetaMessage("set_tempo", tempo=tempo)) for tick, tempo in changes),
        key=lambda event: event[0],
    )


@st.composite
def clean_files(draw: st.DrawFn) -> bytes:
    """Files of format 0 and 1 in which every channel belongs to one track."""
    channels = draw(st.sets(st.integers(0, 15), min_size=1, max_size=4))
    tracks = [draw(tempos()), *(draw(parts(channel)) for channel in sorted(channels))]
    form = draw(st.sampled_from([0, 1]))
    if form == 0:
        merged = [event for track in tracks for event in track]
        tracks = [sorted(merged, key=lambda event: event[0])]
    midi = mido.MidiFile(type=form, ticks_per_beat=draw(st.integers(24, 2000)))
    for track in tracks:
        now, messages = 0, mido.MidiTrack()
        for tick, message in track:
            messages.append(message.copy(time=tick - now))
            now = tick
        midi.tracks.append(messages)
    buffer = io.BytesIO()
    midi.save(file=buffer)
    return buffer.getvalue()


def read_independently(data: bytes, sustain: bool):
    sequence = note_seq.midi_to_note_sequence(pretty_midi.PrettyMIDI(io.BytesIO(data)))
    if sustain:
        sequence = note_seq.apply_sustain_control_changes(sequence)
    return notes_from_sequence(sequence)


@settings(max_examples=20, deadline=None)
@given(clean_files(), st.booleans())
def test_notes_are_those_of_note_seq(data, sustain):
    ours, theirs = read_song(data, sustain).notes, read_independently(data, sustain)
    assert rows_of(ours) == rows_of(theirs)
    for name in ("start", "end"):
        assert np.array_equal(np.sort(getattr(ours, name)), np.sort(getattr(theirs, name)))
