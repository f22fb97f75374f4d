"""The Kubernetes files of launch/: the fields on which a run depends."""

import re

import pytest
import yaml
from launch_cases import LAUNCH, ROOT, check_mt3synth

JOBSETS = ("jobset_tpu.yaml", "jobset_gpu.yaml")


@pytest.fixture(params=JOBSETS)
def jobset(request):
    return yaml.safe_load((LAUNCH / request.param).read_text())


def job_of(jobset):
    [job] = jobset["spec"]["replicatedJobs"]
    return job


def pod_of(jobset):
    return job_of(jobset)["template"]["spec"]["template"]["spec"]


def test_it_is_a_jobset(jobset):
    # jobset.sigs.k8s.io/docs/reference/jobset.v1alpha2
    assert jobset["apiVersion"] == "jobset.x-k8s.io/v1alpha2"
    assert jobset["kind"] == "JobSet"


def test_all_hosts_start_together_and_again_together(jobset):
    job = job_of(jobset)["template"]["spec"]
    assert job_of(jobset)["replicas"] == 1
    assert job["completionMode"] == "Indexed"  # which numbers the pods
    assert job["completions"] == job["parallelism"] > 1
    assert job["backoffLimit"] == 0
    assert jobset["spec"]["failurePolicy"]["maxRestarts"] > 0
    assert pod_of(jobset)["restartPolicy"] == "Never"  # or podFailurePolicy is refused


def test_a_users_error_is_not_repeated(jobset):
    [rule] = job_of(jobset)["template"]["spec"]["podFailurePolicy"]["rules"]
    assert rule["action"] == "FailJob"
    [container] = pod_of(jobset)["containers"]
    assert rule["onExitCodes"] == {
        "containerName": container["name"],
        "operator": "In",
        "values": [2],
    }
    [policy] = jobset["spec"]["failurePolicy"]["rules"]
    assert policy["action"] == "FailJobSet"
    assert policy["onJobFailureReasons"] == ["PodFailurePolicy"]


def test_the_command_is_ours_and_its_folders_are_on_the_volume(jobset):
    [container] = pod_of(jobset)["containers"]
    assert container["image"] == "IMAGE"  # the header's sed puts the real one there
    check_mt3synth(container["args"])
    assert "command" not in container  # the image's entry point
    mounts = {m["name"]: m["mountPath"] for m in container["volumeMounts"]}
    volumes = {v["name"]: v for v in pod_of(jobset)["volumes"]}
    assert mounts.keys() == volumes.keys()
    for option in ("--data", "--run"):
        folder = container["args"][container["args"].index(option) + 1]
        assert folder.startswith(mounts["shared"] + "/")
    claim = yaml.safe_load((LAUNCH / "shared_volume.yaml").read_text())
    assert (claim["apiVersion"], claim["kind"]) == ("v1", "PersistentVolumeClaim")
    assert claim["spec"]["accessModes"] == ["ReadWriteMany"]
    shared = volumes["shared"]["persistentVolumeClaim"]["claimName"]
    assert shared == claim["metadata"]["name"]


def test_a_slice_has_as_many_chips_as_its_hosts_ask_for():
    jobset = yaml.safe_load((LAUNCH / "jobset_tpu.yaml").read_text())
    # docs.cloud.google.com/kubernetes-engine/docs/concepts/plan-tpus
    selector = pod_of(jobset)["nodeSelector"]
    assert selector["cloud.google.com/gke-tpu-accelerator"] == "tpu-v6e-slice"
    x, y = map(int, selector["cloud.google.com/gke-tpu-topology"].split("x"))
    chips = pod_of(jobset)["containers"][0]["resources"]["limits"]["google.com/tpu"]
    assert job_of(jobset)["template"]["spec"]["completions"] * chips == x * y


def test_gpu_hosts_are_told_where_they_find_each_other():
    jobset = yaml.safe_load((LAUNCH / "jobset_gpu.yaml").read_text())
    assert "cloud.google.com/gke-accelerator" in pod_of(jobset)["nodeSelector"]
    [container] = pod_of(jobset)["containers"]
    assert container["resources"]["limits"]["nvidia.com/gpu"] == 8
    env = {entry["name"]: entry for entry in container["env"]}
    name = jobset["metadata"]["name"]
    # A pod's stable name, jobset.sigs.k8s.io/docs/concepts: JobSet, job, replica, pod, subdomain.
    host, port = env["MT3SYNTH_COORDINATOR"]["value"].split(":")
    assert host == f"{name}-{job_of(jobset)['name']}-0-0.{name}"
    assert int(port) > 1024
    hosts = job_of(jobset)["template"]["spec"]["completions"]
    assert env["MT3SYNTH_PROCESS_COUNT"]["value"] == str(hosts)
    # kubernetes.io/docs/tasks/job/indexed-parallel-processing-static
    source = env["MT3SYNTH_PROCESS_INDEX"]["valueFrom"]["fieldRef"]["fieldPath"]
    assert source == "metadata.annotations['batch.kubernetes.io/job-completion-index']"


@pytest.mark.parametrize("name", JOBSETS)
def test_names_in_the_header_are_those_of_the_file(name):
    text = (LAUNCH / name).read_text()
    jobset = yaml.safe_load(text)["metadata"]["name"]
    job = f"{jobset}-{job_of(yaml.safe_load(text))['name']}-0"
    assert f"kubectl logs --follow job/{job}\n" in text
    assert f"kubectl delete jobset {jobset}\n" in text
    for file in re.findall(r"launch/\w+\.?\w*", text):
        assert (ROOT / file).is_file(), file
