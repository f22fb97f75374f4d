"""Slakh2100 in miniature: folders and metadata.yaml as published, a second of mono audio a file.

Layout and fields are those of the authors' README (ethman/slakh-utils) and of Track00001, of which
the patches, programs and classes below are taken; in the redux archive ``midi_dir`` and
``audio_dir`` begin with the track. mirdata reads the same folder by an index that is made as its
own script makes it.
"""

import json
import pickle
import shutil
from pathlib import Path

import numpy as np
import pytest
import yaml
from recorded_cases import write_midi_track, write_tones

from data_pipelines.recordings import AudioSource, NotesSource
from data_pipelines.sources import DATASETS, slakh
from mt3synth.errors import UserError

TICKS = 96
# name, inst_class, midi_program_name, plugin_name, program_num, whether its MIDI and audio exist
STEMS = [
    ("S00", "Guitar", "Distortion Guitar", "elektrik_guitar.nkm", 30, True, True),
    ("S01", "Drums", "Drums", "session_kit_full.nkm", 128, True, True),
    ("S02", "Piano", "Bright Acoustic Piano", "the_giant_modern_studio.nkm", 1, True, True),
    ("S03", "Bass", "Electric Bass (finger)", "classic_bass.nkm", 33, True, True),
    ("S06", "Sound Effects", "FX 8 (sci-fi)", "None", 103, False, False),
    ("S07", "Organ", "Harmonica", "transistor_compact.nkm", 22, True, False),  # it made no sound
    ("S08", "Guitar", "Distortion Guitar", "elektrik_guitar.nkm", 30, True, True),
]
SOUNDING = ["S00", "S01", "S02", "S03", "S08"]


def metadata_of(track: str, stems) -> dict:
    about = {}
    for name, inst_class, program_name, plugin, program, saved, rendered in stems:
        about[name] = {
            "audio_rendered": rendered,
            "inst_class": inst_class,
            "is_drum": inst_class == "Drums",
            "midi_program_name": program_name,
            "midi_saved": saved,
            "plugin_name": plugin,
            "program_num": program,
        }
        if rendered:
            about[name]["integrated_loudness"] = -12.82074180245363
    return {
        "UUID": "1a81ae092884234f3264e2f45927f00a",
        "audio_dir": f"{track}/stems",
        "lmd_midi_dir": "lmd_matched/O/O/H/TROOHTB128F931F9DF/1a81ae092884234f3264e2f45927f00a.mid",
        "midi_dir": f"{track}/MIDI",
        "normalization_factor": -13.0,
        "normalized": True,
        "overall_gain": 0.18270259567062658,
        "stems": about,
        "target_peak": -1.0,
    }


def write_track(folder: Path, suffix: str = ".flac", rate: int = 44100, stems=STEMS) -> None:
    folder.mkdir(parents=True)
    text = yaml.safe_dump(metadata_of(folder.name, stems), default_flow_style=False)
    (folder / "metadata.yaml").write_text(text)
    write_tones(folder / f"mix{suffix}", rate, channels=1)
    for number, (name, _, _, _, program, saved, rendered) in enumerate(stems):
        drums = program == 128
        midi = folder / "MIDI" / f"{name}.mid"
        if saved:
            # A key held for a quarter of a second from 0, 10, 20 ... ms; the piano's pedal goes
            # down with it and up at 0.5 s; guitars bend.
            start = 2 * number
            write_midi_track(
                midi,
                TICKS,
                [
                    (start, "note", 40 + number, 90),
                    (start + 48, "note", 40 + number, 0),
                    *([(0, "bend", 0, 500)] if program == 30 else []),
                    *([(0, "control", 64, 127), (96, "control", 64, 0)] if program == 1 else []),
                ],
                program=0 if drums else program,
                channel=9 if drums else 0,
            )
        if rendered:
            write_tones(folder / "stems" / f"{name}{suffix}", rate, channels=1, seed=number)
    # The Lakh file has the sound effects too, and the guitar an octave higher.
    write_midi_track(folder / "all_src.mid", TICKS, [(0, "note", 52, 90), (48, "note", 52, 0)], 103)


