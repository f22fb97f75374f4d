"""Who may import whom, read from the source so that it holds for every line."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent

# What a package may import of this project, and which heavy libraries it may name at all.
OWN = {
    "mt3synth/types.py": set(),
    "mt3synth/errors.py": set(),
    "mt3synth/atomic.py": {"errors"},
    "mt3synth/param_check.py": {"errors", "types"},
    "mt3synth/symbolic": {"symbolic", "types", "errors"},
    "mt3synth/audio": {"audio", "types", "errors", "atomic"},
    "mt3synth/diffusion": {"diffusion", "types", "errors"},
    "mt3synth/models": {"models", "types", "errors"},
    "mt3synth/transcription": {"transcription", "symbolic", "types", "errors"},
    "mt3synth/vocoder": {"vocoder", "audio", "types", "errors", "atomic", "param_check"},
}
ONLY_IN = {
    "tensorflow": (
        "data_pipelines",
        "mt3synth/evaluation/embeddings/tf_hub.py",
        "mt3synth/vocoder/soundstream.py",
    ),
    "tensorflow_hub": (
        "mt3synth/evaluation/embeddings/tf_hub.py",
        "mt3synth/vocoder/soundstream.py",
    ),
    "seqio": ("data_pipelines", "mt3synth/adapters"),
    "apache_beam": ("data_pipelines",),
    "synctoolbox": ("data_pipelines", "mt3synth/commands/doctor.py"),
    "tensorflow_datasets": ("data_pipelines",),
    "music21": ("data_pipelines", "mt3synth/commands/doctor.py"),
    "gin": (
        "mt3synth/configuration",
        "mt3synth/commands",
        "mt3synth/cli.py",
        "mt3synth/importers/gin_description.py",
    ),
    "note_seq": ("mt3synth/symbolic", "data_pipelines"),
    "orbax": ("mt3synth/training", "mt3synth/adapters"),
    "optax": ("mt3synth/training", "mt3synth/adapters"),
}


def sources() -> list[Path]:
    return sorted(p for top in ("mt3synth", "data_pipelines") for p in (ROOT / top).rglob("*.py"))


def imported(path: Path) -> set[str]:
    """Full names of all modules that a file imports, wherever in it."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
    return names


@pytest.mark.parametrize("package", OWN)
def test_packages_import_only_what_lies_before_them(package):
    top = ROOT / package
    for path in [top] if top.is_file() else top.rglob("*.py"):
        for name in imported(path):
            if name.startswith("mt3synth."):
                assert name.split(".")[1] in OWN[package], f"{path.name} imports {name}"
            assert not name.startswith("data_pipelines"), f"{path.name} imports {name}"


@pytest.mark.parametrize("library", ONLY_IN)
def test_heavy_libraries_stay_in_their_place(library):
    for path in sources():
        place = path.relative_to(ROOT).as_posix()
        if not place.startswith(ONLY_IN[library]):
            used = {name for name in imported(path) if name.split(".")[0] == library}
            assert not used, f"{place} imports {used}"


def test_diffusion_and_models_are_jax_without_files_or_numpy_io():
    for path in (ROOT / "mt3synth/diffusion").rglob("*.py"):
        assert not {n for n in imported(path) if n.split(".")[0] in ("numpy", "flax", "soundfile")}


@pytest.mark.parametrize(
    "module", ["mt3synth.synthesis", "mt3synth.bundle", "data_pipelines.corpus.sound.render"]
)
def test_rendering_imports_no_tensorflow(module):
    code = f"import sys, {module}; sys.exit('tensorflow' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False).returncode == 0
