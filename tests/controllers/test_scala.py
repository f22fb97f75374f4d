"""Scales of Scala files, against what is known of them, and files that are none."""

import numpy as np
import pytest

from mt3synth.controllers.scala import ScalaError, read_scale, tune_keys

PYTHAGOREAN = """! pyth.scl
!
12-tone Pythagorean scale
 12
!
 2187/2048
 9/8
 32/27  minor third
 81/64
 4/3
 729/512
 3/2
 6561/4096
 27/16
 16/9
 243/128
 2/1
"""


@pytest.fixture
def scale(tmp_path):
    def read(text: str | bytes) -> np.ndarray:
        path = tmp_path / "x.scl"
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return tune_keys(read_scale(path))

    return read


def test_a_pythagorean_scale_has_its_fifths_and_its_comma(scale):
    cents = scale(PYTHAGOREAN)
    sounding = cents + 100 * np.arange(128)
    assert cents[60] == 0 and cents[72] == pytest.approx(0)
    assert sounding[67] - sounding[60] == pytest.approx(701.955, abs=1e-3)
    # Twelve fifths are more than seven octaves, and the scale repeats at the octave.
    assert sounding[64] - sounding[60] == pytest.approx(407.820, abs=1e-3)
    assert cents[67 - 24] == pytest.approx(cents[67])


def test_an_equal_temperament_is_nothing(scale):
    lines = "\n".join(f"{100.0 * step}" for step in range(1, 13))
    assert scale(f"12 equal\n12\n{lines}\n") == pytest.approx(np.zeros(128))


def test_a_scale_may_repeat_at_anything_after_any_number_of_keys(scale):
    # Bohlen and Pierce: thirteen equal steps to a twelfth.
    lines = "\n".join(f"{1901.955 * step / 13:.5f}" for step in range(1, 14))
    sounding = scale(f"BP\n13\n{lines}") + 100 * np.arange(128)
    assert np.diff(sounding) == pytest.approx(1901.955 / 13, abs=1e-3)
    assert sounding[60] == 6000


@pytest.mark.parametrize("text", [PYTHAGOREAN.replace("\n", "\r\n"), b"Caf\xe9\n1\n2\n"])
def test_files_are_read_in_any_code(scale, text):
    assert np.isfinite(scale(text)).all()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "no Scala file"),
        ("MThd\0\0", "no Scala file"),
        ("x\ntwelve\n", "line 2: 'twelve' notes; must be 1 to 1024"),
        ("x\n0\n", "must be 1 to 1024"),
        ("x\n99999999\n", "must be 1 to 1024"),
        ("x\n2\n3/2\n", "1 notes, where line 2 says 2"),
        ("! no\nx\n1\n0/1\n", "line 4: '0/1' is no pitch"),
        ("x\n1\n-3/2\n", "is no pitch"),
        ("x\n1\n1/0\n", "is no pitch"),
        ("x\n1\n1e9.\n", "is no pitch"),
        ("x\n1\n.\n", "is no pitch"),
        ("x\n1\nnan.\n", "is no pitch"),
        ("x\n1\n\n", "is no pitch"),
        ("x\n1\n1" + "0" * 5000 + "\n", "is no pitch"),
    ],
)
def test_what_is_no_scale_is_said_in_one_line(scale, text, message):
    with pytest.raises(ScalaError) as raised:
        scale(text)
    assert message in str(raised.value) and "\n" not in str(raised.value)


def test_a_file_that_is_not_there(tmp_path):
    with pytest.raises(ScalaError, match=r"none\.scl: cannot be read"):
        read_scale(tmp_path / "none.scl")
