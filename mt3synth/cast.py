"""Whose sound a song gets: performances blended, changing along it, one for each instrument.

An expression is a list of ``[INSTRUMENT=]BLEND[@TIME]`` with commas between:

    tape                            one performance
    tape*0.7+hall*0.3               a blend of two, whose shares add up to 1
    tape@0:00,hall@1:30             from 1:30 on another one
    violin=tape,piano=hall          one for each instrument
    violin=tape,violin=hall@1:30,church   and all others as in a church
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field

from mt3synth.errors import UserError, unknown
from mt3synth.times import read_time, write_time

_TOLERANCE = 1e-3
"""By how much shares may miss 1, so that three times 0.333 will do."""


@dataclass(frozen=True)
class Blend:
    """Performances that are heard at once.

    Attributes:
      shares: name and share of each performance; all are above 0, and they add up to 1.
    """

    shares: tuple[tuple[str, float], ...]

    def __str__(self) -> str:
        if len(self.shares) == 1:
            return self.shares[0][0]
        return "+".join(f"{name}*{round(share, 6):g}" for name, share in self.shares)


@dataclass(frozen=True)
class Line:
    """Blends that follow each other along a song.

    Attributes:
      changes: when each begins, in seconds of the song, and what it is; the first at 0.
    """

    changes: tuple[tuple[float, Blend], ...]

    def spells(self) -> Iterator[tuple[float, float, str]]:
        """Yields from when to when each performance is heard, and its name."""
        ends = [time for time, _ in self.changes[1:]] + [math.inf]
        for (start, blend), end in zip(self.changes, ends):
            for name, _ in blend.shares:
                yield start, end, name

    def __str__(self) -> str:
        if len(self.changes) == 1:
            return str(self.changes[0][1])
        return ",".join(f"{blend}@{write_time(time)}" for time, blend in self.changes)


@dataclass(frozen=True)
class Cast:
    """Says in whose sound each part of a song is played.

        cast = read_cast("violin=tape,piano=hall", ["tape", "hall"], "tape")

    Attributes:
      others: what holds for all parts that are not named.
      parts: by the name of a part or of an instrument; empty if the song is rendered whole.
    """

    others: Line
    parts: Mapping[str, Line] = field(default_factory=dict)

    def line(self, *names: str) -> Line:
        """Returns what holds for a part, by the first of its names that is known."""
        return next((self.parts[name] for name in names if name in self.parts), self.others)

    def lines(self) -> list[Line]:
        """Lists all that holds for any part."""
        return [*self.parts.values(), self.others]

    def check_end(self, end: float) -> None:
        """Refuses changes after the end of a song.

        Raises:
          UserError: naming the first of them.
        """
        for line in self.lines():
            for time, blend in line.changes[1:]:
                if time >= end:
                    raise UserError(
                        f"performance {blend}@{write_time(time)} is after the song, which ends at "
                        f"{write_time(end)}"
                    )

    def __str__(self) -> str:
        named = [
            ",".join(f"{name}={change}" for change in str(line).split(","))
            for name, line in self.parts.items()
        ]
        return ",".join([*named, str(self.others)])


def read_cast(expression: str | None, known: Collection[str], default: str) -> Cast:
    """Reads in whose sound a song is to be played.

    Args:
      expression: as at the top of this module; None is the default alone.
      known: names of all performances.
      default: name of the one in which those parts are for which none is named.

    Raises:
      UserError: an unknown performance, shares that do not add up to 1, times out of order, or two
        performances for the same notes.
    """
    if expression is None:
        expression = default
    # A name may have any character in it, and then means the performance itself.
    if expression in known or not any(character in expression for character in ",=@+*"):
        return Cast(_alone(_check_name(expression, known)))
    try:
        changes: dict[str, dict[float, Blend]] = {}
        for item in expression.split(","):
            part, blend, time = _read_item(item, known)
            if time in changes.setdefault(part, {}):
                whose = f"for {part} " if part else ""
                raise UserError(f"two performances {whose}at {write_time(time)}")
            changes[part][time] = blend
        lines = {part: _order(part, line) for part, line in changes.items()}
    except UserError as error:
        raise UserError(f"performance {expression!r}: {error}") from error
    others = lines.pop("", None) or _alone(default)
    return Cast(others, lines)


def _alone(name: str) -> Line:
    return Line(((0.0, Blend(((name, 1.0),))),))


def _check_name(name: str, known: Collection[str]) -> str:
    if name not in known:
        raise UserError(f"no performance {unknown(name, known)}")
    return name


def _read_item(item: str, known: Collection[str]) -> tuple[str, Blend, float]:
    """Reads ``[INSTRUMENT=]BLEND[@TIME]``."""
    part, equals, rest = item.rpartition("=")
    if equals and not part.strip():
        raise UserError(f"{item.strip()!r} names no instrument; write violin=NAME")
    blend, at, time = rest.partition("@")
    return part.strip(), _read_blend(blend, known), read_time(time) if at else 0.0


def _read_blend(text: str, known: Collection[str]) -> Blend:
    """Reads ``NAME``, or ``NAME*SHARE+NAME*SHARE``; without any share all have the same."""
    shares: dict[str, float | None] = {}
    for term in text.split("+"):
        written, times, share = term.partition("*")
        name = _check_name(written.strip(), known)
        if name in shares:
            raise UserError(f"{name} stands twice in {text.strip()!r}")
        shares[name] = _read_share(share, text) if times else None
    given = [share for share in shares.values() if share is not None]
    if not given:
        return Blend(tuple((each, 1 / len(shares)) for each in shares))
    if len(given) < len(shares):
        raise UserError(f"in {text.strip()!r} some have a share and some have none; give all of it")
    total = math.fsum(given)
    if abs(total - 1) > _TOLERANCE:
        raise UserError(f"the shares of {text.strip()!r} add up to {total:g}; must be 1")
    return Blend(tuple((each, share / total) for each, share in zip(shares, given)))


def _read_share(text: str, blend: str) -> float:
    try:
        share = float(text)
    except ValueError:
        share = math.nan
    # Written so that NaN is refused as well.
    if not 0 < share <= 1:
        raise UserError(f"share {text.strip()!r} in {blend.strip()!r}; must be above 0, at most 1")
    return share


def _order(part: str, changes: Mapping[float, Blend]) -> Line:
    """Orders the blends of a part; the first must begin with the song."""
    line = tuple(sorted(changes.items(), key=lambda change: change[0]))
    if line[0][0] > 0:
        whose = f" for {part}" if part else ""
        raise UserError(f"nothing{whose} before {write_time(line[0][0])}; begin with NAME@0:00")
    return Line(line)
