"""GuitarSet's folder as published (version 1.1.0, Zenodo 3371780): `annotation/*.jams` with
`pitch_contour` and `note_midi` of six strings, `audio_mono-mic/*_mic.wav`,
`audio_mono-pickup_mix/*_mix.wav`; real names of excerpts.

The independent reader is mirdata's: its Track reads the same folder, through an index written here
(the bundled package has none; it is a download).
"""

import json
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from data_pipelines.sources import DATASETS, guitarset
from data_pipelines.sources.guitarset import JamsFile
from mt3synth.errors import UserError

EXCERPTS = (
    "00_BN1-129-Eb_comp",
    "00_BN3-119-G_solo",
    "00_Rock2-142-D_solo",
    "03_BN3-119-G_solo",
    "05_Jazz2-187-F#_comp",
    "05_SS3-84-Bb_comp",
)
AUDIO = {"audio_mono-mic": "mic", "audio_mono-pickup_mix": "mix"}
OPEN_STRINGS = (40, 45, 50, 55, 59, 64)


def annotation(namespace: str, string: int, data: Any) -> dict[str, Any]:
    """Makes an annotation as the jams library does, without what is empty in GuitarSet."""
    return {
        "annotation_metadata": {"data_source": str(string), "annotator": {}, "version": ""},
        "namespace": namespace,
        "data": data,
        "sandbox": {},
        "time": 0,
        "duration": 2.0,
    }


def jams(rng: np.random.Generator) -> dict[str, Any]:
    annotations = []
    for string, key in enumerate(OPEN_STRINGS):
        contour: dict[str, list[Any]] = {"time": [], "duration": [], "value": [], "confidence": []}
        notes = [
            {
                "time": float(time),
                "duration": float(rng.uniform(0.05, 0.4)),
                "value": float(key + rng.integers(12) + rng.uniform(-0.45, 0.45)),
                "confidence": None,
            }
            for time in np.sort(rng.uniform(0, 1.5, size=string))  # the lowest string is silent
        ]
        annotations.append(annotation("pitch_contour", string, contour))
        annotations.append(annotation("note_midi", string, notes))
    tempo = [{"time": 0.0, "duration": 2.0, "value": 129.0, "confidence": 1.0}]
    annotations.append(annotation("tempo", 0, tempo))
    return {"annotations": annotations, "file_metadata": {"duration": 2.0}, "sandbox": {}}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    rng = np.random.default_rng(0)
    (tmp_path / "annotation").mkdir()
    for place in AUDIO:
        (tmp_path / place).mkdir()
    for excerpt in EXCERPTS:
        write(tmp_path, excerpt, jams(rng))
    return tmp_path


def write(folder: Path, excerpt: str, content: Any) -> JamsFile:
    rng = np.random.default_rng(len(excerpt))
    for place, suffix in AUDIO.items():
        if (folder / place).is_dir():
            sound = 0.1 * rng.standard_normal(22_050)
            soundfile.write(folder / place / f"{excerpt}_{suffix}.wav", sound, 44100)
    path = folder / f"annotation/{excerpt}.jams"
    path.write_text(json.dumps(content))
    return JamsFile(path)


def test_audio_and_notes_are_those_that_mirdata_reads(folder):
    from mirdata.datasets.guitarset import Track

    recordings = {r.id: r for r in guitarset.recordings(folder).recordings}
    for excerpt in EXCERPTS:
        files = {
            "audio_mic": f"audio_mono-mic/{excerpt}_mic.wav",
            "audio_mix": f"audio_mono-pickup_mix/{excerpt}_mix.wav",
            "audio_hex": None,
            "audio_hex_cln": None,
            "jams": f"annotation/{excerpt}.jams",
        }
        index = {"tracks": {excerpt: {key: (path, None) for key, path in files.items()}}}
        track = Track(excerpt, str(folder), "guitarset", index, dict)
        expected = sorted(
            (*interval, round(pitch))
            for string in track.notes.values()
            if string is not None
            for interval, pitch in zip(string.intervals, string.pitches)
        )
        assert len(expected) == 15
        for microphone, sound in (("mic", track.audio_mic), ("mix", track.audio_mix)):
            recording = recordings[f"{excerpt}_{microphone}"]
            notes, _ = recording.notes.read()
            assert sorted(zip(notes.start, notes.end, notes.pitch)) == expected
            np.testing.assert_array_equal(recording.audio.read(int(sound[1])), sound[0])
            assert recording.performance.split("_")[1] == track.player_id


def test_every_note_is_of_the_steel_string_guitar(folder):
    import pretty_midi

    notes, remarks = guitarset.recordings(folder).recordings[0].notes.read()
    steel = pretty_midi.instrument_name_to_program("Acoustic Guitar (steel)")
    assert set(notes.program) == {steel}
    assert remarks == ["velocity is not annotated: 100 for every note"]


def test_third_progressions_are_for_validation(folder):
    listing = guitarset.recordings(folder)
    assert listing.rejections == []
    validation = {r.id.rsplit("_", 1)[0] for r in listing.recordings if r.split == "validation"}
    assert validation == {"00_BN3-119-G_solo", "03_BN3-119-G_solo", "05_SS3-84-Bb_comp"}
    assert {r.split for r in listing.recordings} == {"train", "validation"}


