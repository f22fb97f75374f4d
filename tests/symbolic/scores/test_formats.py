"""Which notation a file is in, by its content."""

import gzip

import pytest
from notation_cases import quarters, score

from mt3synth.symbolic.scores import find_format

MUSICXML = score(quarters("C4", "D4", "E4", "F4"))


@pytest.mark.parametrize(
    ("data", "form"),
    [
        (MUSICXML, "musicxml"),
        (b"\xef\xbb\xbf" + MUSICXML, "musicxml"),
        (MUSICXML.decode().replace("UTF-8", "UTF-16").encode("utf-16"), "musicxml"),
        (b"<!DOCTYPE score-partwise><score-partwise/>", "musicxml"),
        (b"PK\x03\x04\x14\x00", "mxl"),
        (b"!!!COM: Chopin\n**kern\t**kern\n", "humdrum"),
        (b"**kern\n4c\n*-\n", "humdrum"),
        (b"% a tune\nX:1\nT:Air\nK:G\nGABc|\n", "abc"),
        (b"MThd\x00\x00\x00\x06", None),
        (gzip.compress(MUSICXML), None),  # is unpacked before
        (b"", None),
        (b"Dear all,\nplease find attached\n", None),
    ],
)
def test_the_notation_is_known_by_its_first_lines(data, form):
    assert find_format(data) == form
