"""Each kind of damage that a file may have: what is read of it, and what is said."""

import pytest
from midi_cases import END, chunk, control, event, exclusive, header, midi, number, tempo, tone
from scores import rows_of

from mt3synth.symbolic.midi import MidiError, read_song

TONES = tone(60) + tone(62)
ROWS = [(0, 500, 60, 80, 0, False), (500, 1000, 62, 80, 0, False)]


def whole(content: bytes = TONES) -> bytes:
    return chunk(content + END)


def test_a_clean_file_has_nothing_to_report():
    song = read_song(midi(TONES))
    assert rows_of(song.notes) == ROWS and song.reports == []


@pytest.mark.parametrize(
    ("data", "report"),
    {
        "leading bytes": (b"\r\n\r\n" + midi(TONES), "bytes before the header: 4 skipped"),
        "mac binary": (
            b"\0\4song" + bytes(122) + midi(TONES) + bytes(40),
            None,
        ),
        "riff": (
            b"RIFF\0\0\0\0RMIDdata"
            + len(midi(TONES)).to_bytes(4, "little")
            + midi(TONES)
            + b"LIST\4\0\0\0INFO",
            None,
        ),
        "foreign chunks": (
            header(1, 1) + chunk(b"junk", b"XFIH") + whole() + chunk(b"junk", b"XFKM"),
            "foreign chunks: 2 skipped",
        ),
        "foreign chunk of a wrong length": (
            header(1, 1) + chunk(b"junk", b"XFIH", size=999) + whole(),
            "foreign chunks: 1 skipped",
        ),
        "bytes between tracks": (
            header(1, 2) + whole(b"") + b"\1\2\3" + whole(),
            "bytes between or after tracks: 3 skipped",
        ),
        "two files in one": (
            midi(TONES) + midi(tone(70)),
            "MIDI files after the first in one file: 1 ignored",
        ),
        "zeros after the last track": (midi(TONES) + bytes(100), None),
        "fewer tracks": (
            header(1, 5) + whole(),
            "tracks that the header counts and the file lacks: 4",
        ),
        "more tracks": (header(1, 0) + whole(), "tracks that the header does not count: 1 read"),
        "longer header": (chunk(header()[8:] + b"more", b"MThd") + whole(), None),
        "wrong length of the header": (chunk(header()[8:], b"MThd", size=300) + whole(), None),
        "unknown format": (
            header(7, 1) + whole(),
            "formats that are unknown, 7: 1 read as format 1",
        ),
        "track too short": (
            header(1, 2) + chunk(TONES + END, size=9) + whole(b""),
            "tracks of a wrong length: 1 read up to their end",
        ),
        "track too long": (
            header(1, 2) + chunk(TONES + END, size=99) + whole(b""),
            "tracks of a wrong length: 1 read up to their end",
        ),
        "last track too long": (
            header(1, 1) + chunk(TONES + END, size=2**32 - 1),
            "tracks of a wrong length: 1 read up to their end",
        ),
        "no end of track": (
            header(1, 2) + chunk(TONES) + whole(b""),
            "tracks without an end-of-track message: 1",
        ),
        "track ends within a message": (
            header(1, 2) + chunk(TONES + b"\0\x90\x40") + whole(b""),
            "tracks that end within a message: 1 read up to there",
        ),
        "cut within a message": (
            header(1, 1) + chunk(TONES + b"\0\x90\x40", size=99),
            "the end of the file is cut off: 1 track read as far as it goes",
        ),
        "cut within a delta": (
            header(1, 1) + chunk(TONES + b"\x88", size=99),
            "the end of the file is cut off: 1 track read as far as it goes",
        ),
        "cut within a name": (
            header(1, 1) + chunk(TONES + b"\0\xff\x03\x40abc", size=99),
            "the end of the file is cut off: 1 track read as far as it goes",
        ),
        "cut after a meta status": (
            header(1, 1) + chunk(TONES + b"\0\xff", size=99),
            "the end of the file is cut off: 1 track read as far as it goes",
        ),
        "key signature of nonsense": (midi(b"\0\xff\x59\2\x55\xff" + TONES), None),
        "measure of nonsense": (midi(b"\0\xff\x58\4\0\xff\0\0" + TONES), None),
        "unknown meta event": (midi(b"\0\xff\xff\1\0" + TONES), None),
        "text in no encoding": (midi(b"\0\xff\3\3\xff\xfe\x80" + TONES), None),
        "tempo of nothing": (midi(tempo(0) + TONES), "tempo changes without a tempo: 1 ignored"),
        "tempo too short": (
            midi(b"\0\xff\x51\1\5" + TONES),
            "tempo changes without a tempo: 1 ignored",
        ),
        "undefined status": (
            midi(event(0xF4) + event(0xFD) + TONES),
            "undefined or real-time status bytes: 2 skipped",
        ),
        "clock and song position of a dumped stream": (
            midi(event(0xF8) + event(0xF2, 1, 2) + event(0xF3, 1) + TONES),
            "undefined or real-time status bytes: 3 skipped",
        ),
        "data that belongs to nothing": (
            midi(event(0x40, 0x40) + TONES),
            "bytes that belong to no message: 3 skipped",
        ),
        "exclusive message of a wrong length": (
            midi(b"\0\xf0\xff\x7f\x7d\1\xf7" + TONES),
            "system exclusive messages: 1 ignored",
        ),
        "exclusive message in packets": (
            midi(b"\0\xf0\3\x7d\1\2\0\xf7\2\3\4\0\xf7\2\5\xf7" + TONES),
            "system exclusive messages: 1 ignored",
        ),
        "escape": (midi(b"\0\xf7\2\xf3\1" + TONES), "escaped bytes: 2 ignored"),
        "messages after the end of the track": (
            header() + chunk(TONES + END + tone(70)),
            "bytes after the end of a track: 9 ignored",
        ),
        "zeros after the end of the track": (header() + chunk(TONES + END + bytes(9)), None),
    }.values(),
)
def test_what_is_there_is_read_and_the_damage_said(data, report):
    song = read_song(data)
    assert rows_of(song.notes) == ROWS
    assert song.reports == ([report] if report else [])


