"""Repeats, endings, da capo and dal segno: the order in which measures are played.

The order itself is music21's (`music21.repeat.Expander`), which is given a skeleton of the score:
measures that hold nothing but signs. So the notes need not be copied for each time they are
played, signs count in whichever part they are printed, and rules see the score as it is written.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

from mt3synth.symbolic.scores.errors import ScoreError

MAX_MEASURES = 20_000
"""As many as may be played, repeats counted."""

MAX_REPEATS = 128
"""Of one score: music21 copies it for each, 22 s for 100 repeats in 400 measures."""

_DRAWN_SHORT = 16  # measures that an ending's bracket may end too early


def find_order(parts: list[list[Any]], brackets: list[Any], name: str) -> list[int]:
    """Finds the order in which the measures of a score are played.

    Args:
      parts: music21's measures of each part.
      brackets: its ``RepeatBracket`` objects, the endings of all parts.
      name: the file's, for messages.

    Returns:
      Positions in the list of measures.

    Raises:
      ScoreError: the signs contradict each other; the message names the measure.
    """
    from music21 import note, repeat, stream

    # The longest part: files leave out what is empty at the end of others.
    count = max(len(measures) for measures in parts)
    bare: list[Any] = [stream.Measure(number=index + 1) for index in range(count)]
    jumps: list[tuple[int, str]] = []
    for index, measure in enumerate(bare):
        measure.groups.append(str(index))  # its name, which copies keep
        measure.append(note.Rest())  # so that measures follow each other in time
        jumps += [(index, sign) for sign in _copy_signs(parts, index, measure)]
    # No sign at all, as in most scores: nothing is to be worked out.
    if not jumps and not any(m.leftBarline or m.rightBarline for m in bare):
        return list(range(count))
    skeleton = stream.Part()
    skeleton.append(bare)
    endings = _copy_endings(parts, brackets, bare)
    for bracket in endings:
        skeleton.insert(0, bracket)
    _pair_repeats(bare, {id(m) for bracket in endings for m in bracket.getSpannedElements()})

    def where(index: int) -> str:
        numbers = [measures[index].number for measures in parts if index < len(measures)]
        return f"{name}: measure {numbers[0]}: "

    if sum(sign in _PRINTED for _, sign in jumps) > 1:
        # music21 would follow none of them.
        raise ScoreError(_explain(jumps, bare, where))
    # Before music21 writes the measures out one by one.
    _check_length(bare, where)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            played = repeat.Expander(skeleton).process().getElementsByClass(stream.Measure)
            order = [int(measure.groups[0]) for measure in played]
    except Exception as error:  # its own, and whatever odd signs lead it into
        raise ScoreError(_explain(jumps, bare, where)) from error
    if len(order) > MAX_MEASURES:
        raise ScoreError(f"{name}: {len(order)} measures with repeats; at most {MAX_MEASURES}")
    return order


def _copy_signs(parts: list[list[Any]], index: int, measure: Any) -> list[str]:
    """Copies the repeats and jumps at one measure; returns the names of the jumps."""
    from music21 import bar

    jumps: list[Any] = []
    for measures in parts:
        if index >= len(measures):
            continue
        for side in ("leftBarline", "rightBarline"):
            sign = getattr(measures[index], side, None)  # a tune without barlines has none
            # Any part may bear the sign: many programs print it in the first staff alone.
            if isinstance(sign, bar.Repeat) and getattr(measure, side) is None:
                setattr(measure, side, bar.Repeat(direction=sign.direction, times=sign.times))
        # Jumps count once, by the first part that has any.
        jumps = jumps or list(measures[index].getElementsByClass("RepeatExpression"))
    for jump in jumps:
        command = type(jump)()
        if hasattr(jump, "repeatAfterJump"):
            command.repeatAfterJump = jump.repeatAfterJump
        measure.append(command)
    return [type(jump).__name__ for jump in jumps]


def _copy_endings(parts: list[list[Any]], brackets: list[Any], bare: list[Any]) -> list[Any]:
    """Copies the endings of the first part that has any; those without a number get one."""
    from music21 import spanner

    for measures in parts:
        position = {id(measure): index for index, measure in enumerate(measures)}
        found = []
        for bracket in brackets:
            spanned = [position.get(id(m)) for m in bracket.getSpannedElements()]
            inside = sorted(index for index in spanned if index is not None)
            if inside:
                found.append((_extend(inside[0], inside[-1], bare), bracket))
        copied: list[Any] = []
        last, number = -2, 0
        for inside, bracket in sorted(found, key=lambda pair: pair[0]):
            # An ending right after another goes on counting; engravers leave the number out.
            number = number if inside[0] == last + 1 else 0
            numbers = [n for n in bracket.numberRange if n > 0] or [number + 1]
            last, number = inside[-1], max(numbers)
            label = ",".join(str(n) for n in numbers)
            copied.append(spanner.RepeatBracket([bare[i] for i in inside], number=label))
        if copied:
            return copied
    return []


def _extend(first: int, last: int, bare: list[Any]) -> list[int]:
    """Lists the measures of an ending, up to the sign that sends back: brackets are drawn short."""
    for index in range(last, len(bare)):
        left, right = bare[index].leftBarline, bare[index].rightBarline
        if index > last and left is not None:
            break
        if right is not None:
            return list(range(first, index + 1))
        if index - last > _DRAWN_SHORT:
            break
    return list(range(first, last + 1))


def _pair_repeats(bare: list[Any], in_endings: set[int]) -> None:
    """Gives each end of a repeat its beginning, as players find it, and drops lone beginnings.

    A passage whose beginning is not marked begins where the one before ended, or with the piece.
    """
    from music21 import bar

    opened: int | None = None
    free = 0  # the first measure that no repeat before covers
    for index, measure in enumerate(bare):
        left, right = measure.leftBarline, measure.rightBarline
        if left is not None and left.direction == "start":
            if opened is not None:
                bare[opened].leftBarline = None
            opened = index
        for sign, following in ((left, index), (right, index + 1)):
            if sign is None or sign.direction != "end":
                continue
            # A further ending of the same repeat ends with a sign as well.
            further = id(measure) in in_endings and free == _first_of(bare, index, in_endings)
            if opened is None and not further:
                bare[free].leftBarline = bar.Repeat(direction="start")
            opened, free = None, following
    if opened is not None:
        bare[opened].leftBarline = None


def _first_of(bare: list[Any], index: int, inside: set[int]) -> int:
    """Finds where the run of endings begins that a measure lies in, after the last repeat."""
    while index > 0 and id(bare[index - 1]) in inside and bare[index - 1].rightBarline is None:
        index -= 1
    return index


def _check_length(bare: list[Any], where: Callable[[int], str]) -> None:
    """Refuses nested repeats that would play a score longer than anyone waits for."""
    lengths = [0]  # of the passages that are open, innermost last
    repeats = 0
    for index, measure in enumerate(bare):
        left, right = measure.leftBarline, measure.rightBarline
        if left is not None and left.direction == "start":
            lengths.append(0)
        lengths[-1] += 1
        for sign in (left, right):
            if sign is not None and sign.direction == "end":
                repeats += 1
                passage = lengths.pop() * (sign.times or 2)
                lengths = lengths or [0]
                lengths[-1] += passage
        if repeats > MAX_REPEATS:
            raise ScoreError(f"{where(index)}over {MAX_REPEATS} repeats; take the score apart")
        if sum(lengths) > MAX_MEASURES:
            raise ScoreError(f"{where(index)}over {MAX_MEASURES} measures with repeats")


_NEEDED = {
    "DalSegno": ("Segno",),
    "AlSegno": ("Segno",),
    "DalSegnoAlFine": ("Segno", "Fine"),
    "DalSegnoAlCoda": ("Segno", "Coda"),
    "DaCapoAlFine": ("Fine",),
    "DaCapoAlCoda": ("Coda",),
}
_PRINTED = {
    "DaCapo": "D.C.",
    "DaCapoAlFine": "D.C. al Fine",
    "DaCapoAlCoda": "D.C. al Coda",
    "AlSegno": "al Segno",
    "DalSegno": "D.S.",
    "DalSegnoAlFine": "D.S. al Fine",
    "DalSegnoAlCoda": "D.S. al Coda",
}


def _explain(jumps: list[tuple[int, str]], bare: list[Any], where: Callable[[int], str]) -> str:
    """Says which sign cannot be followed, and why as far as that can be seen."""
    present = [sign for _, sign in jumps]
    commands = [(index, sign) for index, sign in jumps if sign in _PRINTED]
    for index, sign in commands:
        missing = [needed for needed in _NEEDED.get(sign, ()) if needed not in present]
        if missing:
            return f"{where(index)}{_PRINTED[sign]}, but there is no {' or '.join(missing)}"
        if "Coda" in sign and present.count("Coda") != 2:
            return f"{where(index)}{_PRINTED[sign]} needs two Coda signs: where from, where to"
    if len(commands) > 1:
        return f"{where(commands[1][0])}{_PRINTED[commands[1][1]]} after another jump back"
    if commands:
        return f"{where(commands[0][0])}{_PRINTED[commands[0][1]]} contradicts the other signs"
    ends = (i for i, m in enumerate(bare) if m.rightBarline is not None)
    first = next(ends, 0)
    return f"{where(first)}repeats and endings contradict each other"
