"""The model's renderer (length, cache, what its result depends on) and the real one."""

import hashlib
import json
import shutil
from functools import partial
from pathlib import Path

import jax
import numpy as np
import pytest

from data_pipelines.corpus.performances import DEFAULT_FILE, read_performances
from mt3synth.audio.mel import MELGAN
from mt3synth.bundle import Bundle, Performance, abstract_params, load, save
from mt3synth.diffusion.spec import DiffusionSpec
from mt3synth.errors import UserError
from mt3synth.evaluation.bundle.renderers import (
    ModelRenderer,
    RealRenderer,
    performances_file,
    song_seconds,
)
from mt3synth.model_spec import make_spec
from mt3synth.models.unet import UNetConfig
from mt3synth.symbolic.codec import EventCodec
from mt3synth.symbolic.notes import Notes
from mt3synth.symbolic.roll import RollSpec
from mt3synth.synthesis import SamplingConfig

SECONDS = 1.5
NOTES = Notes(
    start=np.array([0.1, 0.7]),
    end=np.array([0.6, SECONDS]),
    pitch=np.array([60, 64]),
    velocity=np.array([80, 80]),
    program=np.array([0, 0]),
    is_drum=np.array([False, False]),
)
QUICK = SamplingConfig(steps=2, overlap=8)


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    """Makes a tiny network of random weights."""
    spec = make_spec(
        partial(UNetConfig, widths=(8,), blocks=1, attention_levels=(), heads=1, roll_width=2,
                groups=4),
        mel=MELGAN,
        roll=RollSpec(),
        codec=EventCodec(1),
        performances=2,
        diffusion=DiffusionSpec(),
        segment_frames=32,
    )  # fmt: skip
    rng = np.random.default_rng(0)
    params = jax.tree.map(
        lambda x: rng.normal(0, 0.3, x.shape).astype(np.float32), abstract_params(spec)
    )
    folder = tmp_path_factory.mktemp("bundle") / "tiny"
    players = (Performance(0, "studio", "dry"), Performance(1, "concert-hall", "wet"))
    save(folder, spec, players, "studio", params, "tiny\n")
    return load(folder)


def test_renders_as_long_as_asked_and_keeps_what_it_rendered(
    bundle: Bundle, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = ModelRenderer(bundle, QUICK, tmp_path)(NOTES, 0, SECONDS)
    assert first.log_mel.shape == (75, 128)
    assert first.seconds > 0

    again = ModelRenderer(bundle, QUICK, tmp_path)
    monkeypatch.setattr(again._synthesizer, "mel", None)  # must not be needed
    kept = again(NOTES, 0, SECONDS)
    np.testing.assert_array_equal(kept.log_mel, first.log_mel)
    assert kept.seconds == first.seconds
    with pytest.raises(TypeError):  # other notes, another performance: not in the cache
        again(NOTES.transposed(1), 0, SECONDS)
    with pytest.raises(TypeError):
        again(NOTES, 1, SECONDS)
    with pytest.raises(TypeError):
        again(NOTES.replace(velocity=np.array([80, 81])), 0, SECONDS)


def test_settings_of_the_sampler_make_another_rendering(bundle: Bundle, tmp_path: Path) -> None:
    ModelRenderer(bundle, QUICK, tmp_path)(NOTES, 0, SECONDS)
    ModelRenderer(bundle, SamplingConfig(steps=2, overlap=8, seed=1), tmp_path)(NOTES, 0, SECONDS)
    assert len(list(tmp_path.glob("*.npz"))) == 2


def test_real_renderer_refuses_performances_it_cannot_play() -> None:
    with pytest.raises(UserError, match="performances my-band of the bundle are none that"):
        RealRenderer(["studio", "my-band"], MELGAN, [])


def test_a_corpus_of_other_performances_is_compared_with_those(tmp_path: Path) -> None:
    shipped = DEFAULT_FILE.read_text()
    own = tmp_path / "mine.toml"
    own.write_text(shipped.replace('name = "studio"', 'name = "my-band"'))
    said: list[str] = []

    def corpus(name: str, file: Path) -> Path:
        (tmp_path / name).mkdir()
        digest = hashlib.sha256(file.read_bytes()).hexdigest()[:16]
        (tmp_path / name / "corpus.json").write_text(
            json.dumps({"recipe": {"performances": digest}})
        )
        return tmp_path / name

    theirs, mine = corpus("theirs", DEFAULT_FILE), corpus("mine", own)
    assert performances_file(theirs, None, said.append) == DEFAULT_FILE
    assert performances_file(tmp_path, None, said.append) == DEFAULT_FILE  # an older corpus
    with pytest.raises(UserError, match="mine was rendered with performances of its own; name"):
        performances_file(mine, None, said.append)
    assert performances_file(mine, own, said.append) == own and said == []
    RealRenderer(["my-band"], MELGAN, [], own)
    assert performances_file(mine, DEFAULT_FILE, said.append) == DEFAULT_FILE
    assert "has changed since" in said[0]
    with pytest.raises(
        UserError, match=r"--performances .*none.toml: cannot be read: No such file"
    ):
        performances_file(mine, tmp_path / "none.toml", said.append)


def test_real_rendering_has_the_length_asked_for_and_its_own_sound() -> None:
    names = ["studio", "concert-hall"]
    for performance in read_performances():
        if performance.name in names:
            try:
                performance.soundfont.path()
            except UserError as missing:
                pytest.skip(str(missing))
    if shutil.which("fluidsynth") is None:
        pytest.skip("fluidsynth is not installed")
    real = RealRenderer(names, MELGAN, [])
    dry, wet = (real(NOTES, performance, 5.0) for performance in range(2))
    assert len(dry) == len(wet) == 5 * MELGAN.sample_rate
    assert np.abs(dry).max() > 0.01
    after = slice(round(2.2 * MELGAN.sample_rate), round(2.6 * MELGAN.sample_rate))
    assert np.std(wet[after]) > 10 * np.std(dry[after])  # the hall goes on ringing
    np.testing.assert_array_equal(real(NOTES, 1, 5.0), wet)


def test_song_seconds() -> None:
    assert song_seconds(NOTES, tail=1.5) == 3.0
    assert song_seconds(NOTES, tail=1.6) == 4.0
