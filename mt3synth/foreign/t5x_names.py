"""What the ancestor calls each parameter of our T5.

Its modules are those of Hawthorne et al. 2022's code: ``token_encoder`` (``encoder`` where there is
no context), ``continuous_encoder`` and ``decoder``, each with its table of positions ``Embed_0``.
"""

from __future__ import annotations

_INSIDE = (
    ("/stack/", "/"),
    ("/time/mlp/", "/time_emb_"),
    ("/cross_attention/", "/MultiHeadDotProductAttention_0/"),
    ("/context_cross_attention/", "/MultiHeadDotProductAttention_1/"),
    ("/self_attention_film/gamma_beta/", "/FiLMLayer_0/DenseGeneral_0/"),
    ("/mlp_film/gamma_beta/", "/FiLMLayer_1/DenseGeneral_0/"),
    ("/positions/table", "/Embed_0/embedding"),
    ("/context_projection/", "/input_proj/"),
)
_MODULES = (("encoder/", "token_encoder/"), ("context_encoder/", "continuous_encoder/"))


def t5x_name(path: tuple[str, ...], context: bool) -> str:
    """The ancestor's name of the parameter at ``path`` in ours, with slashes.

    Args:
      path: keys from the root of the parameters.
      context: whether it belongs to the network with context.
    """
    name = "/".join(path)
    for ours, theirs in _INSIDE:
        name = name.replace(ours, theirs)
    if context:
        for ours, theirs in _MODULES:
            if name.startswith(ours):
                return theirs + name.removeprefix(ours)
    return name
