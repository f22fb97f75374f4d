"""What is made of the times and the memory that commands of several sizes took."""

import pytest
import sizes


@pytest.mark.parametrize("power", [0.5, 1.0, 2.0])
def test_the_exponent_is_found_beside_a_start(power):
    lengths = [1.0, 2.0, 4.0, 8.0, 16.0]
    start, each, found = sizes.fit(lengths, [3 + 0.5 * n**power for n in lengths])
    assert (start, each, found) == pytest.approx((3, 0.5, power), abs=0.01)


def test_a_case_that_does_not_grow_has_no_exponent(tmp_path):
    assert sizes.CASES["songs"].sizes() == [625, 1250, 2500, 5000, 10_000]
    lengths = sizes.CASES["midi"].sizes()
    measured = {
        "midi": [{"size": n, "seconds": 2 * n, "bytes": 5e8} for n in lengths],
        "set": [{"size": n, "seconds": 20.0, "bytes": 7e8} for n in lengths],
    }
    _, _, midi, data = sizes.table(measured)
    assert midi.endswith("| 120 minutes of MIDI | 15.0, 240.0 | 1.00 | 500, 500 |")
    assert data.endswith("| 120 hours of data | 20.0, 20.0 | none | 700, 700 |")
    sizes.draw(measured, tmp_path / "sizes.png")
    assert (tmp_path / "sizes.png").read_bytes().startswith(b"\x89PNG")
