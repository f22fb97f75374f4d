"""Checks that every mesh of eight simulated devices updates a vocoder as one device does."""

from __future__ import annotations

import numpy as np
import pytest
from mesh_cases import on_eight_devices

MESHES = ("8x1x1", "2x2x2")


@pytest.mark.slow
def test_every_mesh_takes_the_update_of_one_device() -> None:
    report = on_eight_devices("run_vocoder_on_meshes.py", *MESHES)
    assert set(report) == set(MESHES)
    for sizes, found in report.items():
        assert found["fresh"] < 1e-6, sizes
        for name in ("alone", "with_critics"):
            assert found[name].pop("as_planned"), (sizes, name)
            assert max(found[name].values()) < 1e-5, (sizes, name, found[name])
        _, fsdp, tensor = map(int, sizes.split("x"))
        kernels = {
            key: shapes for key, shapes in found["held"].items() if "['Dense_0']['kernel']" in key
        }
        assert len(kernels) == 3  # the parameter, its average and its momentum
        for whole, share in kernels.values():
            assert np.prod(whole) == fsdp * tensor * np.prod(share), sizes
