"""Other forms of the backbones: sharded like one device, and lowered for accelerators."""

from __future__ import annotations

import pytest
from mesh_cases import FORMS, on_eight_devices


@pytest.mark.slow
@pytest.mark.parametrize("form", FORMS)
def test_a_mesh_takes_the_step_of_one_device(form: str) -> None:
    case = "2x2x2/2/none"
    found = on_eight_devices("run_on_meshes.py", form, case)[case]
    assert found["initial"] < 1e-6
    assert found["gradient"] < 1e-5
    assert max(found["metrics"].values()) < 1e-5
    assert found["as_planned"]


@pytest.mark.slow
@pytest.mark.parametrize("form", FORMS)
def test_it_lowers_for_accelerators(form: str) -> None:
    found = on_eight_devices("run_export.py", form)[form]
    assert found.pop("sampled_type") == "float32"
    assert set(found) == {"train", "evaluate", "denoise_chunk", "sample"}
    for name, lowered in found.items():
        assert lowered["platforms"] == ["tpu", "cuda"], name
