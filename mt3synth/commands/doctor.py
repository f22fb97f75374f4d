"""Say what is installed, which devices and which model there are, and what is missing for what.

Exits with 2 if rendering cannot work; what other commands lack is only reported.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import importlib.util
import platform
import shutil
from dataclasses import dataclass

from mt3synth import __version__
from mt3synth.configuration import parse
from mt3synth.errors import UserError

HELP = "what is installed, and what is missing for which command"
_CORPUS = "prepare corpus"
_MUSICNN = "evaluate --embedding musicnn"
_VERSIONS = ("jax", "jaxlib", "flax", "numpy", "note-seq", "soundfile")


@dataclass(frozen=True)
class Need:
    """Modules and programs that some part of the project imports or runs.

    Attributes:
      task: which part.
      modules: names to import.
      install: command that brings the modules.
      programs: names to run, each with the Debian package that brings it.
    """

    task: str
    modules: tuple[str, ...] = ()
    install: str = ""
    programs: tuple[tuple[str, str], ...] = ()


NEEDS = (
    Need(
        "synthesize",
        ("jax", "flax", "note_seq", "soundfile", "soxr", "scipy", "safetensors", "gin", "tqdm"),
        "pip install mt3synth",
    ),
    Need(
        "train",
        ("optax", "orbax.checkpoint", "tensorboardX", "tensorflow", "seqio"),
        "pip install 'mt3synth[train]'",
    ),
    Need(
        "prepare",
        ("google_crc32c", "matplotlib", "mir_eval", "yaml", "upath"),
        "pip install 'mt3synth[data]'",
        (("ffmpeg", "ffmpeg"),),  # for M4A, WMA and films
    ),
    Need(
        _CORPUS,
        ("music21", "google_crc32c"),
        "pip install 'mt3synth[data]'",
        (("fluidsynth", "fluidsynth"),),
    ),
    Need("prepare align", ("synctoolbox", "librosa"), "pip install 'mt3synth[align]'"),
    Need("prepare --beam", ("apache_beam",), "pip install 'mt3synth[beam]'"),
    # Its own requirements pin a TensorFlow that no longer installs; the eval extra has the rest.
    Need("prepare transcribe", ("basic_pitch",), "pip install --no-deps basic-pitch"),
    Need("train-vocoder", ("optax", "orbax.checkpoint"), "pip install 'mt3synth[train]'"),
    Need("--vocoder soundstream", ("tensorflow",), "pip install tensorflow"),
    Need(
        "evaluate",
        ("mir_eval", "onnxruntime", "librosa", "sklearn", "resampy", "matplotlib"),
        "pip install 'mt3synth[eval]'",
    ),
    Need(_MUSICNN),
    Need(
        "evaluate --embedding trill, vggish",
        ("tensorflow", "tensorflow_hub"),
        "pip install 'mt3synth[hub]'",
    ),
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the option for another model."""
    parser.add_argument("--bundle", metavar="DIR", help="a model other than the default one")


def main(args: argparse.Namespace) -> int:
    """Prints one line for each thing."""
    parse.parse(args.gin_file or [], args.gin_bindings)
    print(f"mt3synth {__version__}, Python {platform.python_version()}, {platform.platform()}")
    print(", ".join(f"{name} {_version(name)}" for name in _VERSIONS))
    lacking = {need.task: missing(need) for need in NEEDS}
    renders = not lacking["synthesize"]
    if renders:
        print(_devices())
        try:
            print(_bundle(args.bundle))
        except UserError as error:
            print(f"bundle: {error}")
            renders = False
    lacking[_CORPUS] += _missing_soundfonts()
    lacking[_MUSICNN] += _missing_musicnn()
    for task, lines in lacking.items():
        print(f"{task}: {'; '.join(lines) or 'ready'}")
    return 0 if renders else 2


def missing(need: Need) -> list[str]:
    """Lists what is not there and what brings it, as short phrases.

    Nothing is imported: TensorFlow alone would take seconds, and may fail in ways of its own.
    """
    modules = [name for name in need.modules if not _is_installed(name)]
    lines = [f"{', '.join(modules)} missing: {need.install}"] if modules else []
    lines += [
        f"{program} missing: apt install {package}"
        for program, package in need.programs
        if shutil.which(program) is None
    ]
    return lines


def _is_installed(module: str) -> bool:
    try:
        return importlib.util.find_spec(module) is not None
    except ModuleNotFoundError:  # the package around it
        return False


def _version(distribution: str) -> str:
    try:
        return importlib.metadata.version(distribution)
    except importlib.metadata.PackageNotFoundError:
        return "missing"


def _devices() -> str:
    import jax

    from mt3synth.commands.shared import compilation_cache

    folder = compilation_cache.keep()
    programs = folder if folder else "not kept: the user's cache cannot be written to"
    devices = ", ".join(f"{d.platform} {d.id} ({d.device_kind})" for d in jax.devices())
    return f"devices: {devices}\ncompiled programs: {programs}"


def _bundle(folder: str | None) -> str:
    import jax

    from mt3synth import bundle as bundles

    bundle = bundles.load(folder or bundles.DEFAULT)
    size = sum(leaf.size for leaf in jax.tree.leaves(bundle.params)) / 1e6
    vocoder = "none of its own, so griffin-lim"
    if bundle.vocoder:
        vocoder = f"neural, {bundle.vocoder.hash}, {bundle.vocoder.size / 1e6:.1f} M parameters"
    return (
        f"bundle: {bundle.folder}, {bundle.hash}, {size:.1f} M parameters, "
        f"{len(bundle.performances)} performances, default {bundle.default}\n"
        f"vocoder: {vocoder}"
    )


def _missing_soundfonts() -> list[str]:
    from data_pipelines.corpus.performances import read_performances

    lines = []
    for soundfont in sorted({p.soundfont for p in read_performances()}, key=lambda s: s.file):
        try:
            soundfont.path()
        except UserError:
            lines.append(f"{soundfont.file} missing: apt install {soundfont.package}")
    return lines


def _missing_musicnn() -> list[str]:
    from mt3synth.evaluation.embeddings import musicnn_setup

    weights = musicnn_setup.folder() / musicnn_setup.WEIGHTS
    return [] if weights.is_file() else [f"{weights} missing: mt3synth evaluate --setup"]
