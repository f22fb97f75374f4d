"""The event vocabulary."""

import numpy as np
import pytest

from mt3synth.symbolic import EOS, PAD, EventCodec


@pytest.mark.parametrize("bins", [1, 16, 127])
def test_token_and_event_are_inverse(bins):
    codec = EventCodec(bins)
    events = [codec.event(token) for token in range(codec.vocab_size)]
    known = [event for event in events if event]
    assert len(known) == len(set(known)) == codec.num_classes
    assert [codec.token(*event) for event in known] == list(range(3, 3 + codec.num_classes))
    assert codec.event(PAD) is codec.event(EOS) is codec.event(-1) is None


def test_known_ids():
    codec = EventCodec(1)
    assert codec.token("shift", 0) == 3
    assert codec.token("velocity", 0) == 3 + 1001 + 128
    assert codec.token("tie", 0) == 1134
    assert codec.token("drum", 127) == 3 + codec.num_classes - 1


@pytest.mark.parametrize("bins", [1, 16, 127])
def test_velocity_bins_keep_what_they_can(bins):
    codec = EventCodec(bins)
    velocity = np.arange(128)
    binned = codec.velocity_bin(velocity)
    assert binned[0] == 0 and binned[1] == 1 and binned[127] == bins
    assert (np.diff(binned) >= 0).all()
    restored = np.array([codec.velocity(int(b)) for b in binned])
    np.testing.assert_array_equal(codec.velocity_bin(restored), binned)
    assert (np.abs(restored - velocity)[1:] <= 127 / bins).all()
    if bins == 127:
        np.testing.assert_array_equal(restored, velocity)


def test_bad_values_are_refused():
    with pytest.raises(ValueError, match=r"velocity_bins=0; must be 1..127"):
        EventCodec(0)
    with pytest.raises(ValueError, match=r"pitch=128; must be 0..127"):
        EventCodec(1).token("pitch", 128)
    with pytest.raises(ValueError, match="event class 'bend'"):
        EventCodec(1).token("bend", 0)
