"""A data set in a store: everything by URL, nothing by the paths of this machine."""

from functools import partial
from pathlib import Path

import pytest
from recording_cases import visible_bytes, write_manifest, write_pair

from data_pipelines.filesystem import as_path, local_copy, move, remove, upload
from data_pipelines.prepare.build import build
from data_pipelines.prepare.manifest import read_manifest
from data_pipelines.prepare.plan import PrepareSettings
from data_pipelines.prepare.runners import run_in_beam, run_locally
from data_pipelines.shards.formats import read_split
from mt3synth.errors import UserError

pytest.importorskip("upath", reason="universal-pathlib is in the data extra")


def test_paths_of_this_machine_stay_as_they_are(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("x")
    assert as_path(str(tmp_path)) == tmp_path
    with local_copy(tmp_path / "a") as path:
        assert path == tmp_path / "a"
    assert path.exists()


def test_files_and_folders_of_a_store(tmp_path: Path) -> None:
    store = as_path("memory://store/of/tests")
    (tmp_path / "f/g").mkdir(parents=True)
    (tmp_path / "f/a").write_text("one")
    (tmp_path / "f/g/b").write_text("two")
    upload(tmp_path / "f", store / "f")
    upload(tmp_path / "f/a", store / "a")
    move(store / "f", store / "h")
    move(store / "a", store / "c")
    assert not (store / "f").exists() and not (store / "a").exists()
    assert (store / "h/g/b").read_text() == "two"
    with local_copy(store / "c") as path:
        assert path.read_text() == "one"
    assert not path.exists()
    remove(store / "h")
    remove(store / "c")
    remove(store / "never there")
    assert not (store / "h").exists() and not (store / "c").exists()


def test_what_cannot_be_reached() -> None:
    with pytest.raises(UserError, match="nostore://x/y: cannot be reached"):
        as_path("nostore://x/y")
    with (
        pytest.raises(UserError, match="memory://none/there: cannot be read"),
        local_copy(as_path("memory://none/there")),
    ):
        pass


@pytest.mark.parametrize("shards", ["tfrecord", "numpy"])
def test_a_data_set_is_built_and_extended_by_url(shards: str, tmp_path: Path) -> None:
    """``file://`` takes the same way through fsspec as a store, and other processes see it."""
    pytest.importorskip("apache_beam", reason="Beam is an extra")
    folder = tmp_path / "takes"
    for i, name in enumerate("abc"):
        write_pair(folder, name, seed=i)
    settings = PrepareSettings(shard_minutes=0.05, format=shards)

    def built(out: str, names: str, run) -> dict[str, bytes]:
        lines = [f"{n}.wav,file://{folder}/{n}.mid,trio" for n in names]
        listing = read_manifest(as_path(f"file://{write_manifest(folder / 'pairs.csv', lines)}"))
        build(listing, as_path(out), settings, source={}, run=run)
        return visible_bytes(Path(out.removeprefix("file://")))

    url, path = f"file://{tmp_path}/by_url", str(tmp_path / "by_path")
    for names in ("ab", "abc"):
        assert built(url, names, run_in_beam) == built(path, names, partial(run_locally, workers=1))
    assert len(list(read_split(as_path(url), "train"))) == 2
