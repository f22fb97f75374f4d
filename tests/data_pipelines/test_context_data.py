"""Feeds each form of network by both readers: all that it reads, and nothing else is made."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from song_cases import noise_song

from data_pipelines.open_data import open_data
from data_pipelines.performances import PerformanceEntry, write_performances
from data_pipelines.reading.features import SegmentFeatures
from data_pipelines.reading.song_lists import list_songs
from data_pipelines.shards.formats import FORMATS
from data_pipelines.shards.names import shard_path
from mt3synth.audio.mel import MELGAN
from mt3synth.diffusion.spec import DiffusionSpec
from mt3synth.model_spec import ModelSpec, make_spec
from mt3synth.models.t5_config import T5Config
from mt3synth.symbolic.codec import EventCodec
from mt3synth.symbolic.groups import InstrumentGroup
from mt3synth.symbolic.roll import RollSpec
from mt3synth.types import Batch

FRAMES = 64
ROLL = RollSpec((InstrumentGroup("all", 0, tuple(range(128))),))
FORMS: dict[str, dict[str, Any]] = {
    "tokens": {},
    "roll": {"score_encoder": "roll"},
    "tokens roll": {"frame_roll": True},
    "tokens context": {"context_frames": FRAMES},
    "tokens roll context": {"frame_roll": True, "context_frames": 10},
}
"""Changes to a T5, by what it reads."""


def spec_of(form: str) -> ModelSpec:
    return make_spec(
        partial(
            T5Config,
            encoder_layers=1,
            decoder_layers=1,
            width=4,
            heads=1,
            head_width=4,
            mlp_width=4,
            **FORMS[form],
        ),
        mel=MELGAN,
        roll=ROLL,
        codec=EventCodec(1),
        performances=1,
        diffusion=DiffusionSpec(),
        segment_frames=FRAMES,
    )


@pytest.fixture(scope="module", params=["numpy", "tfrecord"])
def folder(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Writes three and a half segments of one song, for training and held out."""
    folder, kind = tmp_path_factory.mktemp(request.param), FORMATS[request.param]
    for split in ("train", "validation"):
        kind.write(shard_path(folder, split, 0, 1, kind.suffix), [noise_song("song", 4.5)])
    write_performances(folder, [PerformanceEntry("hall", "A hall.")])
    return folder


def held_out(folder: Path, spec: ModelSpec) -> list[Batch]:
    batches: Iterable[Batch] = open_data(str(folder)).validation(spec, 2)
    return list(batches)


def test_context_is_the_segment_before(folder: Path) -> None:
    batches = held_out(folder, spec_of("tokens context"))
    whole = {name: np.concatenate([batch[name] for batch in batches]) for name in batches[0]}
    assert len(whole["mel"]) == 4
    assert not whole["context_mask"][0].any() and whole["context_mask"][1:].all()
    # The shards of NumPy hold frames as float16.
    np.testing.assert_allclose(whole["context"][1:], whole["mel"][:-1], atol=2.0**-11)


def test_a_shifted_segment_has_a_context_shifted_with_it(folder: Path) -> None:
    features = SegmentFeatures(MELGAN, ("mel", "context"), FRAMES, context_frames=FRAMES)
    (song,) = list_songs(folder, "train")
    for shift in (-2, 1):
        one, next_one = (song.cut(start, shift, features) for start in (5, 5 + FRAMES))
        before, after = features.batch([one]), features.batch([next_one])
        np.testing.assert_allclose(after["context"], before["mel"], atol=1e-5)
        assert after["context_mask"].all() and before["context_mask"].sum() == 5


@pytest.mark.parametrize("form", FORMS)
def test_what_is_not_read_is_never_made(
    folder: Path, form: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: Counter[str] = Counter()
    for part, method in (("roll", "_rolls"), ("tokens", "tokens_of")):
        original = getattr(SegmentFeatures, method)

        def counted(self: Any, *given: Any, part: str = part, original: Any = original) -> Any:
            made[part] += 1
            return original(self, *given)

        monkeypatch.setattr(SegmentFeatures, method, counted)
    frames_of = SegmentFeatures._frames
    monkeypatch.setattr(
        SegmentFeatures,
        "_frames",
        lambda self, segment, first, count: (
            made.update(context=int(first < 0)) or frames_of(self, segment, first, count)
        ),
    )
    spec, names = spec_of(form), set(form.split())
    with open_data(str(folder), token_length=400, pitch_shift=2).training(spec, 3, 0, 0) as stream:
        (batch,) = islice(stream, 1)
    arrays = {
        "tokens": {"tokens", "token_times"},
        "roll": {"roll"},
        "context": {"context", "context_mask"},
    }
    assert set(batch) == {"mel", "performance"}.union(*(arrays[name] for name in names))
    assert {name for name, count in made.items() if count} == names
    if "context" in names:
        assert batch["context"].shape == (3, spec.network.context_frames, 128)
        assert batch["context_mask"].dtype == bool
