"""Who may import whom, read from the source so that it holds for every line of it.

A row says what one room of the house may import of the others; `types` and `errors` are free to
all. A folder is a room; in a folder that holds folders each file is a room of its own. Imports
inside functions count like all others. Rows stand in floors, and what a row names stands on a
lower floor, or above it in the same package: so no import runs upward and nothing goes in circles.
"""

import re
import subprocess
import sys
from pathlib import Path

import house
import pytest
from import_rules import (
    full,
    problems_of_libraries,
    problems_of_table,
    problems_of_tree,
    within,
)

ROOT = Path(__file__).resolve().parent.parent

# A bare name is a package of mt3synth and all its rooms; `a.{b,c}` is `a.b` and `a.c`.
FLOORS = (
    {"types": "", "errors": "", "exclusive": "", "foreign_files": "", "owners": ""},
    {
        "atomic": "exclusive owners",
        "cache_folder": "",
        "file_hashes": "foreign_files",
        "param_check": "",
        "signals": "",
        "standard_error": "",
        "times": "",
    },
    {
        "symbolic.programs": "",
        "symbolic.grid": "",
        "symbolic.note_curves": "",
        "symbolic.notes": "symbolic.note_curves",
        "symbolic.codec": "symbolic.grid",
        "symbolic.midi": "symbolic.notes",
        "symbolic.scores": "symbolic.{midi,notes}",
        "symbolic.groups": "symbolic.programs",
        "symbolic.group_seconds": "symbolic.{groups,notes}",
        "symbolic.note_list": "symbolic.{groups,note_curves,notes}",
        "symbolic.roll": "symbolic.{grid,groups,notes,programs}",
        "symbolic.tokenizer": "symbolic.{codec,grid,notes}",
        "symbolic.detokenizer": "symbolic.{codec,grid,notes,tokenizer}",
        "symbolic": ("symbolic.{codec,detokenizer,groups,midi,notes,programs,roll,tokenizer}"),
        "audio": "atomic foreign_files",
        "diffusion": "",
        "models": "",
        "configuration": "",
    },
    {
        "controllers": "audio symbolic",
        "earlier": "atomic foreign_files symbolic",
        "mel_networks": "atomic audio foreign_files models param_check",
        "splice": "audio",
        "denoising": "diffusion",
        "model_spec": "audio diffusion foreign_files models symbolic",
        "reporting": "audio",
        "transcription": "symbolic",
        "vocoder": "atomic audio foreign_files param_check",
    },
    {
        "batch_protocols": "model_spec",
        "bundle": "atomic file_hashes foreign_files model_spec models param_check vocoder",
        "cast": "times",
        "mix": "",
        "score": "controllers model_spec symbolic",
        "song": "atomic audio earlier reporting symbolic",
        "synthesis": "audio denoising diffusion model_spec models symbolic",
    },
    {"renderer": "audio bundle cast controllers mix score song symbolic synthesis vocoder"},
    {"again": "audio earlier renderer score song splice symbolic synthesis times vocoder"},
    {
        "data_pipelines": "",
        "data_pipelines.workers": "",
        "data_pipelines.filesystem": "atomic exclusive",
        "data_pipelines.songs": "symbolic",
        "data_pipelines.recordings": "audio symbolic data_pipelines.{filesystem,songs}",
        "data_pipelines.performances": "foreign_files data_pipelines.{filesystem,recordings}",
        "data_pipelines.shards": "audio foreign_files symbolic data_pipelines.{filesystem,songs}",
        "data_pipelines.prepare": (
            "audio reporting symbolic transcription "
            "data_pipelines.{filesystem,performances,recordings,shards,songs,workers}"
        ),
        "data_pipelines.reading": (
            "audio foreign_files model_spec symbolic data_pipelines.{performances,shards}"
        ),
        "data_pipelines.seqio_pipeline": (
            "audio symbolic.note_list data_pipelines.{filesystem,prepare,reading,shards,songs}"
        ),
        "data_pipelines.sources": "symbolic data_pipelines.{filesystem,recordings,shards,songs}",
        "data_pipelines.alignment": (
            "reporting symbolic data_pipelines.{filesystem,prepare,recordings}"
        ),
        "data_pipelines.inspection": (
            "audio reporting symbolic "
            "data_pipelines.{filesystem,performances,prepare,reading,shards,songs}"
        ),
        "data_pipelines.corpus": "",
        "data_pipelines.corpus.arrangement": "cache_folder data_pipelines.{filesystem,workers}",
        "data_pipelines.corpus.expression": "symbolic data_pipelines.corpus.arrangement",
        "data_pipelines.corpus.sound": ("atomic cache_folder symbolic data_pipelines.filesystem"),
        "data_pipelines.corpus.bends": "symbolic data_pipelines.corpus.sound",
        "data_pipelines.corpus.performances": "data_pipelines.corpus.{expression,sound}",
        "data_pipelines.corpus.played_scores": (
            "symbolic data_pipelines.{filesystem,workers} data_pipelines.corpus.arrangement"
        ),
        "data_pipelines.corpus.written": (
            "symbolic data_pipelines.corpus.{arrangement,expression,played_scores}"
        ),
        "data_pipelines.corpus.songs": (
            "symbolic "
            "data_pipelines.corpus."
            "{arrangement,bends,expression,performances,played_scores,written}"
        ),
        "data_pipelines.corpus.recipe": (
            "data_pipelines.corpus.{arrangement,performances,played_scores,songs,sound}"
        ),
        "data_pipelines.corpus.listing": (
            "symbolic data_pipelines.{recordings,workers} "
            "data_pipelines.corpus.{arrangement,recipe,sound}"
        ),
        "data_pipelines.corpus.build": (
            "data_pipelines.{filesystem,inspection,performances,prepare,recordings,shards} "
            "data_pipelines.corpus.{arrangement,listing,performances,played_scores,recipe,sound}"
        ),
        "data_pipelines.open_data": ("data_pipelines.{filesystem,reading}"),
        "training": "",
        "training.preemption": "signals",
        "training.parallel": "models",
        "training.optim": "atomic",
        "training.state": "training.parallel",
        "training.data": "batch_protocols model_spec symbolic.note_list training.parallel",
        "training.run_folder": "atomic bundle exclusive foreign_files model_spec training.parallel",
        "training.checkpoints": "atomic param_check training.{parallel,state}",
        "training.provenance": (
            "atomic audio batch_protocols bundle foreign_files model_spec vocoder "
            "training.{checkpoints,optim}"
        ),
        "training.monitoring": "signals training.{parallel,run_folder,state}",
        "training.learner": "batch_protocols training.{data,monitoring,state}",
        "training.loop": (
            "training.{checkpoints,data,learner,monitoring,optim,parallel,preemption,"
            "run_folder,state}"
        ),
        "training.mel_network": (
            "batch_protocols mel_networks model_spec training.{data,learner,loop,monitoring,optim,"
            "parallel,run_folder,state}"
        ),
        "training.transcriber": (
            "batch_protocols mel_networks model_spec models training.{mel_network,monitoring,optim,"
            "state}"
        ),
        "training.embedder": (
            "batch_protocols mel_networks model_spec models training.{mel_network,monitoring,optim,"
            "state}"
        ),
        "training.diffusion": (
            "audio batch_protocols bundle denoising diffusion mel_networks model_spec models "
            "reporting synthesis vocoder training.{checkpoints,data,learner,loop,monitoring,optim,"
            "parallel,provenance,run_folder,state,transcriber}"
        ),
        "training.vocoder": (
            "audio batch_protocols reporting vocoder training.{data,learner,loop,monitoring,"
            "optim,parallel,run_folder,state}"
        ),
        "portable": "atomic bundle diffusion model_spec models symbolic synthesis vocoder",
        "importers": (
            "audio bundle diffusion foreign_files model_spec models param_check symbolic"
        ),
        "model": "again audio bundle cast earlier model_spec renderer score song synthesis vocoder",
    },
    {
        "adapters": (
            "audio bundle diffusion model_spec models synthesis training "
            "data_pipelines.{filesystem,performances,seqio_pipeline}"
        ),
        "adaptation": (
            "atomic audio bundle exclusive file_hashes foreign_files model_spec param_check "
            "symbolic training transcription "
            "data_pipelines.{alignment,reading,recordings,shards,songs}"
        ),
        "demo": (
            "again audio bundle model model_spec renderer reporting score song symbolic vocoder"
        ),
        "experiments": "atomic bundle exclusive foreign_files models reporting signals",
        "evaluation": "",
        "evaluation.evaluation_set": "audio symbolic",
        "evaluation.embeddings": "atomic audio cache_folder mel_networks models",
        "evaluation.caching": "atomic audio symbolic transcription vocoder evaluation.embeddings",
        "evaluation.metrics": (
            "audio reporting symbolic transcription evaluation.{caching,embeddings,evaluation_set}"
        ),
        "evaluation.input_files": "audio reporting symbolic evaluation.{evaluation_set,metrics}",
        "evaluation.measure": "evaluation.{embeddings,evaluation_set,metrics}",
        "evaluation.report": "reporting evaluation.{evaluation_set,metrics}",
        "evaluation.listening": "atomic reporting evaluation.{evaluation_set,measure,metrics}",
        "evaluation.evaluate": (
            "atomic audio reporting evaluation.{embeddings,evaluation_set,measure,metrics,report}"
        ),
        "evaluation.bundle": (
            "atomic audio bundle reporting symbolic synthesis vocoder "
            "data_pipelines.{corpus,prepare,shards} "
            "evaluation.{evaluate,evaluation_set,input_files,metrics}"
        ),
    },
    {"": "adaptation model"},
    {
        "commands": "",
        "commands.shared": (
            "audio bundle cache_folder configuration exclusive model_spec signals synthesis vocoder"
        ),
        "commands.demo": "configuration demo commands.shared mt3synth",
        "commands.doctor": (
            "bundle configuration transcription commands.shared data_pipelines.corpus "
            "evaluation.embeddings"
        ),
        "commands.performances": "bundle configuration",
        "commands.vocode": "audio bundle configuration vocoder commands.shared",
        "commands.synthesize": (
            "again audio configuration earlier renderer score song times commands.shared mt3synth"
        ),
        "commands.train": "configuration training",
        "commands.adapt": "configuration commands.train training.preemption mt3synth",
        "commands.train_vocoder": "commands.train",
        "commands.train_transcriber": "commands.train",
        "commands.train_embedder": "commands.train",
        "commands.prepare": (
            "model reporting symbolic.{midi,notes} transcription data_pipelines commands.shared "
            "mt3synth"
        ),
        "commands.evaluate": (
            "audio bundle cache_folder configuration evaluation exclusive reporting synthesis "
            "transcription vocoder commands.shared"
        ),
        "commands.experiment": "bundle configuration experiments reporting",
        "commands.export": (
            "adapters atomic bundle configuration model_spec portable training vocoder "
            "commands.shared"
        ),
        "commands.import_weights": "bundle configuration importers param_check",
    },
    {"cli": "commands standard_error", "__main__": "cli"},
    {"infer": "cli commands configuration mt3synth score synthesis"},
)
"""What each room may import. The row without a name is `mt3synth` itself, the front door."""