def test_running_status_goes_on_after_meta_exclusive_and_realtime_events():
    between = b"\0\xff\1\2hi", exclusive("7d 01"), event(0xF8)
    off = number(480) + bytes([60, 0])
    for other in between:
        track = event(0x90, 60, 80) + other + off + bytes([0, 62, 80]) + number(480) + b"\x3e\0"
        assert rows_of(read_song(midi(track)).notes) == ROWS


def test_data_bytes_above_127_are_masked():
    song = read_song(midi(event(0x90, 60 + 128, 200) + event(0x80, 60, 0, after=480)))
    assert rows_of(song.notes) == [(0, 500, 60, 72, 0, False)]
    assert song.reports == ["data bytes above 127: 2 masked"]


def test_a_delta_of_many_bytes_is_masked():
    late = b"\xff" * 5000 + b"\x7f"
    assert len(read_song(midi(TONES + late + control(7, 1)[1:])).notes) == 2


def test_a_file_cut_anywhere_gives_the_notes_before_the_cut():
    data = midi(TONES, TONES)
    counts = []
    for size in range(len(data)):
        try:
            counts.append(len(read_song(data[:size]).notes))
        except MidiError:
            counts.append(0)
    assert counts == sorted(counts) and counts[-1] == 4 and {0, 1, 2, 3, 4} == set(counts)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "not a MIDI file"),
        (b"RIFF....WAVEfmt ", "not a MIDI file"),
        (b"MThd\0\0\0\6\0\1", "not a MIDI file"),
        (header(division=0) + whole(), "no resolution"),
        (header(division=-6400) + whole(), "no resolution"),
        (header(), "no tracks"),
        (midi(b""), "no notes"),
        (midi(control(7, 100)), "no notes"),
    ],
)
def test_what_cannot_be_played_is_refused_in_one_line(data, message):
    with pytest.raises(MidiError, match=f"MIDI data: .*{message}") as caught:
        read_song(data)
    assert "\n" not in str(caught.value)
