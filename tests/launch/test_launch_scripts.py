"""The shell scripts of launch/, run with stand-ins for the programs of the cloud.

A stand-in notes what it was called with; every call must be one that the real program takes (see
`launch_cases.KNOWN`). The command that the scripts send to the hosts is run in the same way.
"""

import os
import shlex
import subprocess
from pathlib import Path

import pytest
from launch_cases import LAUNCH, ROOT, check, check_known

RESOURCES = "gcloud compute tpus queued-resources"
# Replies of the stand-ins: how the call begins, what is printed, the exit status.
GONE = f"{RESOURCES} describe||1"
WAITING, THERE, TAKEN = (
    f"{RESOURCES} describe|{state}|0" for state in ("WAITING_FOR_RESOURCES", "ACTIVE", "SUSPENDED")
)
TRAIN = ["train", "--data", "/shared/corpus", "--run", "/shared/runs/first"]

# Notes its call, then answers with the first reply that begins as the call does, each reply once;
# without one it does what it is asked to do, as far as that is to run another stand-in.
STAND_IN = r"""#!/usr/bin/env bash
here=$(dirname "$0") name=$(basename "$0") number=0
{ printf '%s\x1f' "$name" "$@"; printf '\x1e'; } >> "$here/calls"
while IFS='|' read -r words output status; do
  number=$((number + 1))
  if [[ "$name $*" == "$words"* ]]; then
    sed -i "${number}d" "$here/replies"
    printf '%s' "$output"
    exit "$status"
  fi
done < "$here/replies"
if [ "$name" = sudo ] && [ -e "$here/$1" ]; then "$@"; exit; fi
for argument in "$@"; do
  case $argument in --command=*) bash -c "${argument#--command=}"; exit ;; esac
done
[ "$name" != mountpoint ]
"""