LIBRARIES = {
    "tensorflow": "data_pipelines.seqio_pipeline evaluation.embeddings.tf_hub vocoder.soundstream",
    "tensorflow_hub": "evaluation.embeddings.tf_hub vocoder.soundstream",
    "tensorflow_datasets": "data_pipelines.seqio_pipeline",
    "seqio": "data_pipelines.seqio_pipeline adapters",
    "t5x": "adapters",
    "clu": "adapters",
    "torch": "importers",
    "tensorstore": "importers",
    "gin": "configuration commands.train importers.gin_description cli",
    "apache_beam": "data_pipelines.prepare.runners data_pipelines.seqio_pipeline.caching",
    "synctoolbox": "data_pipelines.alignment commands.doctor",
    "music21": "symbolic.scores data_pipelines.corpus.arrangement.scores commands.doctor",
    "note_seq": "symbolic.midi.note_sequence",
    "pretty_midi": "symbolic.midi.note_sequence",
    "mido": "",
    "orbax": "training.checkpoints importers.orbax_checkpoint adapters",
    "optax": "training adapters",
    "tensorboardX": "training.monitoring.logger",
    "mir_eval": "evaluation.metrics",
    "pyloudnorm": "audio.level",
    "sklearn": "evaluation.metrics evaluation.report.tsne",
    "basic_pitch": "transcription",
    "harmonica": "transcription",
    "onnxruntime": "transcription portable.render",
    "jax2onnx": "portable.export",
    "onnx": "portable.export",
    "gradio": "demo.page demo.server",
    "matplotlib": (
        "reporting evaluation.report experiments.figures data_pipelines.alignment.picture "
        "data_pipelines.inspection training.diffusion.samples training.vocoder.validation"
    ),
}
"""The only rooms and files that may import a heavy library."""

