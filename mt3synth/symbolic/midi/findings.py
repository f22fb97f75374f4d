"""What was repaired in a MIDI file and what in it is not heard, counted by kind."""

from __future__ import annotations

from collections import Counter

CONTROLLERS = {
    0: "bank select",
    1: "modulation",
    2: "breath",
    5: "portamento time",
    6: "data entry",
    7: "volume",
    10: "pan",
    11: "expression",
    32: "bank select, fine",
    65: "portamento",
    66: "sostenuto pedal",
    67: "soft pedal",
    91: "reverb",
    93: "chorus",
}


class Findings:
    """Counts findings by kind and turns them into one line a kind.

    findings = Findings()
    findings.add("data bytes above 127: {} masked")
    findings.lines()  # ["data bytes above 127: 1 masked"]
    """

    def __init__(self) -> None:
        self._counts: Counter[str] = Counter()
        self._beside: Counter[str] = Counter()

    def add(self, kind: str, count: int = 1) -> None:
        """Counts findings of a kind, a sentence with ``{}`` where the count stands."""
        self._counts[kind] += count

    def ignore(self, what: str, count: int = 1) -> None:
        """Counts messages that are understood but not heard."""
        self.add(what + ": {} ignored", count)

    def ignore_controller(self, number: int) -> None:
        """Counts messages of a controller that is not heard."""
        self.ignore(_name(number))

    def put_beside(self, what: str) -> None:
        """Counts messages that are kept beside the notes, for whoever does not take them alone."""
        self._beside[what + ": {} ignored"] += 1

    def put_controller_beside(self, number: int) -> None:
        """Counts messages of a controller that is kept as a curve beside the notes."""
        self.put_beside(_name(number))

    def lines(self) -> list[str]:
        """Lists the findings, one line a kind, in the order of the alphabet."""
        return _lines(self._counts)

    def lines_beside(self) -> list[str]:
        """Lists what is kept beside the notes, as those have it who take the notes alone."""
        return _lines(self._beside)


def _lines(counts: Counter[str]) -> list[str]:
    return sorted(kind.format(count) for kind, count in counts.items() if count)


def _name(number: int) -> str:
    name = CONTROLLERS.get(number)
    return f"controller {number}" + (f" ({name})" if name else "")
