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
    """Modules and a program that some part of the project imports or runs.

    Attributes:
      task: which part.
      modules: names to import, with blanks between them.
      install: what to give to ``pip install`` for the modules.
      program: name to run, which is also that of the Debian package that brings it; empty for none.
    """

    task: str
    modules: str = ""
    install: str = ""
    program: str = ""


TRAIN, DATA = "'mt3synth[train]'", "'mt3synth[data]'"
NEEDS = (
    Need("synthesize", "jax flax note_seq soundfile soxr scipy safetensors gin tqdm", "mt3synth"),
    Need("synthesize MusicXML, kern, ABC", "music21", "'mt3synth[scores]'"),
    # Without ffmpeg a song cannot be heard while it is made.
    Need("demo", "gradio PIL music21", "'mt3synth[demo]'", "ffmpeg"),
    Need("export --onnx", "jax2onnx onnx onnxruntime", "'mt3synth[onnx]'"),
    Need("train", "optax orbax.checkpoint tensorboardX tensorflow seqio", TRAIN),
    # ffmpeg is for M4A, WMA and films.
    Need("prepare", "google_crc32c matplotlib mir_eval yaml upath", DATA, "ffmpeg"),
    Need(_CORPUS, "music21 google_crc32c", DATA, "fluidsynth"),
    Need("prepare align", "synctoolbox librosa", "'mt3synth[align]'"),
    Need("prepare --beam", "apache_beam", "'mt3synth[beam]'"),
    # Its own requirements pin a TensorFlow that no longer installs; the eval extra has the rest.
    Need("prepare transcribe", "basic_pitch", "--no-deps basic-pitch"),
    Need("train-vocoder", "optax orbax.checkpoint", TRAIN),
    Need("train-transcriber, train-embedder", "optax orbax.checkpoint", TRAIN),
    Need("--vocoder soundstream", "tensorflow", "tensorflow"),
    Need(
        "evaluate",
        "mir_eval onnxruntime librosa sklearn resampy pyloudnorm matplotlib",
        "'mt3synth[eval]'",
    ),
    Need(_MUSICNN),
    Need("evaluate --embedding trill, vggish", "tensorflow tensorflow_hub", "'mt3synth[hub]'"),
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the option for another model."""
    parser.add_argument("--bundle", metavar="DIR", help="a model other than the default one")


def main(args: argparse.Namespace) -> int:
    """Prints one line for each thing."""
    parse.parse(args.gin_file or [], args.gin_bindings)
    print(f"mt3synth {__version__}, Python {platform.python_version()}, {platform.platform()}")
    print(", ".join(f"{name} {_version(name)}" for name in _VERSIONS))
    lacking = {need.task: list_missing(need) for need in NEEDS}
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
    if not lacking["synthesize"]:  # what they share with rendering
        for line in _transcribers():
            print(f"evaluate --transcriber {line}")
    return 0 if renders else 2


def list_missing(need: Need) -> list[str]:
    """Lists what is not there and what brings it, as short phrases.

    Nothing is imported: TensorFlow alone would take seconds, and may fail in ways of its own.
    """
    modules = [name for name in need.modules.split() if not _is_installed(name)]
    lines = [f"{', '.join(modules)} missing: pip install {need.install}"] if modules else []
    if need.program and shutil.which(need.program) is None:
        lines.append(f"{need.program} missing: apt install {need.program}")
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


def _transcribers() -> list[str]:
    from mt3synth.transcription.loading import list_transcribers

    return list_transcribers()


def _missing_musicnn() -> list[str]:
    from mt3synth.evaluation.embeddings import musicnn_setup

    weights = musicnn_setup.folder() / musicnn_setup.WEIGHTS
    return [] if weights.is_file() else [f"{weights} missing: mt3synth evaluate --setup"]
