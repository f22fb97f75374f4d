"""Windows that are spread over devices give the song that one device makes of them."""

import dataclasses
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from synthesis_cases import CONFIG, UNET, synthesizer, tune

from mt3synth.errors import UserError
from mt3synth.synthesis import SamplingConfig

TESTS = Path(__file__).parent


@pytest.fixture(scope="module")
def found():
    flags = f"{os.environ.get('XLA_FLAGS', '')} --xla_force_host_platform_device_count=8"
    places = os.pathsep.join([str(TESTS.parents[1]), str(TESTS)])
    environment = {**os.environ, "JAX_PLATFORMS": "cpu", "XLA_FLAGS": flags, "PYTHONPATH": places}
    command = [sys.executable, str(TESTS / "devices_cases.py")]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert not done.returncode, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


@pytest.mark.parametrize("count", [3, 8])
def test_each_device_has_a_window_and_the_song_is_the_same(found, count):
    assert found["1"]["used"] == [[1, 1]]
    assert found[str(count)]["used"] == [[1, count]]
    assert 0 <= found[str(count)]["farthest"] < 1e-4


def test_more_devices_than_there_are_and_than_windows_are_refused(found):
    assert found["9 of 8"] == "devices=9; must be at most 8, which JAX finds here"
    assert found["8 of 8"] == "devices=8, but the song has 5 windows; give at most as many"


def test_a_stream_has_one_window_at_a_time():
    model = synthesizer(UNET)
    several = dataclasses.replace(CONFIG, devices=2)
    with pytest.raises(UserError, match="devices=2, but a stream, as any song of more than 600 s"):
        next(model.stream(tune(), 0, several))
    with pytest.raises(ValueError, match="devices=2 with continuity='stream'"):
        dataclasses.replace(several, continuity="stream").for_model(model.spec)
    with pytest.raises(ValueError, match="devices=0; must be at least 1"):
        SamplingConfig(devices=0)
