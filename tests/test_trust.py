"""Nothing is let in that a stranger's file may ask for: no code, no network, no other file."""

import ast
import io
import json
import shutil
import socket
from contextlib import redirect_stderr, redirect_stdout
from functools import cache
from pathlib import Path

import house
import pytest
from cli_cases import save_model, write_song

import mt3synth
from mt3synth import bundle, cli
from mt3synth.file_hashes import HASHES

CODE = {"pickle", "cPickle", "_pickle", "dill", "cloudpickle", "joblib", "marshal", "shelve"}
"""Modules by which reading a file may run it."""

NETWORK = {
    "ftplib",
    "http",
    "httpx",
    "requests",
    "smtplib",
    "socket",
    "ssl",
    "telnetlib",
    "urllib3",
}
NETWORK |= {"urllib.request"}


@cache
def parsed() -> list[tuple[Path, ast.Module]]:
    return [
        (path, ast.parse(path.read_text("utf-8")))
        for path in house.find_modules(house.ROOT).values()
    ]


def imports(tree: ast.Module) -> set[str]:
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            found |= {str(node.module), *(f"{node.module}.{alias.name}" for alias in node.names)}
    return found | {name.split(".")[0] for name in found}


def calls(tree: ast.Module) -> list[tuple[str, dict[str, str]]]:
    """Lists the calls in a file, by their dotted name, and the arguments that they name."""
    return [
        (ast.unparse(n.func), {k.arg or "**": ast.unparse(k.value) for k in n.keywords})
        for n in ast.walk(tree)
        if isinstance(n, ast.Call)
    ]


def test_no_module_can_run_what_it_reads():
    for path, tree in parsed():
        assert not imports(tree) & CODE, path
        for name, given in calls(tree):
            assert given.get("allow_pickle", "False") == "False", path
            assert name not in ("eval", "exec", "os.system", "os.popen"), (path, name)
            assert given.get("shell", "False") == "False", (path, name)
            if name == "torch.load":  # of old checkpoints of diffusers: tensors and nothing else
                assert given["weights_only"] == "True", path
            if name == "yaml.load":
                assert "SafeLoader" in path.read_text(), path


def test_no_module_speaks_to_the_network_by_itself():
    known = {"data_pipelines/filesystem.py"}  # stores that a user names
    found = {
        str(path.relative_to(house.ROOT)) for path, tree in parsed() if imports(tree) & NETWORK
    }
    assert found <= known


@pytest.fixture
def offline(monkeypatch: pytest.MonkeyPatch) -> list[object]:
    """Forbids sockets that lead out of this machine, and lists who wanted one."""
    wanted: list[object] = []
    plain = socket.socket.connect

    def refuse(*address: object, **more: object) -> None:
        wanted.append(address)
        raise OSError("no network")

    def connect(self: socket.socket, address: object) -> None:
        if self.family in (socket.AF_INET, socket.AF_INET6) and "127.0.0.1" not in str(address):
            refuse(address)
        plain(self, address)

    monkeypatch.setattr(socket.socket, "connect", connect)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    monkeypatch.setattr(socket, "create_connection", refuse)
    return wanted


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_model(tmp_path_factory.mktemp("models") / "tiny")


def run(*argv: object) -> tuple[int, str]:
    said = io.StringIO()
    with redirect_stdout(said), redirect_stderr(said):
        try:
            status = cli.main([str(each) for each in argv])
        except SystemExit as end:  # of --help
            status = int(end.code or 0)
    return status, said.getvalue()


@pytest.mark.slow
def test_no_command_needs_the_network(offline, tiny, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    for command in cli.COMMANDS:
        assert run(command, "--help")[0] == 0, command
    song = write_song("song.mid", 60)
    few = ("--steps", 1, "--gin.griffin_lim.GriffinLim.iterations=1")
    assert (
        run("synthesize", song, "--bundle", tiny, *few) == (0, "song.wav\n")
        or Path("song.wav").exists()
    )
    for command in (
        ("performances", "--bundle", tiny),
        ("vocode", "song.wav", "-o", "vocoded.wav", "--vocoder", "griffin-lim"),
        ("doctor",),
    ):
        run(*command)
    for command in (  # what they lack is said before anything is done
        ("train", "--data", "none", "--out", "run"),
        ("prepare", "pairs", "--manifest", "none.csv", "--out", "data"),
        ("evaluate", "none", "none"),
        ("export", "none", "-o", "made"),
        ("import", "none", "-o", "made"),
        ("adapt", "--audio", "none.wav", "--midi", "none.mid", "--name", "x", "-o", "made"),
    ):
        status, said = run(*command)
        assert status == 2 and "Traceback" not in said, (command, said)
    assert offline == []


@pytest.mark.parametrize("name", [bundle.CONFIG, bundle.WEIGHTS])
def test_a_bundle_that_was_damaged_on_its_way_is_not_believed(name, tiny, tmp_path):
    there = tmp_path / "there"
    shutil.copytree(tiny, there)
    assert mt3synth.load(there).bundle.hash == mt3synth.load(tiny).bundle.hash
    data = bytearray((there / name).read_bytes())
    # What no check of its content would find: another digit, another letter, another weight.
    at = data.rindex(b"1" if name == bundle.CONFIG else data[-1:])
    data[at] ^= 1 if name == bundle.WEIGHTS else ord("1") ^ ord("2")
    (there / name).write_bytes(data)
    with pytest.raises(bundle.BundleError) as caught:
        mt3synth.load(there)
    assert name in str(caught.value) or name == bundle.CONFIG
    assert "\n" not in str(caught.value)


def test_bundles_of_before_have_no_hashes_and_those_of_another_are_not_theirs(tiny, tmp_path):
    there = tmp_path / "there"
    shutil.copytree(tiny, there)
    listed = json.loads((there / HASHES).read_text())
    assert set(listed) == {bundle.CONFIG, bundle.WEIGHTS}
    for text in (
        "[]",
        "{",
        '{"../../outside": "0"}',
        json.dumps(listed | {bundle.CONFIG: "0" * 64}),
    ):
        (there / HASHES).write_text(text)
        with pytest.raises(bundle.BundleError, match=HASHES):
            mt3synth.load(there)
    (there / HASHES).unlink()
    assert mt3synth.load(there).performances


def test_the_default_bundle_has_the_hashes_of_all_that_is_loaded():
    listed = json.loads((bundle.DEFAULT / HASHES).read_text())
    assert set(listed) == {n for n in bundle.HASHED if (bundle.DEFAULT / n).exists()}


@pytest.mark.parametrize("name", ["../../up", "/etc/x", "a/b", "..", "c:\\x", "x" * 300])
def test_a_name_of_a_performance_leads_to_no_other_folder(name, tiny, tmp_path, monkeypatch):
    there = tmp_path / "deep" / "here" / "bundle"
    shutil.copytree(tiny, there)
    path = there / bundle.PERFORMANCES
    listed = json.loads(path.read_text())
    listed[1]["name"] = name
    path.write_text(json.dumps(listed))
    monkeypatch.chdir(there.parent)
    write_song("song.mid", 60)
    before = set(tmp_path.rglob("*"))
    few = ("--steps", 1, "--gin.griffin_lim.GriffinLim.iterations=1", "--stems")
    run("synthesize", "song.mid", "--bundle", "bundle", "--performance", name, *few)
    run("synthesize", "song.mid", "--bundle", "bundle", *few, "-o", "y.wav")
    made = set(tmp_path.rglob("*")) - before
    assert there.parent / "y.wav" in made
    assert all(p.is_relative_to(there.parent) for p in made)
