"""Broken scores in notation: MusicXML as text and packed, kern, ABC."""

from __future__ import annotations

import re
from functools import partial
from pathlib import Path
from random import Random

from byte_mutations import change_bytes, change_text
from container_mutations import change_zip, make_zip
from readers import Case

from mt3synth.symbolic.scores import read_music

_NOTE = (
    "<note><pitch><step>{}</step><octave>4</octave></pitch><duration>1</duration>"
    "<voice>1</voice><type>quarter</type>{}</note>"
)
_MARKS = (
    "<notations><articulations><staccato/></articulations></notations>",
    "<notations><ornaments><trill-mark/></ornaments></notations>",
    '<notations><slur type="start" number="1"/><tied type="start"/></notations>',
    "<notations><fermata/><arpeggiate/></notations>",
)
_FIRST = (
    "<attributes><divisions>1</divisions><key><fifths>0</fifths></key><time><beats>4</beats>"
    "<beat-type>4</beat-type></time></attributes><direction><direction-type><dynamics><p/>"
    '</dynamics></direction-type><sound tempo="90"/></direction><direction><direction-type>'
    '<wedge type="crescendo"/></direction-type></direction>'
)
_REPEAT = '<barline location="right"><repeat direction="backward"/></barline>'
_MEASURES = "".join(
    f'<measure number="{n}">{_FIRST if n == 1 else ""}'
    + "".join(map(_NOTE.format, "CDEF", _MARKS))
    + f"{_REPEAT if n == 2 else ''}</measure>"
    for n in (1, 2, 3)
)
MUSICXML = (
    '<?xml version="1.0" encoding="UTF-8"?>\n<score-partwise version="4.0"><part-list>'
    '<score-part id="P1"><part-name>Violin</part-name></score-part></part-list>'
    f'<part id="P1">{_MEASURES}</part></score-partwise>'
)
_CONTAINER = '<container><rootfiles><rootfile full-path="s.xml"/></rootfiles></container>'
KERN = "**kern\t**kern\n*M4/4\t*M4/4\n*MM90\t*MM90\n=1\t=1\n4C\t4e\n4D\t8f\n.\t8g\n2E\t2a\n*-\t*-\n"
ABC = "X:1\nT:Air\nM:4/4\nL:1/4\nQ:1/4=90\nK:G\n|:GA Bc|d2 (3efg|~a>b c'2:|\n"
_DOCTYPES = (
    '<!DOCTYPE s [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]>',
    '<!DOCTYPE s [<!ENTITY a SYSTEM "file:///etc/passwd">]>',
    '<!DOCTYPE s [<!ENTITY % a SYSTEM "http://127.0.0.1:1/x"> %a;]>',
    '<!DOCTYPE score-partwise SYSTEM "../../outside">',
)
_WORDS = ("0", "-1", "1000000000", "1e400", "x", "start", "stop", "continue", "C", "&a;", "&b;")


class ScoreReader:
    """Plays scores in notation, with and without expression."""

    def __init__(self, folder: Path) -> None:
        """All seeds are in this file."""

    def break_one(self, folder: Path, rng: Random) -> Case:
        """Breaks one of the four."""
        name = rng.choice(("x.musicxml", "x.musicxml", "x.mxl", "x.krn", "x.abc"))
        if name == "x.musicxml":
            data = break_xml(MUSICXML, rng)
        elif name == "x.mxl":
            xml = break_xml(MUSICXML, rng) if rng.random() < 0.3 else MUSICXML.encode()
            data = make_zip([("META-INF/container.xml", _CONTAINER.encode()), ("s.xml", xml)])
            data = change_zip(data, rng)
        else:
            data = change_text(KERN if name == "x.krn" else ABC, rng, ("*", "=", "|", "4", "!!"))
        (folder / name).write_bytes(data)
        return partial(read_music, folder / name, rng.choice((0.0, 0.0, 0.5, 1.0)))

    def command(self, folder: Path) -> list[str]:
        """Renders five seconds of it."""
        (path,) = folder.iterdir()
        return ["synthesize", str(path), "--end", "5", "--steps", "0", "-o", str(folder / "y.wav")]


def break_xml(text: str, rng: Random) -> bytes:
    """Breaks elements: taken out, doubled, moved, other text or attributes, entities, nested."""
    if rng.random() < 0.15:
        return change_bytes(text.encode(), rng)
    for _ in range(rng.choice((1, 1, 2, 4))):
        elements = list(re.finditer(r"<([\w-]+)[^<>/]*>[^<>]*</\1>|<[\w-]+[^<>]*/>", text))
        one = rng.choice(elements) if elements else None
        what = rng.randrange(9)
        if one is None:
            continue
        elif what == 0:
            text = text[: one.start()] + text[one.end() :]
        elif what == 1:
            often = rng.choice((2, 3, 200))
            text = text[: one.start()] + one[0] * often + text[one.end() :]
        elif what == 2:
            other = rng.choice(elements)
            text = text[: other.end()] + one[0] + text[other.end() :]
        elif what == 3:
            doctype = rng.choice(_DOCTYPES)
            text = text.replace("<score-partwise", doctype + "<score-partwise", 1)
        elif what == 4:
            depth = rng.choice((3, 100, 100_000))
            text = text[: one.start()] + "<a>" * depth + one[0] + "</a>" * depth + text[one.end() :]
        else:
            changed = re.sub(r">[^<>]*<|\"[^\"]*\"", lambda m: _refill(m[0], rng), one[0])
            text = text[: one.start()] + changed + text[one.end() :]
    return text.encode("utf-8", "replace")


def _refill(found: str, rng: Random) -> str:
    return found[0] + rng.choice(_WORDS) + found[-1]
