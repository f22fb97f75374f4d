"""Bytes, lines and JSON values made wrong, whatever they mean."""

from __future__ import annotations

import json
from random import Random
from typing import Any

_NUMBERS: tuple[Any, ...] = (0, 1, -1, 2, 7, 255, 1000, 2**31, 2**63, 10**30, 1e-9, 1e308, -0.5)
_WORDS = (
    "",
    "a",
    "\0",
    "../../outside",
    "/etc/passwd",
    "C:\\x",
    "%s%n",
    "\x1b[2J",
    "x\ny",
    "ü\u202e",
    "\ud800",
)
_OTHERS: tuple[Any, ...] = (None, True, False, [], {}, [1], {"a": 1}, float("nan"), float("inf"))


def change_bytes(data: bytes, rng: Random) -> bytes:
    """Changes a few bytes: flipped, set, put in, taken out, repeated, cut off."""
    changed = bytearray(data or b"\0")
    for _ in range(rng.choice((1, 1, 2, 4, 16))):
        at, size = rng.randrange(len(changed) + 1), rng.choice((1, 1, 2, 4, 8, 64))
        match rng.randrange(7):
            case 0 if at < len(changed):
                changed[at] ^= 1 << rng.randrange(8)
            case 1:
                changed[at : at + size] = rng.randbytes(size)
            case 2:
                changed[at:at] = rng.randbytes(size)
            case 3:
                del changed[at : at + size]
            case 4:
                changed[at:at] = changed[at : at + size] * rng.choice((1, 2, 50))
            case 5:
                extreme = rng.choice((b"\0", b"\xff", b"\x7f", b"\x80"))
                changed[at : at + size] = extreme * size
            case 6 if rng.random() < 0.2:
                del changed[at:]
    return bytes(changed)


def change_text(text: str, rng: Random, words: tuple[str, ...] = ()) -> bytes:
    """Changes lines and words of a text, or its bytes.

    Args:
      text: what is changed.
      rng: decides how.
      words: what may be put in, beside words that are wrong anywhere.
    """
    if rng.random() < 0.3:
        return change_bytes(text.encode(), rng)
    lines = text.splitlines(keepends=True) or [""]
    for _ in range(rng.choice((1, 1, 2, 5))):
        at = rng.randrange(len(lines))
        match rng.randrange(6):
            case 0:
                del lines[at]
                lines = lines or [""]
            case 1:
                lines[at:at] = [lines[at]] * rng.choice((1, 2, 100))
            case 2:
                other = rng.randrange(len(lines))
                lines[at], lines[other] = lines[other], lines[at]
            case 3:
                lines[at:at] = ["".join(rng.choices("([{\"'\\,:=<>&;@%#\t ", k=rng.choice((1, 5))))]
            case _:
                parts = lines[at].replace(",", " , ").split(" ")
                parts[rng.randrange(len(parts))] = rng.choice(
                    (*words, *_WORDS[:-1], *(repr(number) for number in _NUMBERS))
                )
                lines[at] = " ".join(parts).replace(" , ", ",")
    return "".join(lines).encode("utf-8", "replace")


def change_json(text: str, rng: Random) -> bytes:
    """Changes values, names and depth of JSON, or its bytes."""
    if rng.random() < 0.2:
        return change_bytes(text.encode(), rng)
    value = json.loads(text)
    for _ in range(rng.choice((1, 1, 1, 2, 4))):
        value = _change_value(value, rng)
    return json.dumps(value).encode()


def deep_json(rng: Random) -> bytes:
    """Makes JSON whose depth or whose numbers are an attack."""
    depth = rng.choice((50, 500, 5_000, 200_000))
    open_, close = rng.choice((("[", "]"), ('{"a":', "}")))
    match rng.randrange(3):
        case 0:
            return (open_ * depth + "1" + close * depth).encode()
        case 1:
            return (open_ * depth).encode()
        case _:
            return b'{"format": ' + b"9" * depth + b"}"


def _change_value(value: Any, rng: Random) -> Any:
    """Changes one of the values in a value, found by going down at random."""
    inside = value if isinstance(value, dict | list) and value else None
    if inside is None or rng.random() < 0.04:
        return _another(value, rng)
    keys = list(inside) if isinstance(inside, dict) else list(range(len(inside)))
    key = rng.choice(keys)
    what = rng.random()
    if what < 0.06:
        del inside[key]
    elif what < 0.1 and isinstance(inside, dict):
        inside[rng.choice((*_WORDS, "type", str(key) + "x"))] = inside.pop(key)
    elif what < 0.13 and isinstance(inside, list):
        inside += [inside[key]] * rng.choice((1, 3, 1000))
    else:
        inside[key] = _change_value(inside[key], rng)
    return inside


def _another(value: Any, rng: Random) -> Any:
    """Puts another value in the place of one, mostly of its own kind."""
    if rng.random() < 0.25:
        return rng.choice((*_OTHERS, *_NUMBERS, *_WORDS))
    if isinstance(value, bool):
        return not value
    if isinstance(value, int):
        return rng.choice((value + 1, value - 1, value * 2, value // 2, -value, *_NUMBERS))
    if isinstance(value, float):
        return rng.choice((value * 2, value / 3, -value, float("nan"), *_NUMBERS))
    if isinstance(value, str):
        return rng.choice((*_WORDS, value + "x", value[:-1], value * 1000))
    return rng.choice(_OTHERS)
