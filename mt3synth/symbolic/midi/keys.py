"""The keys and pedals of one channel: when each note that was struck ceases to be held."""

from __future__ import annotations

from array import array
from collections.abc import Collection, Iterable
from itertools import chain

_ANY_TRACK = -1

OPEN, DROPPED = -1.0, -2.0
"""What stands for the end of a note that still sounds, and of one that is no note after all."""


class Keys:
    """Follows keys going down and up, and the pedals that hold notes after their keys.

        starts, ends = array("d", [0.0]), array("d", [OPEN])
        keys = Keys(starts, ends)
        keys.strike(60, track=0, note=0)
        keys.sustain(True, 0.5)
        keys.let_go(60, track=0, now=1.0)
        keys.sustain(False, 2.0)  # ends[0] is 2.0 now

    Tracks that share a channel share its pedals and its strings, but each lets go of its own keys:
    two voices that meet on one key keep their lengths, as in notation. A message costs time by the
    notes that it ends or by the 128 keys, so that no file takes more than linear time.

    Args:
      starts, ends: seconds of all notes by number, shared by all channels; ends are filled in here.
      releases: (key, track) where a track lets go of a key anywhere in the file. Keys that a track
        only strikes may be let go by any other.
    """

    def __init__(
        self,
        starts: array[float],
        ends: array[float],
        releases: Collection[tuple[int, int]] = (),
    ) -> None:
        self._starts, self._ends, self._releases = starts, ends, releases
        self._down: dict[int, dict[int, list[int]]] = {}  # key -> track -> notes whose key is down
        self._spent: set[tuple[int, int]] = set()  # (key, track) of keys down whose notes ended
        self._held: dict[int, list[int]] = {}  # key -> notes that the sustain pedal holds
        self._caught: dict[int, list[int]] = {}  # key -> notes that the sostenuto pedal holds
        self._idle: dict[tuple[int, int], float] = {}  # (key, track) -> a release of nothing
        self._reversed: set[int] = set()  # notes struck at the moment of such a release
        self._sustain = False
        # Keys whose dampers the sostenuto pedal keeps up. Struck again they are held again.
        self._raised: set[int] | None = None
        self.undamped = False
        """Whether this is percussion, which no pedal holds."""

    def strike(self, key: int, track: int, note: int) -> None:
        """Presses a key: the note of this number begins."""
        now = self._starts[note]
        if self._idle.get((key, track)) == now:
            self._reversed.add(note)
        # Nobody else may let go of what a track lets go of itself.
        if (key, track) not in self._releases:
            track = _ANY_TRACK
        for ringing in (self._held, self._caught):
            if key in ringing:
                self._cut(ringing.pop(key), now)
        tracks = self._down.setdefault(key, {})
        if self._sustain and not self.undamped:
            # With the dampers up the key can only have been struck again; its sound is the new one.
            for other, notes in tracks.items():
                self._cut(notes, now)
                self._spent.add((key, other))
            tracks.clear()
        tracks.setdefault(track, []).append(note)

    def let_go(self, key: int, track: int, now: float) -> None:
        """Lets a key go: all notes end that the track struck with it.

        A note that began at this very moment goes on if an earlier one ends: the message is of that
        one, however the two were ordered.
        """
        spent = (key, track) in self._spent
        self._spent.discard((key, track))
        tracks = self._down.get(key, {})
        notes = tracks.pop(track, [])
        if not notes and not spent:
            notes = tracks.pop(_ANY_TRACK, [])
        if not notes and not spent:
            self._idle[key, track] = now
        new = [note for note in notes if self._starts[note] == now]
        if len(new) < len(notes):
            notes = notes[: len(notes) - len(new)]
            if new:
                tracks[track if (key, track) in self._releases else _ANY_TRACK] = new
        self._release(key, notes, now)

    def let_all_go(self, now: float) -> None:
        """Lets all keys go; the pedals hold what they hold."""
        down, self._down = self._down, {}
        self._spent.clear()
        for key, tracks in down.items():
            self._release(key, sorted(chain.from_iterable(tracks.values())), now)

    def silence(self, now: float) -> None:
        """Ends everything at once, whatever pedals hold."""
        self.let_all_go(now)
        for ringing in (self._held, self._caught):
            self._end(chain.from_iterable(ringing.values()), now)
            ringing.clear()
        if self._raised:
            self._raised.clear()

    def sustain(self, down: bool, now: float) -> None:
        """Moves the sustain pedal down or up."""
        self._sustain = down
        if not down:
            # The sostenuto pedal is for keys that were down; it takes none of these over.
            self._end(chain.from_iterable(self._held.values()), now)
            self._held.clear()

    def sostenuto(self, down: bool, now: float) -> None:
        """Moves the sostenuto pedal down, to hold the keys that are down now, or up."""
        if down:
            if self._raised is None:
                self._raised = {key for key, tracks in self._down.items() if any(tracks.values())}
            return
        self._raised = None
        caught, self._caught = self._caught, {}
        for key, notes in caught.items():
            self._release(key, notes, now)

    def finish(self, now: float) -> list[list[int]]:
        """Lifts all pedals, the song being over; returns the notes never released, by key."""
        self._end(chain(*self._held.values(), *self._caught.values()), now)
        down = [sorted(chain.from_iterable(tracks.values())) for tracks in self._down.values()]
        for note in self._reversed.intersection(chain.from_iterable(down)):
            # An ornament of no length that was written with its release first.
            self._ends[note] = self._starts[note]
        down = [[note for note in notes if note not in self._reversed] for notes in down]
        return [notes for notes in down if notes]

    def _release(self, key: int, notes: list[int], now: float) -> None:
        """Hands notes whose key went up to a pedal that is down, or ends them."""
        if self._raised and key in self._raised and not self.undamped:
            self._caught.setdefault(key, []).extend(notes)
        elif self._sustain and not self.undamped:
            self._held.setdefault(key, []).extend(notes)
        else:
            self._end(notes, now)

    def _end(self, notes: Iterable[int], now: float) -> None:
        for note in notes:
            self._ends[note] = now

    def _cut(self, notes: Iterable[int], now: float) -> None:
        """Ends notes whose key is struck again; of two at one moment only the later is heard."""
        for note in notes:
            self._ends[note] = DROPPED if self._starts[note] == now else now
