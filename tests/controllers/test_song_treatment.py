"""Songs' controllers: what is done to which of their notes, and when nothing is."""

import numpy as np
import pytest
from midi_cases import REAL_INPUTS, control, event, exclusive, midi, tone, wheel

from mt3synth.controllers.song_treatment import TreatedSong, treat_song
from mt3synth.symbolic.midi import read_song


def treat(*tracks: bytes) -> TreatedSong:
    return treat_song(read_song(midi(*tracks)))


def is_plain(song: TreatedSong) -> bool:
    return all(treatment.is_plain(stereo=True) for treatment in song.treatments)


@pytest.mark.parametrize(
    "track",
    {
        "nothing": tone() + tone(channel=1) + tone(36, channel=9),
        "one volume everywhere": control(7, 50)
        + control(7, 50, channel=1)
        + tone()
        + tone(channel=1),
        "a volume before the first note": control(7, 50) + control(7, 90, after=480) + tone(),
        "a volume after the last note": tone() + control(7, 0),
        "a wheel that is let go in time": wheel(4000) + wheel(0, after=480) + tone(),
        "a reset": control(1, 90) + control(121, 0, after=480) + tone(),
        "other channels' controllers": control(7, 3, channel=5) + wheel(99, channel=5) + tone(),
    }.items(),
    ids=lambda case: case[0],
)
def test_nothing_is_done_where_all_play_alike(track):
    song = treat(track[1])
    assert is_plain(song) and len(song.treatments) == 1
    read = read_song(midi(track[1]))
    for name, column in vars(read.notes).items():
        assert np.array_equal(getattr(song.notes, name), column)


def test_levels_are_relative_to_the_loudest_and_shared_by_who_has_the_same():
    volumes = {0: 100, 1: 50, 2: 100, 3: 50}
    tracks = [control(7, v, channel=c) + tone(60 + c, channel=c) for c, v in volumes.items()]
    song = treat(*tracks)
    assert [t.gain.values.tolist() for t in song.treatments] == [[1.0], [0.25]]
    assert song.treatment[np.argsort(song.channel)].tolist() == [0, 1, 0, 1]


def test_notes_that_are_silent_throughout_are_left_out():
    song = treat_song(read_song(REAL_INPUTS / "muted_channel_volume_0.mid"))
    assert 56 not in song.notes.program and is_plain(song)
    assert song.reports == ["notes that volume or expression keeps silent: 8 not rendered"]
    # A note that is heard for a moment is there, and so is one that begins as the level comes back.
    track = control(11, 0) + event(0x90, 60, 80) + control(11, 127, after=400)
    track += event(0x80, 60, 0, after=80) + control(11, 0) + tone(62) + control(11, 127) + tone(64)
    assert treat(track).notes.pitch.tolist() == [60, 64]
    assert len(treat(control(7, 0) + tone()).notes) == 0


def test_a_bend_is_left_over_from_the_semitones_that_the_model_plays():
    glide = b"".join(wheel(step * 1000, after=10) for step in range(9))
    mostly_at_rest = treat(
        event(0x90, 60, 80) + event(0xE0, 0, 64, after=900) + glide + tone(60, 1)
    )
    assert mostly_at_rest.notes.pitch[0] == 60
    assert mostly_at_rest.treatments[0].cents.values.max() == pytest.approx(195.3, abs=0.1)
    lower = treat(wheel(-8192) + tone(60) + wheel(-6144, after=10) + tone(60))
    assert lower.notes.pitch.tolist() == [58, 58]
    assert lower.treatments[0].cents.values.tolist() == [0, 50]


def test_keys_tuned_singly_share_few_treatments():
    scale = exclusive("7f 7f 08 08 03 7f 7f" + "".join(f"{64 + c:02x}" for c in range(-6, 6)))
    song = treat(scale + b"".join(tone(key) for key in range(60, 72)))
    assert len(song.treatments) == 3 and song.notes.pitch.tolist() == [*range(60, 72)]
    found = [song.treatments[number].cents.at(0.0) for number in song.treatment]
    assert found == pytest.approx(np.arange(-6, 6), abs=2.5)


def test_drums_bend_as_a_whole_and_keep_their_keys():
    song = treat(wheel(8191, channel=9) + tone(40, channel=9) + wheel(0) + tone(60))
    assert song.notes.pitch.tolist() == [40, 60]
    bent = song.treatments[song.treatment[0]].cents
    assert bent.values.tolist() == pytest.approx([200], abs=0.1)


def test_modulation_is_a_vibrato_that_ends_with_the_song():
    [treatment] = treat(control(1, 127) + tone()).treatments
    assert treatment.vibrato.at(0.25) == 50 and treatment.vibrato.values[-1] == 0
    assert treatment.vibrato.times[-1] > 2
    [treatment] = treat(control(1, 127) + event(0xD0, 127) + tone()).treatments
    assert treatment.vibrato.at(0.25) == 100


def test_soft_pedal_softens_what_is_struck_with_it_down():
    track = tone(60) + control(67, 127) + tone(62) + control(67, 20) + tone(64)
    song = treat(track)
    assert song.notes.velocity.tolist() == [80, 64, 80] and is_plain(song)


def test_what_is_beyond_the_keys_or_two_octaves_is_said():
    tuned = exclusive("7f 7f 08 02 00 01 05 7f 00 00") + control(101, 0) + control(100, 3)
    song = treat(tuned + control(6, 0) + wheel(8191) + tone(5) + tone(60))
    assert song.reports == ["notes that tuning moves beyond the keys: 1 ignored"]
    wide = control(101, 0) + control(100, 0) + control(6, 60)
    song = treat(wide + tone(60, 960) + wheel(8191) + tone(60))
    assert song.reports == [
        "channels with bends beyond two octaves: 1 bent by two octaves, the first at 1.00 s"
    ]
    assert song.treatments[0].cents.values.tolist() == [0, 2400]
