"""Where files are kept, and for how long."""

import os
import re
import time

from mt3synth.demo.rooms import Rooms


def test_a_room_has_a_name_that_nobody_guesses(tmp_path):
    rooms = Rooms(tmp_path)
    names = {rooms.new().name for _ in range(9)}
    assert len(names) == 9 and all(re.fullmatch("[0-9a-f]{32}", name) for name in names)


def test_what_is_older_than_an_hour_goes(tmp_path):
    rooms, now = Rooms(tmp_path), time.time()
    old, young, uploaded = rooms.new(), rooms.new(), tmp_path / "upload"
    uploaded.mkdir()
    for folder, age in ((old, 3700), (young, 3500), (uploaded, 3700)):
        (folder / "song.wav").write_bytes(b"sound")
        for path in (folder / "song.wav", folder):
            os.utime(path, (now - age, now - age))
    rooms.sweep(now)
    assert [path.name for path in tmp_path.iterdir()] == [young.name]
    rooms.sweep(now + 200)
    assert list(tmp_path.iterdir()) == []


def test_rooms_are_swept_until_they_are_closed(tmp_path):
    rooms = Rooms(tmp_path / "all", keep=0.05)
    rooms.folder.mkdir()
    (rooms.new() / "song.wav").write_bytes(b"sound")
    rooms.sweep_until_closed()
    limit = time.monotonic() + 10
    while list(rooms.folder.iterdir()):
        assert time.monotonic() < limit
        time.sleep(0.02)
    rooms.new()
    rooms.close()
    assert not rooms.folder.exists()
