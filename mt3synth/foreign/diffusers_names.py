"""What diffusers calls each parameter of the ancestor.

diffusers keeps three PyTorch modules, ``notes_encoder``, ``continuous_encoder`` and ``decoder``,
each in a folder of that name. The encoders' layers are those of transformers' T5, a layer being
attention (``layer.0``) and a feed-forward block (``layer.1``); the decoder has the cross-attention
between them.
"""

from __future__ import annotations

import re

COMPONENTS = {
    "token_encoder": "notes_encoder",
    "continuous_encoder": "continuous_encoder",
    "decoder": "decoder",
}
"""The ancestor's modules, and the folders that hold them."""

_PROJECTIONS = {"query": "q", "key": "k", "value": "v", "out": "o"}

_SHARED = {
    r"Embed_0/embedding": "position_encoding.weight",
    r"token_embedder/embedding": "token_embedder.weight",
    r"input_proj/kernel": "input_proj.weight",
    r"encoder_norm/scale": "layer_norm.weight",
    r"time_emb_dense0/kernel": "conditioning_emb.0.weight",
    r"time_emb_dense1/kernel": "conditioning_emb.2.weight",
    r"continuous_inputs_projection/kernel": "continuous_inputs_projection.weight",
    r"decoder_norm/scale": "decoder_norm.weight",
    r"spec_out_dense/kernel": "spec_out.weight",
}
_ENCODER_LAYER = {
    r"pre_attention_layer_norm/scale": "layer.0.layer_norm.weight",
    r"attention/(query|key|value|out)/kernel": "layer.0.SelfAttention.{}.weight",
    r"pre_mlp_layer_norm/scale": "layer.1.layer_norm.weight",
    r"mlp/(wi_0|wi_1|wo)/kernel": "layer.1.DenseReluDense.{}.weight",
}
_DECODER_LAYER = {
    r"pre_self_attention_layer_norm/scale": "layer.0.layer_norm.weight",
    r"FiLMLayer_0/DenseGeneral_0/kernel": "layer.0.FiLMLayer.scale_bias.weight",
    r"self_attention/(query|key|value|out)/kernel": "layer.0.attention.to_{}.weight",
    r"pre_cross_attention_layer_norm/scale": "layer.1.layer_norm.weight",
    r"MultiHead\w+_0/(query|key|value|out)/kernel": "layer.1.attention.to_{}.weight",
    r"pre_mlp_layer_norm/scale": "layer.2.layer_norm.weight",
    r"FiLMLayer_1/DenseGeneral_0/kernel": "layer.2.film.scale_bias.weight",
    r"mlp/(wi_0|wi_1|wo)/kernel": "layer.2.DenseReluDense.{}.weight",
}


def diffusers_name(name: str) -> str:
    """``FOLDER/KEY`` in diffusers of the parameter that the ancestor calls ``name``.

    Raises:
      ValueError: diffusers' network has no such parameter.
    """
    module, _, inside = name.partition("/")
    key = _key(module, inside) if module in COMPONENTS else None
    if key is None:
        raise ValueError(f"diffusers has no name for {name}")
    return f"{COMPONENTS[module]}/{key}"


def _key(module: str, inside: str) -> str | None:
    layer = re.fullmatch(r"layers_(\d+)/(.+)", inside)
    if layer is None:
        return _translate(_SHARED, inside, {})
    number, part = layer.groups()
    if module == "decoder":
        key, stack = _translate(_DECODER_LAYER, part, {**_PROJECTIONS, "out": "out.0"}), "decoders"
    else:
        key, stack = _translate(_ENCODER_LAYER, part, _PROJECTIONS), "encoders"
    return None if key is None else f"{stack}.{number}.{key}"


def _translate(table: dict[str, str], part: str, renamed: dict[str, str]) -> str | None:
    for pattern, key in table.items():
        found = re.fullmatch(pattern, part)
        if found:
            return key.format(*(renamed.get(word, word) for word in found.groups()))
    return None