# Of the libraries that stand anywhere, what the lowest rooms may use at all.
ALONE = {
    "symbolic": {"numpy", "note_seq", "pretty_midi", "google", "music21"},
    "audio": {"numpy", "scipy", "soundfile", "soxr", "pyloudnorm", "jaxtyping"},
    "diffusion": {"jax"},
    "models": {"jax", "flax", "numpy", "jaxtyping"},
}


def test_every_row_names_what_stands_below_it():
    assert problems_of_table(FLOORS) == []


def test_imports_are_in_the_table():
    assert problems_of_tree(ROOT, FLOORS) == []


def test_heavy_libraries_stay_in_their_place():
    assert problems_of_libraries(ROOT, LIBRARIES) == []


def test_the_floors_are_those_of_the_documentation():
    page = (ROOT / "docs/architecture.md").read_text()
    for level, floor in enumerate(FLOORS, 1):
        packages = {house.package_of(full(room)) for room in floor}
        told = re.search(rf"^\| {level} \|(.+)\|$", page, re.MULTILINE)
        assert told
        named = set(re.findall(r"`([a-z_0-9]+)`", told[1])) - {"load"}
        assert {p.removeprefix("mt3synth.") for p in packages} == named


@pytest.mark.parametrize("package", ALONE)
def test_the_lowest_rooms_use_few_libraries(package):
    modules = house.find_modules(ROOT)
    for module in (m for m in modules if within(m, full(package))):
        tops = {
            imported.name.split(".")[0] for imported in house.read_imports(modules[module], module)
        }
        foreign = tops - set(sys.stdlib_module_names) - {"mt3synth"}
        assert foreign <= ALONE[package], f"{module} imports {foreign - ALONE[package]}"


@pytest.mark.parametrize("name", [str, house.package_of, None], ids=["files", "packages", "rooms"])
def test_nothing_is_imported_in_circles(name):
    modules = house.find_modules(ROOT)
    graph = house.graph_of(modules, name or house.rooms_of(modules).__getitem__)
    assert house.circles(graph) == []


def test_no_import_runs_upward():
    assert house.upward(house.find_modules(ROOT)) == []


@pytest.mark.parametrize(
    "module", ["mt3synth.synthesis", "mt3synth.bundle", "data_pipelines.corpus.sound.render"]
)
def test_rendering_imports_no_tensorflow(module):
    code = f"import sys, {module}; sys.exit('tensorflow' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False).returncode == 0
