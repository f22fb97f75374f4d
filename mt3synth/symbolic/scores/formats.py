"""Tells scores in notation from MIDI files and from each other, by what is in them."""

from __future__ import annotations

import re
from typing import Literal

Format = Literal["musicxml", "mxl", "humdrum", "abc"]

_HEAD = 4096  # bytes; comments before the first line that tells may be long
_XML_MARKS = (b"<?xml", b"<!DOCTYPE", b"<score-", b"<!--")


def find_format(data: bytes) -> Format | None:
    """Finds in which notation a file's content is, or None if it is in none that can be read.

    find_format(b"PK\\x03\\x04...")  # "mxl"
    find_format(b"X:1\\nT:Air\\nK:G\\nGABc|")  # "abc"
    """
    head = data[:_HEAD]
    if head.startswith(b"PK\x03\x04"):
        return "mxl"
    if head.startswith((b"\xff\xfe", b"\xfe\xff")):  # UTF-16 with its byte order mark
        head = head.decode("utf-16", "ignore").encode()
    text = head.removeprefix(b"\xef\xbb\xbf").lstrip()
    if text.startswith(_XML_MARKS):
        return "musicxml"
    # A spine of kern; comments with !! may stand before it.
    if re.search(rb"^\*\*(kern|recip)", text, re.MULTILINE) or text.startswith(b"!!!"):
        return "humdrum"
    # A tune needs its number and its key, and begins with fields or comments.
    if re.match(rb"[%A-Za-z]", text) and re.search(rb"^X:\s*\d", text, re.MULTILINE):
        return "abc"
    return None
