"""Reads the ancestor's own configuration, the ``config.gin`` beside its checkpoints.

It configures classes that are not installed here, so it is only parsed, never carried out.
"""

from __future__ import annotations

import tokenize
from pathlib import Path
from typing import Any

from gin import config_parser

from mt3synth.importers.checkpoint import CheckpointError, Description
from mt3synth.models.t5_config import ContextAttention

_SIZES = {
    "encoder_layers": "num_encoder_layers",
    "decoder_layers": "num_decoder_layers",
    "width": "emb_dim",
    "heads": "num_heads",
    "head_width": "head_dim",
    "mlp_width": "mlp_dim",
}
_ATTENTION: dict[str, ContextAttention] = {"sum_cross_attends": "sum", "concat_encodings": "concat"}
_REQUIRED: dict[str, tuple[Any, Any]] = {
    "T5Config.mlp_activations": (("gelu", "linear"), ("relu",)),
    "T5Config.max_decoder_noise_time": (2e4, 2e4),
    "train/DiffusionSchedule.name": ("cosine", "cosine"),
}
"""Settings for which there is one way here: that way, and what stands if none is given."""
_REQUIRED_WITH_CONTEXT = {"T5Config.context_positions": ("terminal_relative", "regular")}


def describe(path: Path, context: bool) -> Description:
    """Describes the network that a ``config.gin`` configures.

    Args:
      path: of the file.
      context: whether the network is the one with context.

    Raises:
      CheckpointError: it cannot be read, lacks a size, or asks for what the T5 cannot be.
    """
    settings = _settings(path)
    missing = [name for name in _SIZES.values() if f"T5Config.{name}" not in settings]
    if missing:
        raise CheckpointError(f"{path}: does not say what T5Config.{missing[0]} is")
    required = _REQUIRED | (_REQUIRED_WITH_CONTEXT if context else {})
    for name, (only, otherwise) in required.items():
        found = settings.get(name, otherwise)
        if found != only:
            raise CheckpointError(f"{path}: {name} is {found!r}; only {only!r} can be imported")
    style = settings.get("T5Config.decoder_cross_attend_style", "sum_cross_attends")
    if style not in _ATTENTION:
        raise CheckpointError(
            f"{path}: T5Config.decoder_cross_attend_style is {style!r}; must be one of "
            f"{tuple(_ATTENTION)}"
        )
    try:
        return Description(
            **{ours: settings[f"T5Config.{theirs}"] for ours, theirs in _SIZES.items()},
            dropout=float(settings.get("T5Config.dropout_rate", 0.1)),
            context_attention=_ATTENTION[style] if context else "concat",
            prediction=settings.get("DiffusionConfig.model_output", "eps"),
            norm=settings.get("DiffusionConfig.loss_norm", "l1"),
        )
    except (TypeError, ValueError) as error:
        raise CheckpointError(f"{path}: {error}") from error


class _Names(config_parser.ParserDelegate):
    """Leaves references to what is not here as the text that they are."""

    def configurable_reference(self, scoped_name: str, evaluate: bool) -> str:
        return f"@{scoped_name}"

    def macro(self, scoped_name: str) -> str:
        return f"%{scoped_name}"


def _settings(path: Path) -> dict[str, Any]:
    """Reads bindings as ``CLASS.PARAMETER``, the scope in front if there is one, macros resolved.

    Modules are left out: gin lets a class be named with as much of its path as one likes.
    """
    try:
        statements = list(config_parser.ConfigParser(path.read_text(), _Names()))
    except (OSError, UnicodeDecodeError, SyntaxError, ValueError, tokenize.TokenError) as error:
        raise CheckpointError(f"{path}: cannot be read as a gin file: {error}") from error
    found: dict[str, Any] = {}
    for statement in statements:
        if isinstance(statement, config_parser.BindingStatement):
            scope = f"{statement.scope}/" if statement.scope else ""
            selector = statement.selector.rpartition(".")[2]
            name = f"{selector}.{statement.arg_name}" if statement.arg_name else f"%{selector}"
            found[scope + name] = statement.value
    return {name: _resolved(value, found) for name, value in found.items()}


def _resolved(value: Any, found: dict[str, Any]) -> Any:
    """Follows macros to what they stand for; those that stand for each other stay."""
    seen: set[str] = set()
    while isinstance(value, str) and value.startswith("%") and value in found.keys() - seen:
        seen.add(value)
        value = found[value]
    return value
