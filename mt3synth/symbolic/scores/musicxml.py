"""Takes MusicXML apart far enough to know that it does no harm, and that it is a score.

What is refused here is refused before music21 builds anything of it, and with the measure where the
file has come to.
"""

from __future__ import annotations

import io
import posixpath
import zipfile
from xml.parsers import expat

from mt3synth.symbolic.scores.errors import ScoreError

MAX_BYTES = 32 * 2**20
"""A file of this size, unpacked, is a symphony of an hour; a quartet has a tenth."""

MAX_WRITTEN = 200_000
"""The notes, rests, measures and signs that may be written in a file: music21 takes a millisecond
and some 5 kB of memory for each."""

MAX_TIMES = 100
"""How often a passage may be repeated."""

_COUNTED = {"note", "measure", "direction", "attributes", "barline", "harmony"}
_MAX_ELEMENTS = 4_000_000  # of any kind, which are kept in memory until all is read
_MAX_DEPTH = 64  # MusicXML is not 20 deep; parsers' trees of millions of levels are an attack
_MAX_MEMBERS = 1000
_CONTAINER = "META-INF/container.xml"
# The latter two of encodings that nobody knows, or that are none of text.
_DAMAGE = (expat.ExpatError, LookupError, ValueError)


def unpack(data: bytes, name: str) -> bytes:
    """Reads the score out of a compressed file (``.mxl``).

    Its container names it (MusicXML 4.0, "Compressed .mxl files"); without one it is the first
    file that could be it.

    Raises:
      ScoreError: the archive is damaged, holds no score, or one larger than ``MAX_BYTES``.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            members = archive.namelist()
            # Before any of them is read: the list alone may be an attack.
            if len(members) > _MAX_MEMBERS:
                raise ScoreError(f"{name}: {len(members)} files in it; no .mxl has so many")
            return _read_member(archive, _find_score(archive, members, name), name)
    except ScoreError:
        raise
    except Exception as error:  # zipfile and zlib raise whatever damage leads them into
        raise ScoreError(f"{name}: not a whole .mxl file ({error})") from error


def _find_score(archive: zipfile.ZipFile, members: list[str], name: str) -> str:
    if _CONTAINER in members:
        roots: list[str] = []

        def start(tag: str, attributes: dict[str, str]) -> None:
            if tag.rpartition(":")[2] == "rootfile":
                roots.append(attributes.get("full-path", ""))

        parser = _make_parser(name)
        parser.StartElementHandler = start
        try:
            parser.Parse(_read_member(archive, _CONTAINER, name), True)
        except ScoreError:
            raise
        except _DAMAGE as error:
            raise ScoreError(f"{name}: {_CONTAINER} is damaged ({error})") from error
        # The first is the score; others are the same in other formats.
        if roots and roots[0] in members:
            return roots[0]
    found = [
        member
        for member in members
        if member.lower().endswith((".xml", ".musicxml"))
        and posixpath.dirname(member) not in ("META-INF", "__MACOSX")
    ]
    if not found:
        raise ScoreError(f"{name}: no score in it; an .mxl file holds MusicXML")
    return found[0]


def _read_member(archive: zipfile.ZipFile, member: str, name: str) -> bytes:
    # Read bounded, whatever size the archive claims: a bomb unpacks to a thousand times its own.
    with archive.open(member) as file:
        data = file.read(MAX_BYTES + 1)
    if len(data) > MAX_BYTES:
        raise ScoreError(f"{name}: {member} unpacks to over {MAX_BYTES} bytes")
    return data


def check(data: bytes, name: str) -> None:
    """Checks that MusicXML is well formed, declares no entities and has notes, not too many.

    Entities are refused whole: none are needed in MusicXML, those inside a file can grow without
    bound, and those outside it would read other files.

    Raises:
      ScoreError: it is not so; the message names the measure.
    """
    checker = _Checker(name)
    try:
        checker.parser.Parse(data, True)
    except ScoreError:
        raise
    except _DAMAGE as error:
        raise ScoreError(f"{name}: {checker.where()}damaged XML ({error})") from error
    if not checker.notes:
        raise ScoreError(f"{name}: the score has no notes")


class _Checker:
    """Follows the elements of a file as they go by."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.notes = 0
        self._written = 0
        self._elements = 0
        self._measure: str | None = None
        self._depth = 0
        self.parser = _make_parser(name)
        self.parser.StartElementHandler = self._start
        self.parser.EndElementHandler = self._end

    def where(self) -> str:
        """Names the measure, with a colon; nothing before the first."""
        return "" if self._measure is None else f"measure {self._measure}: "

    def _start(self, tag: str, attributes: dict[str, str]) -> None:
        self._depth += 1
        if self._depth == 1 and tag != "score-partwise":
            # music21 reads this form alone; every program of today writes it.
            raise ScoreError(f"{self.name}: <{tag}> is no MusicXML score (score-partwise)")
        if self._depth > _MAX_DEPTH:
            raise ScoreError(f"{self.name}: {self.where()}elements nested {self._depth} deep")
        self._elements += 1
        self._written += tag in _COUNTED
        if self._written > MAX_WRITTEN or self._elements > _MAX_ELEMENTS:
            raise ScoreError(
                f"{self.name}: {self.where()}over {MAX_WRITTEN} notes and signs; take it apart"
            )
        if tag == "measure":
            self._measure = attributes.get("number", "?")
        # Not ``note``, which a rest is as well.
        elif tag in ("pitch", "unpitched"):
            self.notes += 1
        elif tag == "repeat" and "times" in attributes:
            times = attributes["times"]
            if not times.isdecimal() or int(times[:9]) > MAX_TIMES:
                raise ScoreError(
                    f"{self.name}: {self.where()}repeated {times:.20} times; at most {MAX_TIMES}"
                )

    def _end(self, tag: str) -> None:
        self._depth -= 1


def _make_parser(name: str) -> expat.XMLParserType:
    parser = expat.ParserCreate()

    def refuse(*entity: object) -> None:
        raise ScoreError(
            f"{name}: line {parser.CurrentLineNumber} declares an XML entity; take it out"
        )

    parser.EntityDeclHandler = refuse
    return parser