@pytest.mark.parametrize(
    "rule, names",
    [
        (
            "player_microphone",
            {f"guitarset_{p}_{m}" for p in ("00", "03", "05") for m in ("mic", "pickup")},
        ),
        ("player", {"guitarset_00", "guitarset_03", "guitarset_05"}),
        ("microphone", {"guitarset_mic", "guitarset_pickup"}),
    ],
)
def test_performances_follow_the_rule(folder, rule, names):
    recordings = guitarset.recordings(folder, rule).recordings
    assert len(recordings) == 2 * len(EXCERPTS) == len({r.id for r in recordings})
    assert {r.performance for r in recordings} == names
    assert len({(r.performance, r.description) for r in recordings}) == len(names)
    default = next(iter(guitarset.PERFORMANCES))
    assert guitarset.recordings(folder) == guitarset.recordings(folder, default)


def test_an_audio_folder_that_is_not_there_is_not_asked_for(folder):
    for path in (folder / "audio_mono-mic").iterdir():
        path.unlink()
    (folder / "audio_mono-mic").rmdir()
    listing = guitarset.recordings(folder)
    assert listing.rejections == []
    assert {r.performance for r in listing.recordings} == {
        f"guitarset_{player}_pickup" for player in ("00", "03", "05")
    }


def test_what_has_no_counterpart_or_is_known_to_be_late_is_rejected(folder):
    mic = folder / "audio_mono-mic"
    (mic / "00_BN1-129-Eb_comp_mic.wav").unlink()
    (mic / "00_Funk1-97-C_comp_mic.wav").write_bytes(
        (mic / "03_BN3-119-G_solo_mic.wav").read_bytes()
    )
    (folder / "audio_mono-pickup_mix/00_Rock2-142-D_solo_mix.wav").unlink()
    write(folder, "04_BN3-154-E_comp", jams(np.random.default_rng(1)))
    write(folder, "take 1", jams(np.random.default_rng(1)))

    listing = guitarset.recordings(folder)
    assert len(listing.recordings) == 2 * len(EXCERPTS) - 2
    late = "its annotation is 0.409 s late (marl/GuitarSet, issue 5)"
    unnamed = "its name is not like 00_BN1-129-Eb_comp"
    assert [(Path(r.audio).name, r.reason) for r in listing.rejections] == [
        ("00_BN1-129-Eb_comp_mic.wav", "there is no 00_BN1-129-Eb_comp_mic.wav"),
        ("04_BN3-154-E_comp_mic.wav", late),
        ("take 1_mic.wav", unnamed),
        ("00_Funk1-97-C_comp_mic.wav", "there is no 00_Funk1-97-C_comp.jams"),
        ("00_Rock2-142-D_solo_mix.wav", "there is no 00_Rock2-142-D_solo_mix.wav"),
        ("04_BN3-154-E_comp_mix.wav", late),
        ("take 1_mix.wav", unnamed),
    ]


def note(**changes: Any) -> dict[str, Any]:
    return {"time": 0.5, "duration": 0.25, "value": 64.1, "confidence": None} | changes


@pytest.mark.parametrize(
    "data, message",
    [
        (
            [note(), note(time=-0.5)],
            r"string 5, note 2: time=-0\.5; must be a number of at least 0",
        ),
        ([note(duration=None)], "string 5, note 1: duration=None"),
        ([note(value=float("nan"))], r"note 1: value=nan; must be a number in 0\.\.127"),
        ([note(value=128.0)], r"note 1: value=128\.0"),
        ([note(time=True)], "note 1: time=True"),
        (["note"], "note 1: not an observation"),
        ({"time": []}, "string 5: data is not a list of notes"),
        ([], "no notes"),
        ([note(duration=0.0)], "no notes"),
    ],
)
def test_damaged_notes_are_named_by_string_and_number(tmp_path, data, message):
    content = {"annotations": [annotation("note_midi", s, []) for s in range(5)]}
    content["annotations"].append(annotation("note_midi", 5, data))
    (tmp_path / "annotation").mkdir()
    with pytest.raises(UserError, match=message):
        write(tmp_path, "00_BN1-129-Eb_comp", content).read()


@pytest.mark.parametrize(
    "text, message",
    [
        ("{", "not JSON"),
        ("[]", "not JAMS"),
        ('{"annotations": {}}', "not JAMS"),
        ('{"annotations": [null]}', "note_midi of 0 strings; must be 6"),
    ],
)
def test_files_that_are_not_jams(tmp_path, text, message):
    path = tmp_path / "a.jams"
    path.write_text(text)
    with pytest.raises(UserError, match=f"a.jams.*{message}"):
        JamsFile(path).read()


def test_other_folders_and_rules_are_refused(folder, tmp_path_factory):
    with pytest.raises(UserError, match=r"not GuitarSet \(no annotation/\*.jams\)"):
        guitarset.recordings(tmp_path_factory.mktemp("empty"))
    with pytest.raises(UserError, match="'year'; must be one of player_microphone, player, micro"):
        DATASETS["guitarset"].recordings(folder, "year")
    for place in AUDIO:
        (folder / place).rename(folder / f"{place}.zip")
    with pytest.raises(UserError, match="without audio_mono-mic/ or audio_mono-pickup_mix/"):
        guitarset.recordings(folder)


def test_recordings_travel_to_other_processes(folder):
    recordings = guitarset.recordings(folder).recordings
    assert pickle.loads(pickle.dumps(recordings)) == recordings
