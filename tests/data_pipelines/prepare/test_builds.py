"""Builds come out the same whoever makes them, and however often they are interrupted."""

import os
import signal
import subprocess
import sys
import time
from functools import partial
from pathlib import Path

import pytest
from recording_cases import visible_bytes, write_manifest, write_pair

from data_pipelines.prepare import publish as publishing
from data_pipelines.prepare import runners
from data_pipelines.prepare.build import build
from data_pipelines.prepare.manifest import read_manifest
from data_pipelines.prepare.plan import PrepareSettings
from data_pipelines.prepare.runners import run_in_beam, run_locally
from data_pipelines.prepare.shard import build_shard
from mt3synth.errors import UserError

ROOT = Path(__file__).resolve().parents[3]
ONE_PROCESS = partial(run_locally, workers=1)
# A shard for every recording, so that there is something to interrupt.
SETTINGS = PrepareSettings(shard_minutes=0.05)


@pytest.fixture(scope="module")
def manifest(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Writes five pairs in two performances, and one that is broken."""
    folder = tmp_path_factory.mktemp("takes")
    for i, name in enumerate("abcde"):
        write_pair(folder, name, seed=i)
    (folder / "f.wav").write_bytes(b"RIFF")
    lines = [f"{n}.wav,{n}.mid,{'solo' if n in 'bd' else 'duo'}" for n in "abcde"]
    return write_manifest(folder / "pairs.csv", [*lines, "f.wav,a.mid,duo"])


def prepare(manifest: Path, out: Path, run=ONE_PROCESS, settings=SETTINGS) -> dict[str, bytes]:
    build(read_manifest(manifest), out, settings, source={"what": "test"}, run=run)
    return visible_bytes(out)


@pytest.fixture(scope="module")
def undisturbed(manifest: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    content = prepare(manifest, tmp_path_factory.mktemp("undisturbed"))
    assert len([name for name in content if name.endswith(".tfrecord")]) == 5
    return content


def test_two_builds_are_the_same(manifest: Path, undisturbed: dict, tmp_path: Path) -> None:
    assert prepare(manifest, tmp_path / "out") == undisturbed


def test_two_workers_make_the_same(manifest: Path, undisturbed: dict, tmp_path: Path) -> None:
    assert prepare(manifest, tmp_path / "out", partial(run_locally, workers=2)) == undisturbed


def killed(job, staging) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def test_a_killed_worker_is_the_users_to_know(manifest: Path, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(runners, "build_shard", killed)
    with pytest.raises(UserError, match=r"too little memory for 2 workers.*run it again to go on"):
        prepare(manifest, tmp_path / "out", partial(run_locally, workers=2))


def test_beam_makes_the_same(manifest: Path, undisturbed: dict, tmp_path: Path) -> None:
    pytest.importorskip("apache_beam", reason="Beam is an extra")
    assert prepare(manifest, tmp_path / "out", run_in_beam) == undisturbed


def test_a_pipeline_that_fails_is_one_line(manifest: Path, tmp_path: Path) -> None:
    pytest.importorskip("apache_beam", reason="Beam is an extra")
    with pytest.raises(UserError, match="the Beam pipeline failed"):
        prepare(manifest, tmp_path / "out", partial(run_in_beam, options=["--runner=NoSuch"]))


def test_shards_that_are_there_are_not_made_again(
    manifest: Path, undisturbed: dict, tmp_path: Path
) -> None:
    made = []

    def dies_at_the_third(jobs, staging) -> None:
        for job in jobs:
            if len(made) == 2:
                raise KeyboardInterrupt
            build_shard(job, staging)
            made.append(job)

    def counts(jobs, staging) -> None:
        made.extend(jobs)
        run_locally(jobs, staging, workers=1)

    out = tmp_path / "out"
    with pytest.raises(KeyboardInterrupt):
        prepare(manifest, out, dies_at_the_third)
    assert visible_bytes(out) == {}
    assert prepare(manifest, out, counts) == undisturbed
    assert len(made) == 5
    assert prepare(manifest, out, counts) == undisturbed
    assert len(made) == 5


def test_only_what_changed_is_made_again(manifest: Path, undisturbed: dict, tmp_path: Path) -> None:
    made = []

    def counts(jobs, staging) -> None:
        made.extend(r.id for job in jobs for r in job.recordings)
        run_locally(jobs, staging, workers=1)

    out = tmp_path / "out"
    prepare(manifest, out)
    status = (manifest.parent / "c.wav").stat()
    os.utime(manifest.parent / "c.wav", ns=(status.st_atime_ns, status.st_mtime_ns + 1))
    assert prepare(manifest, out, counts) == undisturbed
    assert made == ["c.wav"]


@pytest.mark.parametrize("moves", range(9))
def test_an_interruption_while_names_are_given(
    moves: int, manifest: Path, undisturbed: dict, tmp_path: Path, monkeypatch
) -> None:
    """Goes from a build with other shards to the right one, stopped after so many moves."""
    out = tmp_path / "out"
    prepare(manifest, out, settings=PrepareSettings(shard_minutes=0.11))
    left = [moves]

    def moves_until_stopped(source, target) -> None:
        if not left[0]:
            raise KeyboardInterrupt
        left[0] -= 1
        os.replace(source, target)

    with monkeypatch.context() as patch:
        patch.setattr(publishing, "move", moves_until_stopped)
        if moves < 8:
            with pytest.raises(KeyboardInterrupt):
                prepare(manifest, out)
            assert not (out / "corpus.json").exists()  # what is half there does not look whole
        else:
            prepare(manifest, out)

    def must_not_run(jobs, staging) -> None:
        raise AssertionError(f"{len(jobs)} shards were lost")

    assert prepare(manifest, out, must_not_run) == undisturbed


def test_what_a_killed_build_left_beside_the_shards_goes(manifest: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.mkdir()
    (out / ".songs.csv.1a2b3c4d.unfinished").touch()
    prepare(manifest, out)
    assert [path.name for path in out.glob(".*")] == [".build"]


def test_of_two_builds_at_once_the_second_says_so(manifest: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"

    def begins_another(jobs, staging) -> None:
        code = "import sys; from mt3synth.cli import main; sys.exit(main())"
        pairs = ("prepare", "pairs", "--manifest", manifest, "--out", out)
        command = [sys.executable, "-c", code, *map(str, pairs)]
        other = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
        assert other.returncode == 2
        assert f"{out} is being written by another process" in other.stderr
        run_locally(jobs, staging, workers=1)

    prepare(manifest, out, begins_another)


@pytest.mark.slow
def test_killed_and_run_again(manifest: Path, undisturbed: dict, tmp_path: Path) -> None:
    out = tmp_path / "out"
    command = [sys.executable, "-m", "mt3synth.cli", "prepare", "pairs", "--manifest", manifest]
    command += ["--out", out, "--shard-minutes", "0.05", "--workers", "2"]
    process = subprocess.Popen(command, cwd=ROOT, stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 60
    while not list(out.glob(".build/*.json")):
        assert time.monotonic() < deadline and process.poll() is None
        time.sleep(0.005)
    process.send_signal(signal.SIGKILL)
    process.wait()
    again = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert again.returncode == 3, again.stderr
    after = visible_bytes(out)
    for name in ("songs.csv", "rejected.csv", *(n for n in after if n.endswith(".tfrecord"))):
        assert after[name] == undisturbed[name], name


def test_more_workers_than_shards_are_told_how_to_get_more_shards(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    made: list[object] = []
    monkeypatch.setattr(runners, "build_shard", lambda job, staging: made.append(job))
    run_locally(["a job"], tmp_path, workers=3)  # type: ignore[list-item]
    assert made == ["a job"]
    error = capsys.readouterr().err
    assert "3 workers asked for, and there is 1 shard to make" in error
    assert "--shard-minutes" in error
    run_locally(["a job"], tmp_path)  # type: ignore[list-item]
    assert "asked for" not in capsys.readouterr().err