class StandIns:
    """Programs that note their calls and answer as they are told."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        for name in ("gcloud", "docker", "sudo", "mountpoint", "srun", "scontrol", "mt3synth"):
            program = folder / name
            program.write_text(STAND_IN)
            program.chmod(0o755)

    def run(self, *command: str, replies=(), **variables: str) -> subprocess.CompletedProcess[str]:
        (self.folder / "calls").write_text("")
        (self.folder / "replies").write_text("".join(f"{reply}\n" for reply in replies))
        env = {**os.environ, "PATH": f"{self.folder}:{os.environ['PATH']}", "POLL": "0"}
        return subprocess.run(
            command,
            cwd=ROOT,
            env={**env, **variables},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    def calls(self, *beginning: str) -> list[list[str]]:
        records = (self.folder / "calls").read_text().split("\x1e")[:-1]
        calls = [record.split("\x1f")[:-1] for record in records]
        return [call for call in calls if call[: len(beginning)] == list(beginning)]


@pytest.fixture
def cloud(tmp_path):
    return StandIns(tmp_path)


def pod(cloud: StandIns, *arguments: str, replies=()) -> subprocess.CompletedProcess[str]:
    return cloud.run(
        "launch/tpu_pod.sh",
        *arguments,
        replies=replies,
        ZONE="europe-west4-a",
        IMAGE="europe-west4-docker.pkg.dev/project/mt3synth/tpu:latest",
        NFS="10.0.0.2:/shared",
    )


@pytest.mark.parametrize("name", ["tpu_pod.sh", "dataflow.sh", "slurm.sbatch", "train_default.sh"])
def test_syntax(name):
    subprocess.run(["bash", "-n", LAUNCH / name], check=True)
    assert "set -euo pipefail" in (LAUNCH / name).read_text()


def test_a_pod_is_made_and_used_with_options_that_gcloud_and_docker_know(cloud):
    done = pod(cloud, *TRAIN, replies=[GONE, WAITING, THERE])
    assert done.returncode == 0, done.stderr
    for program in ("gcloud", "docker"):
        for call in cloud.calls(program):
            check_known(call)
    assert len(cloud.calls(*RESOURCES.split(), "create")) == 1
    [run] = cloud.calls("docker", "run")
    image = run.index("europe-west4-docker.pkg.dev/project/mt3synth/tpu:latest")
    assert run[image + 1 :] == TRAIN
    assert cloud.calls("sudo", "mount") == [
        ["sudo", "mount", "-t", "nfs", "10.0.0.2:/shared", "/shared"]
    ]
    assert cloud.calls("sudo", "gcloud")[0][-2:] == ["europe-west4-docker.pkg.dev", "--quiet"]


def test_arguments_reach_the_hosts_as_they_are(cloud):
    odd = [*TRAIN, "--gin.X='a b'"]
    pod(cloud, *odd, replies=[THERE])
    assert cloud.calls("docker", "run")[0][-len(odd) :] == odd


def test_after_a_preemption_the_pod_is_made_again_and_the_run_goes_on(cloud):
    lost = "docker run||255"  # what ssh returns where nobody answers
    assert pod(cloud, *TRAIN, replies=[THERE, lost, TAKEN, GONE, THERE]).returncode == 0
    deeds = [call[4] for call in cloud.calls(*RESOURCES.split()) if call[4] != "describe"]
    assert deeds == ["delete", "create"]
    assert len(cloud.calls("docker", "run")) == 2


@pytest.mark.parametrize(("status", "runs"), [(2, 1), (1, 1), (143, 2)])
def test_what_fails_on_hosts_that_are_all_there_is_not_tried_again(cloud, status, runs):
    done = pod(cloud, *TRAIN, replies=[THERE, f"docker run||{status}", THERE])
    assert len(cloud.calls("docker", "run")) == runs
    assert done.returncode == (0 if runs == 2 else status)  # told to stop, it goes on


def test_a_pod_script_without_its_settings_says_which(cloud):
    assert "ZONE" in cloud.run("launch/tpu_pod.sh", "train", ZONE="").stderr
    assert cloud.run("launch/tpu_pod.sh", "fly", ZONE="z").returncode == 2


def slurm(cloud: StandIns, status: int) -> subprocess.CompletedProcess[str]:
    (cloud.folder / "bin").mkdir(exist_ok=True)
    (cloud.folder / "bin" / "activate").write_text("")
    return cloud.run(
        "bash",
        "launch/slurm.sbatch",
        *TRAIN[1:],
        replies=[f"srun||{status}"],
        VENV=str(cloud.folder),
        SLURM_CPUS_PER_TASK="8",
        SLURM_JOB_ID="17",
    )


def test_slurm_starts_one_process_a_gpu_with_options_that_it_knows(cloud):
    assert slurm(cloud, 0).returncode == 0
    [step] = cloud.calls("srun")
    check(step)
    assert step[-5:] == TRAIN
    lines = (LAUNCH / "slurm.sbatch").read_text().splitlines()
    options = [line.removeprefix("#SBATCH ") for line in lines if line.startswith("#SBATCH ")]
    check_known(["sbatch", *options])
    given = dict(option.partition("=")[::2] for option in options)
    assert given["--ntasks-per-node"] == given["--gpus-per-node"]
    # sbatch reads its options only up to the first command of the script.
    first = next(i for i, line in enumerate(lines) if line and not line.startswith("#"))
    assert first > max(i for i, line in enumerate(lines) if line.startswith("#SBATCH"))


@pytest.mark.parametrize(("status", "again"), [(0, 0), (2, 0), (1, 0), (143, 1)])
def test_slurm_goes_on_after_its_time_limit_alone(cloud, status, again):
    assert slurm(cloud, status).returncode == status
    assert len(cloud.calls("scontrol", "requeue", "17")) == again


def dataflow(cloud: StandIns) -> list[str]:
    done = cloud.run(
        *("launch/dataflow.sh", "pairs", "--manifest", "gs://b/takes.csv", "--out", "gs://b/out"),
        PROJECT="project",
        REGION="europe-west4",
        IMAGE="europe-west4-docker.pkg.dev/project/mt3synth/beam",
        TEMP="gs://b/tmp",
    )
    assert done.returncode == 0, done.stderr
    [call] = cloud.calls("mt3synth")
    return call


def test_dataflow_calls_us_with_options_that_we_know(cloud):
    call = dataflow(cloud)
    check(call)
    assert call[:3] == ["mt3synth", "prepare", "pairs"]


@pytest.mark.slow  # for the import of Beam alone
def test_dataflow_calls_beam_with_options_that_it_knows(cloud):
    pipeline_options = pytest.importorskip("apache_beam.options.pipeline_options")
    [options] = [a for a in dataflow(cloud) if a.startswith("--beam=")]
    parser = pipeline_options._BeamArgumentParser(allow_abbrev=False)
    for kind in pipeline_options.PipelineOptions.__subclasses__():
        kind._add_argparse_args(parser)
    values, unknown = parser.parse_known_args(shlex.split(options.removeprefix("--beam=")))
    assert not unknown
    assert (values.runner, values.sdk_location) == ("DataflowRunner", "container")
    assert values.sdk_container_image.endswith("/beam")


def train_default(cloud: StandIns, **variables: str) -> list[list[str]]:
    work = cloud.folder / "work"
    done = cloud.run("launch/train_default.sh", str(work), BUDGET_MINUTES="100", **variables)
    assert done.returncode == 0, done.stderr
    calls = cloud.calls("mt3synth")
    for call in calls:
        check(call)
    return calls


def value_of(call: list[str], option: str) -> str:
    return call[call.index(option) + 1]


def minutes_of(calls: list[list[str]], command: str) -> list[int]:
    return [int(value_of(call, "--budget-minutes")) for call in calls if call[1] == command]


def test_the_default_model_is_trained_stage_by_stage_within_one_budget(cloud):
    calls = train_default(cloud)
    grouped = ("prepare", "evaluate")
    stages = [" ".join(c[1:3]) if c[1] in grouped else c[1] for c in calls]
    assert stages == [
        *["prepare corpus"] * 3,
        *("train-vocoder", "export", "train", "train", "export", "evaluate bundle"),
    ]
    assert minutes_of(calls, "train-vocoder") + minutes_of(calls, "train") == [40, 20, 40]
    # The second run begins where the first one ended, and the bundle is made of it.
    prior, whole = (call for call in calls if call[1] == "train")
    assert value_of(whole, "--init-from") == value_of(prior, "--run")
    assert value_of(calls[-2], "--run") == value_of(whole, "--run")


def test_a_vocoder_that_is_there_leaves_its_share_to_the_model(cloud):
    calls = train_default(cloud, VOCODER="mt3synth/bundles/default")
    assert minutes_of(calls, "train-vocoder") == []
    assert minutes_of(calls, "train") == [20, 80]
    assert "mt3synth/bundles/default" in calls[-2]


def test_shares_that_leave_nothing_are_refused(cloud):
    done = cloud.run("launch/train_default.sh", "work", VOCODER_SHARE="80", PRIOR_SHARE="20")
    assert done.returncode == 2 and "must leave some of 100" in done.stderr
    assert not cloud.calls("mt3synth")
