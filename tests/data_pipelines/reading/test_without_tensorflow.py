"""Shards are read where neither TensorFlow nor note-seq can be imported."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]


def test_it_works_without_tensorflow(folder: Path) -> None:
    code = f"""
import sys
from pathlib import Path
sys.modules.update(tensorflow=None, seqio=None)  # whoever imports them fails
from data_pipelines.open_data import open_data
from data_pipelines.reading.features import SegmentFeatures
from data_pipelines.reading.segment_reader import SegmentReader
from data_pipelines.reading.song_lists import list_songs
from mt3synth.audio.mel import MELGAN
from mt3synth.symbolic.roll import RollSpec
data = open_data({str(folder)!r})
assert len(data.performances) == 2
features = SegmentFeatures(MELGAN, ("mel", "roll"), 64, RollSpec())
songs = list_songs(Path({str(folder)!r}), "train")
assert features.batch([SegmentReader(songs, features).training(0)])["mel"].any()
"""
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False).returncode == 0


def test_numpy_shards_need_no_note_seq(arrays: Path) -> None:
    code = f"""
import sys
from pathlib import Path
sys.modules.update(tensorflow=None, seqio=None, note_seq=None)  # whoever imports them fails
from data_pipelines.reading.features import SegmentFeatures
from data_pipelines.reading.segment_reader import SegmentReader
from data_pipelines.reading.song_lists import list_songs
from mt3synth.audio.mel import MELGAN
from mt3synth.symbolic.roll import RollSpec
features = SegmentFeatures(MELGAN, ("mel", "roll"), 64, RollSpec())
songs = list_songs(Path({str(arrays)!r}), "train")
assert features.batch([SegmentReader(songs, features).training(0)])["mel"].any()
"""
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False).returncode == 0
