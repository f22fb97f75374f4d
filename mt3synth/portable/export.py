"""Writes a folder that renders without this package: ONNX, constants, a script and a page."""

from __future__ import annotations

import json
import logging
import shutil
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp

from mt3synth.atomic import refuse_existing, scratch_folder, write_folder
from mt3synth.bundle import Bundle
from mt3synth.errors import UserError
from mt3synth.portable.coefficients import start_scales, step_table
from mt3synth.portable.programs import (
    BLOCK,
    CARRIED,
    MOST_NOTES,
    Program,
    denoiser_program,
    prior_program,
    vocoder_program,
    window_conditions,
)
from mt3synth.symbolic.groups import program_table
from mt3synth.symbolic.note_list import RING_S
from mt3synth.synthesis.canvas import EDGE_FRAMES
from mt3synth.synthesis.chunks import prior_chunk
from mt3synth.synthesis.options import sampling_config
from mt3synth.synthesis.sampling import SettledSampling
from mt3synth.vocoder.protocol import SILENT_FRAMES
from mt3synth.vocoder.stft import by_products

FILES = {
    **{f"{name}.py": f"{name}.py" for name in ("render", "midi", "windows", "sampler", "sound")},
    **{f"{name}.js": f"{name}.js" for name in ("page", "midi", "windows", "sampler")},
    "page.html": "page.html",
    "README.md": "portable.md",
}
"""What lies beside the programs, as it lies beside this module: names there and here."""


def export_onnx(bundle: Bundle, folder: Path, steps: int | None = None) -> None:
    """Writes a new folder, which appears whole or not at all.

    Args:
      bundle: a model with a prior from its notes, and with a vocoder of its own.
      folder: to be made.
      steps: with which it renders, by the sampler and guidance that the model names; None takes
        as many as that names. With any the denoiser is exported, too.

    Raises:
      UserError: the model cannot be exported, jax2onnx is missing, or the folder exists or cannot
        be written.
    """
    if bundle.vocoder is None:
        raise UserError(f"{bundle.folder}: has no vocoder of its own; put one in by --vocoder")
    programs = [prior_program(bundle), vocoder_program(bundle.vocoder)]
    sampling = sampling_config(bundle.spec, {"steps": steps}).for_model(bundle.spec)
    if sampling.steps:
        # All that the denoiser is told comes from the same program as the frames it begins with.
        programs[0] = prior_program(bundle, sampling.guidance)
        programs.append(denoiser_program(bundle, sampling.guidance))
    refuse_existing(folder)
    # Converted elsewhere first: what fails leaves nothing behind.
    with scratch_folder() as scratch:
        for program in programs:
            convert(program, scratch / f"{program.name}.onnx")
        with write_folder(folder, UserError) as unfinished:
            for path in sorted(scratch.iterdir()):
                shutil.copy(path, unfinished / path.name)
            for name, ours in FILES.items():
                shutil.copy(Path(__file__).with_name(ours), unfinished / name)
            (unfinished / "model.json").write_text(
                json.dumps(constants(bundle, programs[1], sampling))
            )


def convert(program: Program, path: Path) -> None:
    """Writes a function of arrays as ONNX.

    Raises:
      UserError: jax2onnx is missing.
    """
    # Plugins for libraries that are not installed are said to be skipped, one by one.
    logging.getLogger("jax2onnx").setLevel(logging.ERROR)
    try:
        from jax2onnx import to_onnx
    except ModuleNotFoundError as error:
        raise UserError(
            f"{error.name} is missing; in an environment of its own, for it wants other versions "
            "than training does: pip install 'mt3synth[onnx]'"
        ) from error
    with by_products():
        model = to_onnx(
            program.function,
            list(program.inputs.values()),
            model_name=program.name,
            input_names=list(program.inputs),
            output_names=list(program.outputs),
            return_mode="proto",
        )
    # What JAX keeps of functions that both call was traced with jax2onnx's own operations in it.
    jax.clear_caches()
    _forget_doubles(model.graph)
    path.write_bytes(model.SerializeToString())


def _forget_doubles(graph: Any) -> None:
    """Makes float32 of all that is float64, and of what is in loops.

    None of our functions has any, but jax2onnx 0.17 makes float64 of some zeros, which meet floats.
    """
    import numpy as np
    from onnx import TensorProto, numpy_helper

    def single(tensor: Any) -> None:
        if tensor.data_type == TensorProto.DOUBLE:
            values = numpy_helper.to_array(tensor).astype(np.float32)
            tensor.CopyFrom(numpy_helper.from_array(values, tensor.name))

    for tensor in graph.initializer:
        single(tensor)
    for value in (*graph.input, *graph.output, *graph.value_info):
        if value.type.tensor_type.elem_type == TensorProto.DOUBLE:
            value.type.tensor_type.elem_type = TensorProto.FLOAT
    for node in graph.node:
        for attribute in node.attribute:
            if attribute.HasField("g"):
                _forget_doubles(attribute.g)
            if attribute.HasField("t"):
                single(attribute.t)
            if (
                node.op_type == "Cast"
                and attribute.name == "to"
                and attribute.i == TensorProto.DOUBLE
            ):
                attribute.i = TensorProto.FLOAT


def constants(bundle: Bundle, program: Program, sampling: SettledSampling) -> dict[str, Any]:
    """Lists what a renderer has to know beside the programs, of which one is its vocoder's."""
    spec, vocoder = bundle.spec, bundle.vocoder
    assert vocoder is not None  # `export_onnx` refuses it otherwise
    schedule = spec.diffusion.schedule
    return {
        "bundle": bundle.hash,
        "performances": [[p.name, p.description] for p in bundle.performances],
        "performance": bundle.performance(None).index,
        "rate": spec.mel.sample_rate,
        "hop": spec.mel.hop,
        "bins": spec.mel.bins,
        "low": spec.mel.scale_low,
        "high": spec.mel.scale_high,
        "floor": spec.mel.floor,
        "window": spec.segment_frames,
        "overlap": sampling.overlap,
        "edge": EDGE_FRAMES,
        "tail": sampling.tail,
        "silence": SILENT_FRAMES,
        "ring": RING_S,
        "drum": spec.roll.drum_seconds,
        "groups": program_table(spec.roll.groups).tolist(),
        "drums": len(spec.roll.groups),
        "notes": MOST_NOTES,
        "block": BLOCK,
        "context": vocoder.config.context(vocoder.spec),
        "lag": vocoder.config.lag(vocoder.spec),
        "carry": {name: list(program.inputs[name].shape) for name in CARRIED},
        "steps": step_table(sampling, schedule) if sampling.steps else [],
        "start": start_scales(sampling, schedule, _deviation(bundle)) if sampling.steps else [],
    }


def _deviation(bundle: Bundle) -> Any:
    """Finds the deviation of a model's prior, which is one for all notes and performances."""
    spec = bundle.spec
    conditions = window_conditions(spec, jnp.zeros((MOST_NOTES, 5)), jnp.zeros(1, jnp.int32))
    return prior_chunk(spec.build(), bundle.params, conditions).deviation
