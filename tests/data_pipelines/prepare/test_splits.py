"""What is held out: whole recordings, or the end of one that is all there is of a performance."""

from pathlib import Path

import pytest
from recording_cases import write_manifest, write_pair

from data_pipelines.prepare.plan import HELD_OUT_END, assign_splits
from data_pipelines.recordings import AudioFile, MidiFile, Recording
from mt3synth import cli


def recordings(*named: str) -> list[Recording]:
    """Lists recordings named ``id:performance``, or ``id:performance:split``."""
    listed = []
    for each in named:
        id, performance, *split = each.split(":")
        sources = AudioFile(Path(f"{id}.wav")), MidiFile(Path(f"{id}.mid"))
        listed.append(Recording(id, *sources, performance, split=split[0] if split else None))
    return listed


def splits(listed, frozen=(), share=0.5, seconds=30.0):
    given = assign_splits(listed, dict(frozen), share, {r.id: seconds for r in listed})
    return {r.id: r.split for r in given}, given


def test_every_performance_keeps_something_to_train_on():
    listed = recordings(*(f"{n}:{n}" for n in "abcdef"), *(f"{n}:band" for n in "ghij"))
    found, given = splits(listed, share=0.9)
    trained = {r.performance for r in given if r.split == "train"}
    assert trained == {*"abcdef", "band"}
    # Nine are to be held out; three of the band can be as they are, of the others the end.
    held = [id for id, split in found.items() if split == "validation"]
    assert len(held) == 9
    assert sorted(id for id in held if not id.endswith(HELD_OUT_END)) == [
        id for id in "ghij" if found[id] == "validation"
    ]
    ends = [r for r in given if r.id.endswith(HELD_OUT_END)]
    assert ends and all((r.start, r.end) == (3.0, None) for r in ends)
    begins = [r for r in given if r.id + HELD_OUT_END in found]
    assert all((r.start, r.end, r.split) == (0.0, 3.0, "train") for r in begins)


def test_an_end_that_is_too_short_is_trained_on():
    found, _ = splits(recordings("a:a", "b:b"), share=0.1, seconds=6.0)
    assert found == {"a": "train", "b": "train"}


def test_what_was_held_out_stays_so_in_a_data_set_that_grows():
    two = recordings("a:a", "b:b")
    before, cut = splits(two)
    assert sorted(before.values()) == ["train", "train", "validation"]
    after, grown = splits([*recordings("c:c", "d:a", "e:b"), *two], before)
    assert {id: after[id] for id in before} == before
    ends = {r.id: r.start for r in grown if r.id in before}
    assert {r.id: r.start for r in cut} == ends
    alone, _ = splits(recordings("a:a"), share=0.1)
    assert alone == {"a": "train", f"a{HELD_OUT_END}": "validation"}
    assert splits(recordings("b:a", "a:a"), alone, share=0.1)[0] == {**alone, "b": "train"}


def test_a_data_set_that_left_a_performance_nothing_is_mended():
    frozen = {"a": "validation", "b": "train", "c": "train"}
    found, _ = splits(recordings("a:a", "b:b", "c:b"), frozen)
    assert found["a"] == "train" and found[f"a{HELD_OUT_END}"] == "validation"


def test_what_the_user_names_stays():
    found, _ = splits(recordings("a:a:validation", "b:b", "c:b"))
    assert found == {"a": "validation", "b": "train", "c": "train"}


@pytest.mark.parametrize("seconds", [20.0, 70.0])
def test_little_or_nothing_to_train_on_is_said(seconds, tmp_path, capsys):
    for i, name in enumerate("abc"):
        write_pair(tmp_path, name, seconds if name != "c" else 20.0, seed=i)
    lines = ["a.wav,a.mid,trio,train", "b.wav,b.mid,trio,train", "c.wav,c.mid,solo,validation"]
    manifest = write_manifest(tmp_path / "p.csv", lines, "audio,midi,performance,split")
    argv = ["prepare", "pairs", "--manifest", manifest, "--out", tmp_path / "out", "--workers", 1]
    assert cli.main(list(map(str, argv))) == 0
    told = ["performance 'solo' has nothing to train on: all of it is held out"]
    if seconds < 30:
        told = ["performance 'trio' has 40 s to train on, less than a minute", *told]
    lines = capsys.readouterr().err.splitlines()  # a progress bar among them
    assert [line for line in lines if line.startswith("performance")] == told


def test_the_end_of_a_performances_only_recording_is_held_out(tmp_path):
    from data_pipelines.shards.formats import read_split

    for i, name in enumerate("ab"):
        write_pair(tmp_path, name, 12.0, seed=i)
    manifest = write_manifest(tmp_path / "p.csv", ["a.wav,a.mid,one", "b.wav,b.mid,two"])
    argv = ["prepare", "pairs", "--manifest", manifest, "--out", tmp_path / "out", "--workers", 1]
    for _ in range(2):  # a second build changes nothing
        assert cli.main(list(map(str, argv))) == 0
        trained = {s.id: s.seconds for s in read_split(tmp_path / "out", "train")}
        (held,) = read_split(tmp_path / "out", "validation")
        cut = held.id.removesuffix(HELD_OUT_END)
        assert trained[cut] == 10.8 and held.seconds == 1.2
        assert len(trained) == 2 and sum(trained.values()) == 22.8
