"""Writes what commands are given to work on: as little as there can be of each kind."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import soundfile

RATE = 16000
HEARS = """
import numpy as np
from mt3synth.symbolic.notes import Notes

START = np.arange(0.2, 29.0, 0.5)

def hear(audio, sample_rate):
    start = START[START < len(audio) / sample_rate - 0.5]
    same, key = np.ones(len(start), int), 60 + np.arange(len(start)) % 12
    return Notes(start, start + 0.4, key, 80 * same, 0 * same, same == 0)
"""


def write_bundle(folder: Path) -> None:
    """Writes a bundle that reads a list of notes, as the default one does."""
    from backbone_cases import PERFORMANCES, random_params, spec_of

    from mt3synth import bundle

    spec = spec_of("unet_notes")
    bundle.save(folder, spec, PERFORMANCES, "near", random_params(spec), "# Small\n")


def write_origin(folder: Path, names: tuple[str, ...] = ("near", "far")) -> None:
    """Writes a bundle of the network that `jobs.JOBS` trains, to begin with."""
    from functools import partial

    from backbone_cases import random_params

    from mt3synth import bundle
    from mt3synth.audio.mel import MelSpec
    from mt3synth.diffusion.spec import DiffusionSpec
    from mt3synth.model_spec import make_spec
    from mt3synth.models.note_encoder import NotePriorConfig
    from mt3synth.models.unet import UNetConfig
    from mt3synth.symbolic.codec import EventCodec
    from mt3synth.symbolic.roll import RollSpec

    network = partial(
        UNetConfig,
        widths=(16, 16),
        blocks=1,
        attention_levels=(1,),
        roll_width=8,
        condition_width=4,
        prior=NotePriorConfig(width=8, key_width=4, features=4),
    )
    spec = make_spec(
        network,
        mel=MelSpec(),
        roll=RollSpec(),
        codec=EventCodec(),
        performances=len(names),
        diffusion=DiffusionSpec(),
    )
    known = tuple(bundle.Performance(i, name, "") for i, name in enumerate(names))
    bundle.save(folder, spec, known, names[0], random_params(spec), "# Small\n")


def write_songs(folder: Path, count: int = 4) -> None:
    """Writes MIDI files of a few notes each."""
    from cli_cases import write_song

    folder.mkdir()
    for number in range(count):
        write_song(folder / f"{number}.mid", 60 + number % 12, 64, 67 + number % 12)


def write_shards(folder: Path) -> None:
    """Writes a data set of noise, in two performances."""
    from song_cases import noise_song

    from data_pipelines.performances import PerformanceEntry, write_performances
    from data_pipelines.shards.formats import FORMATS
    from data_pipelines.shards.names import shard_path

    folder.mkdir()
    kind = FORMATS["numpy"]
    for split, songs in (("train", "abc"), ("validation", "v")):
        made = [noise_song(name, 6.0, i % 2, seed=i) for i, name in enumerate(songs)]
        kind.write(shard_path(folder, split, 0, 1, kind.suffix), made)
    write_performances(folder, [PerformanceEntry("near", ""), PerformanceEntry("mine", "")])


def write_pairs(folder: Path) -> None:
    """Writes recordings with their notes, and a broken one, under a manifest."""
    from recording_cases import write_manifest, write_pair

    for seed, name in enumerate("abcd"):
        write_pair(folder, name, seed=seed)
    (folder / "e.wav").write_bytes(b"RIFF")
    rows = [f"{n}.wav,{n}.mid,{'solo' if n in 'bd' else 'duo'}" for n in "abcd"]
    write_manifest(folder / "pairs.csv", [*rows, "e.wav,a.mid,duo"])


def write_recordings(folder: Path) -> None:
    """Writes recordings without notes, a broken one, and who hears what is played in them."""
    folder.mkdir()
    (folder / "hears.py").write_text(HEARS)
    time = np.arange(6 * RATE) / RATE
    for number in range(5):
        hertz = 220 * 2 ** (number / 12)
        (folder / "music").mkdir(exist_ok=True)
        path = folder / f"music/take {number}.wav"
        soundfile.write(path, 0.3 * np.sin(2 * np.pi * hertz * time), RATE)
    (folder / "music/broken.wav").write_bytes(b"RIFF....")


def write_takes(folder: Path) -> None:
    """Writes recordings of tones, their scores, and one that is of another tune."""
    from take_cases import KEYS, NOTES, OTHERS, START
    from tone_cases import make_tones

    from data_pipelines.alignment.features import SAMPLE_RATE
    from mt3synth.symbolic.midi import write_midi

    folder.mkdir()
    (folder / "hears.py").write_text(HEARS)
    rows = ["audio,midi,performance"]
    for number in range(3):
        audio = make_tones(START + 0.1 * number, KEYS, attack=0.01, seconds=34.0)
        soundfile.write(folder / f"{number}.wav", audio, SAMPLE_RATE)
        write_midi(OTHERS if number == 2 else NOTES, folder / f"{number}.mid")
        rows.append(f"{number}.wav,{number}.mid,hall")
    (folder / "takes.csv").write_text("\n".join(rows) + "\n")


def write_evaluated(folder: Path) -> None:
    """Writes renderings to judge, recordings to judge them by, and who hears notes in both."""
    from evaluation_cases import write_case

    write_case(folder, ("dull", "bright"))
    (folder / "hears.py").write_text(HEARS)


def write_scores(folder: Path) -> None:
    """Writes scores and performances of which a corpus is rendered."""
    from corpus_cases import scores_cache, small_performances

    folder.mkdir()
    scores_cache(folder / "scores")
    small_performances(folder / "performances.toml")


def write_run(folder: Path) -> None:
    """Writes a run that is done: averaged weights of a tiny model, and what it was."""
    import jax
    import jax.numpy as jnp
    from backbone_cases import PERFORMANCES, random_params, spec_of

    from mt3synth.training.checkpoints.manager import Checkpoints
    from mt3synth.training.optim.optimizer import OptimizerConfig
    from mt3synth.training.state import init_state

    spec = spec_of("unet_notes")
    folder.mkdir()
    averaged = random_params(spec)
    state = init_state(jax.tree.map(np.zeros_like, averaged), OptimizerConfig().build(5000))
    checkpoints = Checkpoints(folder)
    checkpoints.save(state.replace(ema=averaged, step=jnp.int32(30)))
    checkpoints.close()
    (folder / "model.json").write_text(json.dumps(spec.to_dict()))
    listed = [performance.to_dict() for performance in PERFORMANCES]
    (folder / "performances.json").write_text(json.dumps(listed))
