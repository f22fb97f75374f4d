"""Step and sampler lower for TPU and CUDA, on a machine that has neither.

Lowering is as far as one gets without the device: it shows that nothing in them is of the CPU
alone. Activations are bfloat16 here, for that is what an accelerator will be given.
"""

from __future__ import annotations

import pytest
from mesh_cases import on_eight_devices


@pytest.mark.slow
def test_it_lowers_for_accelerators() -> None:
    for network, found in on_eight_devices("run_export.py", "unet", "t5").items():
        assert found.pop("sampled_type") == "float32"
        assert set(found) == {"train", "evaluate", "denoise_chunk", "sample"}
        for name, lowered in found.items():
            assert lowered["platforms"] == ["tpu", "cuda"], (network, name)
            assert lowered["devices"] == (8 if name in ("train", "evaluate") else 1), name
            assert lowered["bytes"] > 0, (network, name)
