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
        self._held: dict[int, _Bundle] = {}  # key -> notes that the sustain pedal holds
        self._caught: dict[int, _Bundle] = {}  # key -> notes that the sostenuto pedal holds
        self._idle: dict[tuple[int, int], float] = {}  # (key, track) -> a release of nothing
        self._reversed: set[int] = set()  # notes struck at the moment of such a release
        self._sustain = False
        self._catches = 0  # the sostenuto pedal, while down, holds notes of numbers below this
        self.undamped = False
        """Whether this is percussion, which no pedal holds."""

    def strike(self, key: int, track: int, note: int) -> None:
        """Presses a key: the note of this number begins."""
        now = self._starts[note]
        if self._idle.get((key, track)) == now:
            self._reversed.add(note)
        if (key, track) not in self._releases:
            track = _ANY_TRACK
        for ringing in (self._held, self._caught):
            if key in ringing:
                self._cut(ringing.pop(key).notes, now)
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
            for bundle in ringing.values():
                self._end(bundle.notes, now)
            ringing.clear()

    def sustain(self, down: bool, now: float) -> None:
        """Moves the sustain pedal down or up."""
        self._sustain = down
        if self._held and not down:
            # The sostenuto pedal is for keys that were down; it takes none of these over.
            for bundle in self._held.values():
                self._end(bundle.notes, now)
            self._held.clear()

    def sostenuto(self, down: bool, now: float) -> None:
        """Moves the sostenuto pedal down, to hold the keys that are down now, or up."""
        if down:
            self._catches = self._catches or len(self._starts)
            return
        self._catches = 0
        if self._caught:
            caught, self._caught = self._caught, {}
            self._pass_on(caught, now)

    def finish(self, now: float) -> list[list[int]]:
        """Lifts all pedals, the song being over; returns the notes never released, by key."""
        for ringing in (self._held, self._caught):
            for bundle in ringing.values():
                self._end(bundle.notes, now)
        down = [sorted(chain.from_iterable(tracks.values())) for tracks in self._down.values()]
        for note in self._reversed.intersection(chain.from_iterable(down)):
            # An ornament of no length that was written with its release first.
            self._ends[note] = self._starts[note]
        down = [[note for note in notes if note not in self._reversed] for notes in down]
        return [notes for notes in down if notes]

    def _release(self, key: int, notes: list[int], now: float) -> None:
        """Hands notes whose key went up, in order, to the pedals that are down."""
        if notes:
            self._pass_on({key: _Bundle(notes, notes[0], notes[-1])}, now)

    def _pass_on(self, bundles: dict[int, _Bundle], now: float) -> None:
        """Hands notes whose keys are up to the pedals that are down, or ends them."""
        sostenuto = 0 if self.undamped else self._catches
        sustain = self._sustain and not self.undamped
        for key, bundle in bundles.items():
            caught, rest = bundle.split(sostenuto)
            if caught is not None:
                _merge(self._caught, key, caught)
            if rest is not None and sustain:
                _merge(self._held, key, rest)
            elif rest is not None:
                self._end(rest.notes, now)

    def _end(self, notes: Iterable[int], now: float) -> None:
        for note in notes:
            self._ends[note] = now

    def _cut(self, notes: Iterable[int], now: float) -> None:
        """Ends notes whose key is struck again; of two at one moment only the later is heard."""
        for note in notes:
            self._ends[note] = DROPPED if self._starts[note] == now else now


class _Bundle:
    """Notes of one key that a pedal holds, and the lowest and highest of their numbers.

    Bundles move between pedals whole: a file that pumps two pedals over many notes stays cheap.
    """

    def __init__(self, notes: list[int], low: int, high: int) -> None:
        self.notes, self.low, self.high = notes, low, high

    def split(self, number: int) -> tuple[_Bundle | None, _Bundle | None]:
        """Parts the notes below a number from the others."""
        if self.high < number:
            return self, None
        if self.low >= number:
            return None, self
        below = [note for note in self.notes if note < number]
        others = [note for note in self.notes if note >= number]
        return (
            _Bundle(below, self.low, max(below)),
            _Bundle(others, min(others), self.high),
        )

    def joined(self, other: _Bundle) -> _Bundle:
        """Joins two bundles; the shorter list is added to the longer."""
        short, long = sorted((self.notes, other.notes), key=len)
        long.extend(short)
        return _Bundle(long, min(self.low, other.low), max(self.high, other.high))


def _merge(ringing: dict[int, _Bundle], key: int, bundle: _Bundle) -> None:
    known = ringing.get(key)
    ringing[key] = bundle if known is None else known.joined(bundle)
