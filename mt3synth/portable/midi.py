"""Reads notes, tempo, programs, drums and the sustain pedal of a MIDI file, and nothing else."""

import numpy as np


def read_midi(data: bytes) -> np.ndarray:
    """Reads rows of start and end in seconds, key, velocity, program, and 1 for drums."""
    events: list[tuple] = []
    at, order = 14, 0
    while at + 8 <= len(data):
        stop = at + 8 + int.from_bytes(data[at + 4 : at + 8], "big")
        is_track, track = data[at : at + 4] == b"MTrk", at
        at, tick, status = at + 8, 0, 0
        while is_track and at < stop:
            wait = data[at] & 127
            while data[(at := at + 1) - 1] > 127:
                wait = wait << 7 | data[at] & 127
            tick, status = tick + wait, data[at] if data[at] > 127 else status
            at += data[at] > 127
            if status < 0xF0:
                size = 1 if status >> 4 in (0xC, 0xD) else 2
                kind = status
            else:  # of all messages of the system only tempo counts
                kind, at = (0xFF00 | data[at], at + 1) if status == 0xFF else (status, at)
                size = data[at] & 127
                while data[(at := at + 1) - 1] > 127:
                    size = size << 7 | data[at] & 127
            events.append((tick, order := order + 1, track, kind, data[at : at + size]))
            at += size
        at = stop
    notes: list[list] = []
    sounding: dict[tuple, list] = {}
    held: dict[tuple, list] = {}
    program, pedal = [0] * 16, [False] * 16
    now, last, per_beat, tempo = 0.0, 0, int.from_bytes(data[12:14], "big"), 0.5

    def end(rows: list) -> None:
        notes.extend([row[0], now, *row[2:]] for row in rows)

    for tick, _, track, kind, body in sorted(events, key=lambda event: event[:2]):
        now, last, channel = now + (tick - last) * tempo / per_beat, tick, kind & 15
        holds = pedal[channel] and channel != 9
        if kind == 0xFF51:
            tempo = int.from_bytes(body, "big") / 1e6
        elif kind >> 4 == 0xC:
            program[channel] = body[0]
        elif kind >> 4 == 0x9 and body[1]:
            key = channel, body[0]
            end(held.pop(key, []))
            for other in [each for each in sounding if holds and each[:2] == key]:
                end(sounding.pop(other))
            drum = channel == 9
            row = [now, now, body[0], body[1], 0 if drum else program[channel], drum]
            sounding.setdefault((*key, track), []).append(row)
        elif kind >> 4 in (0x8, 0x9):
            rows = sounding.pop((channel, body[0], track), [])
            new = [row for row in rows if row[0] == now]
            if 0 < len(new) < len(rows):  # the message is of the earlier ones
                rows, sounding[channel, body[0], track] = rows[: -len(new)], new
            if holds:
                held.setdefault((channel, body[0]), []).extend(rows)
            else:
                end(rows)
        elif kind >> 4 == 0xB and body[0] == 64:
            pedal[channel] = body[1] >= 64
            for each in [key for key in held if key[0] == channel and not pedal[channel]]:
                end(held.pop(each))
    for rows in [*sounding.values(), *held.values()]:
        end(rows)
    return np.array(sorted(notes), np.float64).reshape(-1, 6)
