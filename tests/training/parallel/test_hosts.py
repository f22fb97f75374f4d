"""Several processes: how they find each other, and that together they train as one does."""

import shutil

import numpy as np
import pytest
from hosts_cases import finish, losses, start, start_pod

from mt3synth.errors import UserError
from mt3synth.training.parallel.distributed import Hosts, find_hosts, in_cluster

NAMED = {
    "MT3SYNTH_COORDINATOR": "pod-0:8476",
    "MT3SYNTH_PROCESS_COUNT": "4",
    "MT3SYNTH_PROCESS_INDEX": "2",
}


def test_hosts_come_from_flags_or_the_environment():
    assert find_hosts(None, None, None, {}) is None
    assert find_hosts("a:1", 2, 0, {}) == Hosts("a:1", 2, 0)
    assert find_hosts(None, None, None, NAMED) == Hosts("pod-0:8476", 4, 2)
    assert find_hosts(None, None, 0, NAMED) == Hosts("pod-0:8476", 4, 0)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"MT3SYNTH_PROCESS_COUNT": ""}, "MT3SYNTH_PROCESS_COUNT must be set too"),
        ({"MT3SYNTH_PROCESS_INDEX": "two"}, "MT3SYNTH_PROCESS_INDEX='two' is no number"),
        ({"MT3SYNTH_PROCESS_INDEX": "4"}, r"process index 4; must be in 0\.\.3"),
        ({"MT3SYNTH_PROCESS_COUNT": "0"}, "0 processes; must be at least 1"),
        ({"MT3SYNTH_COORDINATOR": "pod-0"}, "'pod-0' is no HOST:PORT"),
    ],
)
def test_hosts_that_are_named_badly_are_refused(change, message):
    with pytest.raises(UserError, match=message):
        find_hosts(None, None, None, {**NAMED, **change})


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ({}, False),
        ({"SLURM_JOB_ID": "7", "SLURM_NTASKS": "2"}, False),  # sbatch itself, outside srun
        ({"SLURM_STEP_NODELIST": "n1", "SLURM_PROCID": "0", "SLURM_NTASKS": "1"}, False),
        ({"SLURM_STEP_NODELIST": "n[1-2]", "SLURM_PROCID": "0", "SLURM_NTASKS": "2"}, True),
        ({"KUBERNETES_SERVICE_HOST": "10.0.0.1"}, False),  # a notebook in a pod
        ({"KUBERNETES_SERVICE_HOST": "10.0.0.1", "JOB_COMPLETION_INDEX": "0"}, True),
        ({"TPU_WORKER_HOSTNAMES": "localhost"}, False),
        ({"TPU_WORKER_HOSTNAMES": "w0,w1"}, True),
        ({"TPU_WORKER_HOSTNAMES": "w0", "MEGASCALE_NUM_SLICES": "2"}, True),
    ],
)
def test_only_a_cluster_is_taken_for_one(environment, expected):
    assert in_cluster({"TPU_SKIP_MDS_QUERY": "1", **environment}) == expected


def numbers(run: dict[int, str]) -> list[float]:
    return [float.fromhex(run[step]) for step in sorted(run)]


@pytest.mark.slow
def test_two_processes_train_stop_and_go_on_like_one(tmp_path):
    """SIGTERM for one stops both; what they saved goes on in both, or on one device alone."""
    finish(start(tmp_path / "one", "--batch", "8"))
    expected = losses(tmp_path / "one")[0]

    options = ("--batch", "8", "--mesh", "4,2,1")
    stopping = ("--at-step", "5", "--signal", "TERM", "--by", "1")
    for process in start_pod(tmp_path / "two", *options, *stopping, devices=4):
        assert "stopped by SIGTERM" in finish(process, 143)
    (stopped,) = losses(tmp_path / "two")
    shutil.copytree(tmp_path / "two", tmp_path / "alone")

    for process in start_pod(tmp_path / "two", *options, devices=4):
        finish(process)
    finish(start(tmp_path / "alone", "--batch", "8"))
    for name in ("two", "alone"):
        first, second = losses(tmp_path / name)
        assert first == stopped and min(second) == len(first) + 1
        np.testing.assert_allclose(numbers(first | second), numbers(expected), rtol=1e-5)
