"""Reads performances (soundfont, room, recording chain, player) from ``performances.toml``."""

from __future__ import annotations

import tomllib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from data_pipelines.corpus.expression import Player
from data_pipelines.corpus.sound.recording_chain import Chain
from data_pipelines.corpus.sound.reverb import Room
from data_pipelines.corpus.sound.soundfonts import Soundfont
from mt3synth.errors import UserError, explain_os_errors

DEFAULT_FILE = Path(__file__).with_name("performances.toml")
_PARTS: dict[str, Callable[..., Any]] = {
    "soundfont": Soundfont, "room": Room, "chain": Chain, "player": Player
}  # fmt: skip


@dataclass(frozen=True)
class Performance:
    """Describes a performance; its position in the file is its ID.

    Attributes:
      name, description: for people.
      soundfont, room, chain, player: what it is made of.
      gain_db: fixed gain of the dry sound.
      weight: how often songs are given to it, relative to the others; more than 0.
    """

    name: str
    description: str
    soundfont: Soundfont
    room: Room
    chain: Chain
    player: Player
    gain_db: float
    weight: float

    def __post_init__(self) -> None:
        if self.weight <= 0:
            raise ValueError(f"{self.name}: weight={self.weight}; must be more than 0")


def read_performances(path: Path = DEFAULT_FILE) -> tuple[Performance, ...]:
    """Reads all performances of a file, in the order of their IDs.

    Raises:
      UserError: the file is missing or malformed, a performance names an unknown part or value,
        or two have one name.
    """
    with explain_os_errors(path):
        content = path.read_bytes()
    try:
        table = tomllib.loads(content.decode())
        known = {
            # Parts are made once and named by performances, so that two of these may share a room.
            part: {name: make(**fields) for name, fields in table[f"{part}s"].items()}
            for part, make in _PARTS.items()
        }
        described: list[dict[str, Any]] = [
            {name: entry[name] for name in ("name", "description")}
            | {part: named[entry[part]] for part, named in known.items()}
            | {name: float(entry[name]) for name in ("gain_db", "weight")}
            for entry in table["performances"]
        ]
        performances = tuple(Performance(**fields) for fields in described)
    except KeyError as problem:
        raise UserError(f"{path}: {problem} is not defined") from problem
    except (TypeError, ValueError) as problem:
        raise UserError(f"{path}: {problem}") from problem
    names = [p.name for p in performances]
    for name in names:
        if names.count(name) > 1:
            raise UserError(f"{path}: two performances are called {name!r}; names must differ")
    return performances
