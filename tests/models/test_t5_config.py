"""What a T5 can be, and what it cannot."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from t5_cases import CONCAT, CONFIG, HYBRID, SUM

from mt3synth.models.t5 import T5Config


@pytest.mark.parametrize(
    ("config", "expected"),
    [
        (CONFIG, ("tokens",)),
        (replace(CONFIG, score_encoder="roll"), ("roll",)),
        (HYBRID, ("tokens", "roll")),
        (replace(HYBRID, score_encoder="roll"), ("roll",)),
        (SUM, ("tokens", "context")),
        (replace(CONCAT, frame_roll=True), ("tokens", "roll", "context")),
    ],
)
def test_what_is_read(config: T5Config, expected: tuple[str, ...]) -> None:
    assert config.inputs == expected


@pytest.mark.parametrize(
    ("config", "change", "message"),
    [
        (CONFIG, {"width": 15}, "width=15 channels; must be even"),
        (CONFIG, {"heads": 0}, "heads=0; must be at least 1"),
        (CONFIG, {"dropout": 1.0}, r"dropout=1.0; must be in \[0, 1\)"),
        (CONFIG, {"mel_kernel": 4}, "mel_kernel=4 frames; must be odd"),
        (CONFIG, {"mel_kernel": -1}, "mel_kernel=-1; must be at least 1"),
        (CONFIG, {"context_frames": -1}, "context_frames=-1; must be at least 0"),
        (CONFIG, {"context_attention": "sum"}, "'sum' with context_frames=0; without context"),
        (CONFIG, {"max_frames": 6}, "max_frames=6 with position_table='sinusoid'; must be 0"),
        (CONCAT, {"max_frames": 0}, "max_frames=0 with position_table='stored'; must be at"),
        (CONCAT, {"token_positions": "event_time"}, "'event_time' with position_table='stored'"),
    ],
)
def test_configuration_is_checked(config: T5Config, change: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        replace(config, **change)


@pytest.mark.parametrize("name", ["context_attention", "position_table", "null_score"])
def test_unknown_options_are_refused(as_released: None, name: str) -> None:
    with pytest.raises(ValueError, match=f"{name}='other'; must be one of"):
        replace(SUM, **{name: "other"})
