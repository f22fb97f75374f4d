"""Broken bundles, vocoders and sidecars."""

from __future__ import annotations

import argparse
import contextlib
import io
import shutil
from functools import partial
from pathlib import Path
from random import Random

import jax
import numpy as np
import soundfile
from byte_mutations import change_bytes, change_json, deep_json
from container_mutations import change_safetensors, change_zip
from readers import Case

from mt3synth import bundle
from mt3synth.audio.mel import MELGAN
from mt3synth.cast import read_cast
from mt3synth.commands import performances
from mt3synth.diffusion.spec import DiffusionSpec
from mt3synth.earlier import read_earlier, sidecar_path, write_sidecar
from mt3synth.file_hashes import HASHES
from mt3synth.model import Model
from mt3synth.model_spec import make_spec
from mt3synth.models.unet import UNetConfig
from mt3synth.symbolic.notes import Notes
from mt3synth.vocoder import files as vocoder_files
from mt3synth.vocoder.vocos import VocosConfig


def _random(like: object) -> object:
    rng = np.random.default_rng(0)
    return jax.tree.map(lambda leaf: rng.normal(0, 0.05, leaf.shape).astype(np.float32), like)


def _break(path: Path, rng: Random) -> None:
    """Breaks one file, as its suffix says it is to be broken, or takes it away."""
    data = path.read_bytes()
    if rng.random() < 0.02:
        path.unlink()
        if rng.random() < 0.5:
            path.mkdir()
        return
    if path.suffix == ".safetensors":
        data = change_safetensors(data, rng)
    elif path.suffix == ".json":
        data = deep_json(rng) if rng.random() < 0.03 else change_json(data.decode(), rng)
    else:
        data = change_bytes(data, rng)
    path.write_bytes(data)


class BundleReader:
    """Loads a bundle with a vocoder of its own, and makes ready to render with it."""

    files = (bundle.CONFIG, bundle.PERFORMANCES, bundle.WEIGHTS, *vocoder_files.FILES)

    def __init__(self, folder: Path) -> None:
        self._seed = folder / "bundle"
        network = partial(
            UNetConfig,
            widths=(8, 8),
            blocks=1,
            attention_levels=(),
            roll_width=8,
            condition_width=8,
        )
        spec = make_spec(network, mel=MELGAN, performances=2, diffusion=DiffusionSpec())
        names = [bundle.Performance(i, name, "A room.") for i, name in enumerate(("hall", "room"))]
        config = VocosConfig(width=8, layers=1, mlp_width=8)
        params = _random(vocoder_files.abstract_params(config, MELGAN))
        vocoder = vocoder_files.VocoderWeights(MELGAN, config, params)
        weights = _random(bundle.abstract_params(spec))
        bundle.save(self._seed, spec, tuple(names), "hall", weights, "# Tiny\n", vocoder=vocoder)
        (self._seed / HASHES).unlink()  # or nothing but them would be met

    def break_one(self, folder: Path, rng: Random) -> Case:
        """Breaks one of its files."""
        made = folder / "bundle"
        shutil.copytree(self._seed, made)
        _break(made / rng.choice(self.files), rng)
        return partial(self._read, made)

    def _read(self, folder: Path) -> None:
        with contextlib.redirect_stdout(io.StringIO()) as said:
            asked = argparse.Namespace(bundle=str(folder), gin_file=[], gin_bindings=[])
            performances.main(asked)
        lines = said.getvalue().splitlines()
        model = Model(bundle.load(folder))
        assert len(lines) == len(model.performances) and all(x.isprintable() for x in lines)
        model.renderer(steps=1)
        for performance in model.performances:
            read_cast(None, [p.name for p in model.performances], performance.name)

    def command(self, folder: Path) -> list[str]:
        """Lists its performances."""
        return ["performances", "--bundle", str(folder / "bundle")]


class VocoderReader(BundleReader):
    """Reads a vocoder alone."""

    files = vocoder_files.FILES

    def _read(self, folder: Path) -> None:
        vocoder_files.read(folder)


class SidecarReader:
    """Reads an earlier rendering with its sidecar."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True)
        self._sound = folder / "x.wav"
        soundfile.write(self._sound, np.zeros(3200, np.int16), 16000)
        one = np.ones(4)
        notes = Notes(
            np.arange(4) / 9, np.arange(4) / 9 + 0.1, 60 * one, 80 * one, 0 * one, 0 * one
        )
        write_sidecar(self._sound, notes, np.zeros((10, 128)), {"seed": "0", "steps": "0"})

    def break_one(self, folder: Path, rng: Random) -> Case:
        """Breaks the sidecar, or now and then the sound."""
        path = folder / "x.wav"
        sound, beside = self._sound.read_bytes(), sidecar_path(self._sound).read_bytes()
        if rng.random() < 0.1:
            sound = change_bytes(sound, rng)
        path.write_bytes(sound)
        sidecar_path(path).write_bytes(change_zip(beside, rng))
        return partial(read_earlier, path)

    def command(self, folder: Path) -> list[str]:
        """Renders nothing: there is no such song."""
        return [
            "synthesize",
            "none.mid",
            "--since",
            str(folder / "x.wav"),
            "-o",
            str(folder / "y.wav"),
        ]


READERS = {"bundle": BundleReader, "vocoder": VocoderReader, "sidecar": SidecarReader}
