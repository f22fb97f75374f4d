"""Has music21 read a score, at sounding pitch; the only place that knows its converters."""

from __future__ import annotations

import io
import re
import warnings
from contextlib import redirect_stderr
from typing import Any

from mt3synth.errors import first_line
from mt3synth.symbolic.scores import musicxml
from mt3synth.symbolic.scores.errors import ScoreError
from mt3synth.symbolic.scores.formats import Format

_MAX_TEXT = 2**20  # bytes of kern or of a tune in ABC: 300 000 notes
_LENGTH = re.compile(rb"^[LM]:", re.MULTILINE)
_TUNE = re.compile(rb"^X:", re.MULTILINE)
_TUNES = "only the first of {} tunes is played"


def parse(data: bytes, name: str, form: Format) -> tuple[Any, list[str]]:
    """Parses the content of a file.

    Args:
      data: the content.
      name: the file's, for messages.
      form: which notation it is in.

    Returns:
      A ``music21.stream.Score`` at sounding pitch, and what is left out of it.

    Raises:
      ScoreError: music21 is not installed, or the content cannot be read.
    """
    reports: list[str] = []
    if form == "mxl":
        data, form = musicxml.unpack(data, name), "musicxml"
    if form == "musicxml":
        musicxml.check(data, name)
    if form == "abc":
        # Before music21 reads a whole book for its first tune.
        tunes = [match.start() for match in _TUNE.finditer(data)]
        if len(tunes) > 1:
            data = data[: tunes[1]]
            reports.append(_TUNES.format(len(tunes)))
        if not _LENGTH.search(data):
            # ABC 2.1, 4.6: without a meter the unit is an eighth; music21 wants it said.
            data = re.sub(rb"^K:", b"L:1/8\nK:", data, count=1, flags=re.MULTILINE)
    # MusicXML is counted by its elements, which text has none of.
    if form in ("abc", "humdrum") and len(data) > _MAX_TEXT:
        raise ScoreError(f"{name}: over {_MAX_TEXT} bytes; take it apart")
    try:
        from music21 import converter, stream
    except ModuleNotFoundError as error:
        raise ScoreError(
            f"{name}: a score in notation needs music21: pip install 'mt3synth[scores]'"
        ) from error
    try:
        # It warns of layout, and of what `written` reports for itself; of kern it writes to stderr
        # by itself, word by word what is in the file.
        with warnings.catch_warnings(), redirect_stderr(io.StringIO()):
            warnings.simplefilter("ignore")
            parser: Any = converter.Converter()
            parser.parseData(_decode(data, form), format=form)
            score = parser.stream
            if isinstance(score, stream.Opus):  # of one tune still
                score = next(iter(score.scores))
            # Here once, so that nothing behind it knows of transposing instruments.
            score.toSoundingPitch(inPlace=True)
    except Exception as error:  # music21 raises anything at all on a bad file
        raise ScoreError(f"{name}: music21 cannot read it ({first_line(error)})") from error
    return score, reports


def _decode(data: bytes, form: Format) -> str:
    if form == "musicxml":
        return _decode_xml(data)
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:  # older collections; each byte is a letter
        return data.decode("latin-1")


def _decode_xml(data: bytes) -> str:
    """Decodes XML as its declaration says; the check before has read it so."""
    from xml.etree import ElementTree

    return ElementTree.tostring(ElementTree.fromstring(data), encoding="unicode")
