"""Small scores in MusicXML for tests, put together from pieces of text."""

from __future__ import annotations

from collections.abc import Iterable

from mt3synth.symbolic.midi import MidiSong
from mt3synth.symbolic.scores import play_score

DIVISIONS = 24  # of a quarter


def note(pitch: str, quarters: float = 1.0, notations: str = "", more: str = "") -> str:
    """One note, such as ``"F#4"``; ``R`` is a rest. ``more`` stands where <chord/> and <tie> do."""
    if pitch == "R":
        sounding = "<rest/>"
    else:
        alter = {"#": "<alter>1</alter>", "b": "<alter>-1</alter>"}.get(pitch[1:-1], "")
        sounding = f"<pitch><step>{pitch[0]}</step>{alter}<octave>{pitch[-1]}</octave></pitch>"
    grace = "<grace" in more
    length = "" if grace else f"<duration>{round(quarters * DIVISIONS)}</duration>"
    before = more if "<grace" in more or "<chord" in more else ""
    after = "" if before else more
    marked = f"<notations>{notations}</notations>" if notations else ""
    kind = "<type>eighth</type>" if grace else ""
    return f"<note>{before}{sounding}{length}{after}<voice>1</voice>{kind}{marked}</note>"


def marks(*names: str) -> str:
    """Notations with articulations."""
    return "<articulations>" + "".join(f"<{name}/>" for name in names) + "</articulations>"


def direction(content: str, sound: str = "") -> str:
    """A direction, such as ``"<words>pizz.</words>"`` or ``"<dynamics><p/></dynamics>"``."""
    return (
        f"<direction><direction-type>{content}</direction-type>"
        f"{f'<sound {sound}/>' if sound else ''}</direction>"
    )


def words(text: str) -> str:
    """A direction in words."""
    return direction(f"<words>{text}</words>")


def dynamic(name: str) -> str:
    """A dynamic mark."""
    return direction(f"<dynamics><{name}/></dynamics>")


def wedge(kind: str) -> str:
    """The beginning (``crescendo``, ``diminuendo``) or end (``stop``) of a hairpin."""
    return direction(f'<wedge type="{kind}"/>')


def barline(side: str, inside: str) -> str:
    """A barline with a repeat, an ending or another style."""
    return f'<barline location="{side}">{inside}</barline>'


FORWARD = barline("left", '<repeat direction="forward"/>')
BACKWARD = barline("right", '<repeat direction="backward"/>')


def ending(side: str, number: str, kind: str, repeat: str = "") -> str:
    """A bracket over an ending begins or ends."""
    return barline(side, f'<ending number="{number}" type="{kind}"/>{repeat}')


def quarters(*pitches: str) -> str:
    """A measure of quarters."""
    return "".join(note(pitch) for pitch in pitches)


Part = Iterable[str]


def score(*measures: str, name: str = "Violin", program: int = 41, beats: int = 4) -> bytes:
    """A score of one part; ``program`` counts from 1, as MusicXML does."""
    return score_of_parts((measures, name, program), beats=beats)


def score_of_parts(*parts: tuple[Part, str, int], beats: int = 4, attributes: str = "") -> bytes:
    """A score of parts: measures, name and program of each."""
    listed, written = [], []
    for index, (measures, name, program) in enumerate(parts, 1):
        listed.append(
            f'<score-part id="P{index}"><part-name>{name}</part-name>'
            f'<score-instrument id="I{index}"><instrument-name>{name}</instrument-name>'
            f'</score-instrument><midi-instrument id="I{index}">'
            f"<midi-program>{program}</midi-program></midi-instrument></score-part>"
        )
        first = (
            f"<attributes><divisions>{DIVISIONS}</divisions><key><fifths>0</fifths></key>"
            f"<time><beats>{beats}</beats><beat-type>4</beat-type></time>{attributes}</attributes>"
        )
        body = "".join(
            f'<measure number="{number}">{first if number == 1 else ""}{content}</measure>'
            for number, content in enumerate(measures, 1)
        )
        written.append(f'<part id="P{index}">{body}</part>')
    return (
        '<?xml version="1.0" encoding="UTF-8"?>'
        f'<score-partwise version="4.0"><part-list>{"".join(listed)}</part-list>'
        f"{''.join(written)}</score-partwise>"
    ).encode()


def play(*measures: str, expression: float = 0.0, **options: object) -> MidiSong:
    """Plays a score of one part at 60 quarters a minute, so that seconds are quarters."""
    slow = direction("<words></words>", 'tempo="60"')
    first, *others = measures
    return play_score(score(slow + first, *others, **options), "case.musicxml", expression)  # type: ignore[arg-type]


def rows(song: MidiSong) -> list[tuple[float, float, int]]:
    """Start, length and key of each note, rounded to ms."""
    notes = song.notes
    return [
        (round(float(s), 3), round(float(e - s), 3), int(p))
        for s, e, p in zip(notes.start, notes.end, notes.pitch)
    ]
