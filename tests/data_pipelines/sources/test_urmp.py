"""URMP's folder as published (Li et al. 2019, URMP_doc): `Dataset/NN_Title_instruments/` with
`AuMix_*.wav`, `AuSep_k_*.wav`, `Notes_k_*.txt`, `F0s_k_*.txt`, `Sco_*.mid`; real names, the
trombone of 15_Surprise under its published, wrong file names.

Neither mirdata, TFDS nor note_seq reads URMP. Times and frequencies are compared with numpy's
reading of the tables, keys and programs with pretty_midi's.
"""

import pickle
from pathlib import Path

import numpy as np
import pytest
import soundfile

from data_pipelines.sources import DATASETS, urmp
from data_pipelines.sources.urmp import PartFiles
from mt3synth.errors import UserError

NOTES = {  # onset, mean F0, duration; the F0 is as played, not the score's
    "01_Jupiter_vn_vc/Notes_1_vn_01_Jupiter.txt": "0.325\t\t589.21\t\t0.476\n0.812\t659.9\t0.24\n",
    "01_Jupiter_vn_vc/Notes_2_vc_01_Jupiter.txt": "0.331\t146.41\t0.95\n",
    "03_Dance_fl_cl/Notes_1_fl_03_Dance.txt": "0.5\t880.0\t0.5\n",
    "03_Dance_fl_cl/Notes_2_cl_03_Dance.txt": "0.5\t440.0\t0.5\n",
    "15_Surprise_tpt_tpt_tbn/Notes_1_tpt_15_Surprise.txt": "0.1\t523.3\t0.4\n",
    "15_Surprise_tpt_tpt_tbn/Notes_2_tpt_15_Surprise.txt": "0.1\t392.2\t0.4\n",
    "15_Surprise_tpt_tpt_tbn/Notes_3_tpt_15_Surprise.txt": "0.1\t164.9\t0.4\n",
    "24_Pirates_vn_vn_va_vc/Notes_1_vn_24_Pirates.txt": "0.2\t440.0\t0.4\n",
    "24_Pirates_vn_vn_va_vc/Notes_2_vn_24_Pirates.txt": "0.2\t440.0\t0.4\n",
    "24_Pirates_vn_vn_va_vc/Notes_3_va_24_Pirates.txt": "0.2\t220.0\t0.4\n",
    "24_Pirates_vn_vn_va_vc/Notes_4_vc_24_Pirates.txt": "0.2\t110.0\t0.4\n",
}
PROGRAMS = {
    "vn": "Violin",
    "va": "Viola",
    "vc": "Cello",
    "db": "Contrabass",
    "fl": "Flute",
    "ob": "Oboe",
    "cl": "Clarinet",
    "sax": "Alto Sax",
    "bn": "Bassoon",
    "tpt": "Trumpet",
    "hn": "French Horn",
    "tbn": "Trombone",
    "tba": "Tuba",
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    dataset = tmp_path / "Dataset"
    for index, (name, text) in enumerate(NOTES.items()):
        notes = dataset / name
        notes.parent.mkdir(parents=True, exist_ok=True)
        notes.write_text(text)
        part = notes.name.removeprefix("Notes_").removesuffix(".txt")
        sound = np.full(4_800, (index + 1) / 100)
        soundfile.write(notes.with_name(f"AuSep_{part}.wav"), sound, 48000, "PCM_24")
        notes.with_name(f"F0s_{part}.txt").write_text("0.0\t0.0\n")
        notes.with_name(f"Sco_{notes.parent.name}.mid").touch()
        mix = notes.parent / f"AuMix_{notes.parent.name}.wav"
        soundfile.write(mix, np.full(4_800, 0.5), 48000, "PCM_24")
    (dataset / "Supplementary_Files").mkdir()
    return tmp_path


def listed(folder: Path, rule: str = "all"):
    listing = urmp.recordings(folder, rule)
    assert listing.rejections == []
    return {recording.id: recording for recording in listing.recordings}


def test_pieces_and_the_split_of_mt3(folder):
    assert {name: r.split for name, r in listed(folder).items()} == {
        "01_Jupiter_vn_vc": "validation",
        "03_Dance_fl_cl": "train",
        "15_Surprise_tpt_tpt_tbn": "train",
        "24_Pirates_vn_vn_va_vc": "validation",
    }


def test_notes_are_the_tables_that_numpy_reads(folder):
    import pretty_midi

    notes, remarks = listed(folder)["01_Jupiter_vn_vc"].notes.read()
    expected = []
    for name, instrument in (("1_vn", "Violin"), ("2_vc", "Cello")):
        path = folder / f"Dataset/01_Jupiter_vn_vc/Notes_{name}_01_Jupiter.txt"
        for onset, hertz, duration in np.loadtxt(path, ndmin=2):
            key = round(pretty_midi.hz_to_note_number(hertz))
            program = pretty_midi.instrument_name_to_program(instrument)
            expected.append((onset, onset + duration, key, program))
    assert list(zip(notes.start, notes.end, notes.pitch, notes.program)) == sorted(expected)
    assert list(notes.pitch) == [74, 50, 76]  # D5, D3, E5
    assert not notes.is_drum.any()
    assert remarks == ["velocity is not annotated: 100 for every note"]


def test_programs_are_those_general_midi_names():
    import pretty_midi

    ours = {name: program for name, (_, program) in urmp.INSTRUMENTS.items()}
    assert ours == {
        name: pretty_midi.instrument_name_to_program(title) for name, title in PROGRAMS.items()
    }


def test_every_key_survives_its_frequency(tmp_path):
    import pretty_midi

    path = tmp_path / "Notes_1_vn_01_Scale.txt"
    for detune in (-0.49, 0.0, 0.49):
        hertz = [pretty_midi.note_number_to_hz(key + detune) for key in range(1, 127)]
        path.write_text("".join(f"{i}\t{hz:.6f}\t0.5\n" for i, hz in enumerate(hertz)))
        notes, _ = PartFiles((path,), ("vn",)).read()
        assert list(notes.pitch) == list(range(1, 127))


def test_the_folder_names_the_instrument_where_the_file_is_wrong(folder):
    notes, remarks = listed(folder)["15_Surprise_tpt_tpt_tbn"].notes.read()
    assert list(zip(notes.pitch, notes.program)) == [(67, 56), (72, 56), (52, 57)]
    assert "part 3: tpt in its file's name, taken as tbn" in remarks


@pytest.mark.parametrize(
    "rule, names",
    [
        ("all", ["urmp"] * 4),
        ("ensemble", ["urmp_vn_vc", "urmp_fl_cl", "urmp_tpt_tpt_tbn", "urmp_vn_vn_va_vc"]),
        (
            "piece",
            [
                "urmp_01_Jupiter_vn_vc",
                "urmp_03_Dance_fl_cl",
                "urmp_15_Surprise_tpt_tpt_tbn",
                "urmp_24_Pirates_vn_vn_va_vc",
            ],
        ),
    ],
)
def test_performances_follow_the_rule(folder, rule, names):
    recordings = urmp.recordings(folder, rule).recordings
    assert [r.performance for r in recordings] == names
    assert len({(r.performance, r.description) for r in recordings}) == len(set(names))
    assert all(r.audio.path.name.startswith("AuMix_") for r in recordings)
    assert urmp.recordings(folder) == urmp.recordings(folder, next(iter(urmp.PERFORMANCES)))


def test_an_ensemble_is_the_same_in_any_order(folder):
    other = folder / "Dataset/45_Jupiter_vc_vn"
    other.mkdir()
    for name in ("AuMix_45_Jupiter_vc_vn.wav", "AuSep_1_vc_45_Jupiter.wav"):
        soundfile.write(other / name, np.zeros(480), 48000)
    (other / "Notes_1_vc_45_Jupiter.txt").write_text("0\t110\t1\n")
    (other / "Notes_2_vn_45_Jupiter.txt").write_text("0\t440\t1\n")
    recordings = listed(folder, "ensemble")
    assert recordings["45_Jupiter_vc_vn"].performance == "urmp_vn_vc"


def test_parts_are_recordings_of_their_own(folder):
    recordings = listed(folder, "parts")
    assert len(recordings) == len(NOTES)
    assert {r.performance for r in recordings.values()} == {
        f"urmp_{name}" for name in ("vn", "va", "vc", "fl", "cl", "tpt", "tbn")
    }
    trombone = recordings["15_Surprise_tpt_tpt_tbn_3"]
    assert trombone.audio.path.name == "AuSep_3_tpt_15_Surprise.wav"
    assert trombone.performance == "urmp_tbn"
    for index, recording in enumerate(recordings.values()):  # the fixture numbers them by sound
        assert recording.audio.read(48000)[0] == pytest.approx((index + 1) / 100, abs=1e-6)
        (path,) = recording.notes.paths
        part = recording.audio.path.stem.removeprefix("AuSep_")
        assert path.name == f"Notes_{part}.txt"
        assert len(recording.notes.read()[0]) == len(path.read_text().splitlines())


def test_the_dataset_folder_itself_may_be_given(folder):
    assert urmp.recordings(folder / "Dataset") == urmp.recordings(folder)


def test_incomplete_pieces_are_rejected(folder):
    dataset = folder / "Dataset"
    (dataset / "01_Jupiter_vn_vc/AuMix_01_Jupiter_vn_vc.wav").unlink()
    (dataset / "03_Dance_fl_cl/Notes_2_cl_03_Dance.txt").unlink()
    (dataset / "46_Song_vn_gtr").mkdir()
    listing = urmp.recordings(folder)
    assert [r.id for r in listing.recordings] == [
        "15_Surprise_tpt_tpt_tbn",
        "24_Pirates_vn_vn_va_vc",
    ]
    assert [(Path(r.midi).name, r.reason.split(";")[0]) for r in listing.rejections] == [
        ("01_Jupiter_vn_vc", "there is no AuMix_01_Jupiter_vn_vc.wav"),
        ("03_Dance_fl_cl", "there is no Notes_2_cl_03_Dance.txt"),
        ("46_Song_vn_gtr", "instrument 'gtr'"),
    ]


@pytest.mark.parametrize(
    "text, message",
    [
        ("0.1\t440\t0.5\n0.7\t440\n", "line 2: 2 columns; must be 3"),
        ("0.1\t440\tlong\n", "line 1: duration='long'; must be a number of at least 0"),
        ("0.1\tnan\t0.5\n", r"line 1: pitch='nan'; must be a number in 0\.\."),
        ("-0.1\t440\t0.5\n", "line 1: onset='-0.1'"),
        ("0.1\t20000\t0.5\n", "line 1: pitch='20000'"),
        ("\n", "no notes"),
        ("0.1\t0\t0.5\n", "no notes"),
    ],
)
def test_damaged_notes_are_named_by_line(tmp_path, text, message):
    path = tmp_path / "Notes_1_vn_01_Jupiter.txt"
    path.write_text(text)
    with pytest.raises(UserError, match=message):
        PartFiles((path,), ("vn",)).read()


def test_notes_without_a_pitch_are_counted(tmp_path):
    path = tmp_path / "Notes_1_vn_01_Jupiter.txt"
    path.write_text("0.1\t440\t0.5\n0.7\t0\t0.5\n0.9\t440\t0\n")
    notes, remarks = PartFiles((path,), ("vn",)).read()
    assert list(notes.start) == [0.1]
    assert remarks[1:] == [
        "notes without a length: 1 ignored",
        "part 1: 1 notes without a pitch ignored",
    ]


def test_other_folders_and_rules_are_refused(folder, tmp_path_factory):
    with pytest.raises(UserError, match=r"not URMP .*01_Jupiter_vn_vc"):
        urmp.recordings(tmp_path_factory.mktemp("empty"))
    with pytest.raises(UserError, match="not URMP"):
        urmp.recordings(folder / "nowhere")
    with pytest.raises(UserError, match="'year'; must be one of all, ensemble, piece, parts"):
        DATASETS["urmp"].recordings(folder, "year")


def test_recordings_travel_to_other_processes(folder):
    recordings = urmp.recordings(folder).recordings
    assert pickle.loads(pickle.dumps(recordings)) == recordings