@pytest.fixture(scope="module")
def redux(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("data") / "slakh2100_flac_redux"
    write_track(folder / "train/Track00001")
    write_track(folder / "validation/Track01501", stems=STEMS[:4])
    write_track(folder / "test/Track01877", stems=STEMS[1:])
    write_track(folder / "omitted/Track00049", stems=STEMS[:1])
    return folder


@pytest.fixture
def copied(redux, tmp_path) -> Path:
    return Path(shutil.copytree(redux, tmp_path / "slakh"))


def change_metadata(track: Path, **fields) -> None:
    """Sets fields of stem S00; those that are None are taken out."""
    content = yaml.safe_load((track / "metadata.yaml").read_text())
    content["stems"]["S00"].update(fields)
    kept = {name: value for name, value in content["stems"]["S00"].items() if value is not None}
    content["stems"]["S00"] = kept
    (track / "metadata.yaml").write_text(yaml.safe_dump(content))


def test_folders_are_the_splits_and_omitted_tracks_stay_out(redux):
    found, rejected = slakh.recordings(redux)
    assert not rejected
    assert [(r.id, r.split) for r in found] == [
        ("Track00001", "train"),
        ("Track01501", "validation"),
        ("Track01877", "test"),
    ]
    assert {r.performance for r in found} == {"slakh/mix"}
    assert found[0].audio.path == redux / "train/Track00001/mix.flac"


def test_recordings_are_sources_and_travel(redux):
    found = slakh.recordings(redux).recordings
    assert all(isinstance(r.audio, AudioSource) for r in found)
    assert all(isinstance(r.notes, NotesSource) for r in found)
    assert pickle.loads(pickle.dumps(found)) == found


def test_notes_are_those_of_the_stems_that_sound(redux):
    recording = slakh.recordings(redux).recordings[0]
    notes, remarks = recording.notes.read()
    assert [path.stem for path in recording.notes.paths] == SOUNDING
    assert notes.program.tolist() == [30, 0, 1, 33, 30]
    assert notes.is_drum.tolist() == [False, True, False, False, False]
    assert notes.pitch.tolist() == [40, 41, 42, 43 - 12, 46]  # the bass sounds an octave lower
    np.testing.assert_allclose(notes.start, np.array([0, 1, 2, 3, 6]) / TICKS, atol=1e-9)
    np.testing.assert_allclose(notes.end[2], 0.5)  # when the pedal goes up
    np.testing.assert_allclose(notes.end[0], 0.25)
    assert remarks == [
        "S00, S08: pitch bends: 1 ignored",
        "S03: notes moved by -12 semitones, to where they sound",
    ]


def test_babyslakh_has_wav_files_no_split_and_nothing_said_to_be_rendered(tmp_path):
    track = tmp_path / "babyslakh_16k/Track00001"
    write_track(track, suffix=".wav", rate=16000)
    text = (track / "metadata.yaml").read_text()
    text = text.replace("audio_rendered: true", "audio_rendered: false")
    (track / "metadata.yaml").write_text(text.replace("midi_saved: true", "midi_saved: false"))
    (recording,), rejected = slakh.recordings(tmp_path / "babyslakh_16k")
    assert [path.stem for path in recording.notes.paths] == SOUNDING
    assert not rejected and recording.split is None
    assert recording.audio.path.name == "mix.wav"
    assert recording.audio.seconds() == 1.0


def test_patches_are_told_apart_as_sets(copied):
    write_track(
        copied / "train/Track00002", stems=[STEMS[-1], *STEMS[1:4]]
    )  # other stems, same set
    found = {r.id: r for r in slakh.recordings(copied, "patches").recordings}
    same = {found[name].performance for name in ("Track00001", "Track00002", "Track01501")}
    assert len(same) == 1
    assert found["Track01877"].performance == found["Track00001"].performance
    change_metadata(copied / "train/Track00001", plugin_name="jazz_guitar2.nkm")
    changed = {r.id: r for r in slakh.recordings(copied, "patches").recordings}
    assert changed["Track00001"].performance not in same
    assert changed["Track00002"].performance in same
    assert "jazz_guitar2" in changed["Track00001"].description


def test_each_stem_by_itself_is_a_recording_of_its_patch(redux):
    found, rejected = slakh.recordings(redux, "stems")
    assert not rejected
    first = [r for r in found if r.id.startswith("Track00001-")]
    assert [r.id.split("-")[1] for r in first] == SOUNDING
    assert first[0].performance == first[4].performance == "slakh/elektrik_guitar"
    assert first[1].performance == "slakh/session_kit_full"
    assert first[1].audio.path == redux / "train/Track00001/stems/S01.flac"
    assert first[1].notes.read()[0].is_drum.all()
    assert len({r.id for r in found}) == len(found)


def test_mirdata_agrees(redux, tmp_path, monkeypatch):
    core = pytest.importorskip("mirdata.core")
    from mirdata.datasets import slakh as theirs

    def entry(*parts: str):
        path = Path(redux.name, *parts)
        return [str(path), ""] if (redux.parent / path).exists() else [None, None]

    tracks, multitracks = {}, {}
    for split, name in [
        ("train", "Track00001"),
        ("validation", "Track01501"),
        ("test", "Track01877"),
    ]:
        metadata = entry(split, name, "metadata.yaml")
        listed = yaml.safe_load((redux.parent / metadata[0]).read_text())["stems"]
        files = {
            f"{name}-{stem}": {
                "audio": entry(split, name, "stems", f"{stem}.flac"),
                "midi": entry(split, name, "MIDI", f"{stem}.mid"),
                "metadata": metadata,
            }
            for stem in listed
        }
        files = {stem: paths for stem, paths in files.items() if paths["midi"][0]}
        tracks |= files
        multitracks[name] = {
            "tracks": list(files),
            "midi": entry(split, name, "all_src.mid"),
            "mix": entry(split, name, "mix.flac"),
            "metadata": metadata,
        }
    content = {"version": "2100-redux", "tracks": tracks, "multitracks": multitracks}
    (tmp_path / "index.json").write_text(json.dumps(content))
    index = core.Index(filename="index.json")
    index.indexes_dir = str(tmp_path)
    monkeypatch.setitem(theirs.INDEXES, "2100-redux", index)
    dataset = theirs.Dataset(str(redux.parent), version="2100-redux")

    found = slakh.recordings(redux).recordings
    alone = {r.id: r for r in slakh.recordings(redux, "stems").recordings}
    assert dataset.mtrack_ids == [r.id for r in found]
    assert {name for name in dataset.track_ids if dataset.track(name).audio_path} == set(alone)
    for recording in found:
        mix = dataset.multitrack(recording.id)
        assert recording.split == mix.split
        audio, rate = mix.audio
        np.testing.assert_allclose(recording.audio.read(int(rate)), audio, atol=1e-6)
        rows = []
        for stem in (track for track in mix.tracks.values() if track.audio_path):
            (instrument,) = stem.midi.instruments
            program = 0 if stem.is_drum else stem.program_number
            lower = 12 if stem.instrument == "Bass" else 0  # ours is where it sounds
            rows += [
                (n.start, n.pitch - lower, n.velocity, program, stem.is_drum)
                for n in instrument.notes
            ]
            by_itself = alone[stem.track_id]
            assert by_itself.performance == f"slakh/{Path(stem.plugin_name).stem}"
            np.testing.assert_allclose(
                by_itself.audio.read(int(stem.audio[1])), stem.audio[0], atol=1e-6
            )
        notes = recording.notes.read()[0]
        ours = zip(notes.start, notes.pitch, notes.velocity, notes.program, notes.is_drum)
        np.testing.assert_allclose(sorted(ours), sorted(rows), atol=1e-9)


def test_stems_without_their_midi_reject_the_mix_alone(copied):
    (copied / "train/Track00001/MIDI/S02.mid").unlink()
    (copied / "test/Track01877/mix.flac").unlink()
    found, rejected = slakh.recordings(copied)
    assert [r.id for r in found] == ["Track01501"]
    assert [r.reason for r in rejected] == [
        "named by metadata.yaml but not there: S02.mid",
        "named by metadata.yaml but not there: mix.flac",
    ]
    stems, rejected = slakh.recordings(copied, "stems")
    assert len(stems) == len(SOUNDING) - 1 + 4 + 4
    assert [Path(r.audio).name for r in rejected] == ["S02.flac"]


def test_known_errors_reject_the_stem_and_every_mix_with_it(copied):
    (copied / "train/Track00001").rename(copied / "train/Track00357")  # its S03 is white noise
    found, rejected = slakh.recordings(copied)
    assert "Track00357" not in [r.id for r in found]
    assert [r.reason for r in rejected] == ["known errors: stem S03 is white noise"]
    _, rejected = slakh.recordings(copied, "stems")
    assert [Path(r.audio).name for r in rejected] == ["S03.flac"]


def test_a_track_in_two_splits_is_taken_once(copied):
    shutil.copytree(copied / "train/Track00001", copied / "test/Track00001")
    found, rejected = slakh.recordings(copied)
    assert [r.split for r in found if r.id == "Track00001"] == ["train"]
    assert len(rejected) == 1 and "second Track00001" in rejected[0].reason


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"program_num": 128}, "stem S00: program_num=128; must be 0..127"),
        ({"program_num": None}, "program_num"),
        ({"is_drum": "no"}, "is_drum='no'; must be true or false"),
        ({"audio_rendered": None}, "audio_rendered"),
    ],
)
def test_metadata_that_does_not_say_how_to_read_a_stem(copied, fields, message):
    change_metadata(copied / "train/Track00001", **fields)
    found, rejected = slakh.recordings(copied)
    assert len(found) == 2 and len(rejected) == 1
    assert message in rejected[0].reason and "Track00001/metadata.yaml" in rejected[0].reason


@pytest.mark.parametrize(
    "content", [b"", b"stems", b"stems: [1, 2]", b"stems: {", b"\xff\xfe", b"a: 2020-13-45"]
)
def test_damaged_metadata_is_one_line(copied, content):
    (copied / "train/Track00001/metadata.yaml").write_bytes(content)
    found, rejected = slakh.recordings(copied)
    assert len(found) == 2 and len(rejected) == 1
    assert "metadata.yaml" in rejected[0].reason and "\n" not in rejected[0].reason


def test_no_such_dataset_and_no_such_rule(tmp_path, redux):
    with pytest.raises(UserError, match="not Slakh2100"):
        slakh.recordings(tmp_path)
    with pytest.raises(UserError, match="'drums'; must be one of mix, patches, stems"):
        DATASETS["slakh"].recordings(redux, "drums")
