"""The task's gin file alone sets up what Python code would."""

from pathlib import Path

import gin
import pytest

from data_pipelines.reading.features import SegmentFeatures
from mt3synth.audio.mel import MELGAN
from mt3synth.errors import UserError
from mt3synth.symbolic.codec import EventCodec
from mt3synth.symbolic.roll import RollSpec

FILE = Path(__file__).parents[3] / "gin_configs" / "tasks" / "rendered_corpus.gin"


@pytest.fixture(autouse=True)
def clean_gin():
    gin.clear_config()
    yield
    gin.clear_config()


def test_features_are_the_ones_of_the_default_front_end():
    gin.parse_config_file(str(FILE))
    features = gin.get_configurable("features.SegmentFeatures")()
    assert features == SegmentFeatures(
        MELGAN, ("mel", "roll"), 256, roll=RollSpec(), codec=EventCodec(127), token_length=1536
    )


def test_lengths_follow_the_macros():
    bindings = ["SEGMENT_FRAMES = 128", "CONTEXT_FRAMES = 64", "FEATURES = ('mel', 'context')"]
    lengths = "lengths/macro.value = %FEATURE_LENGTHS"
    gin.parse_config_files_and_bindings([str(FILE)], [*bindings, lengths])
    features = gin.get_configurable("features.SegmentFeatures")()
    assert features.names == ("mel", "context") and features.context_frames == 64
    # 192 frames, the last with its whole window, and a window before and after them.
    assert gin.get_configurable("lengths/macro")() == {"audio": 191 * 320 + 3 * 640}


def test_the_folder_is_a_macro(tmp_path):
    gin.parse_config_files_and_bindings([str(FILE)], [f"DATA_DIR = {str(tmp_path / 'none')!r}"])
    with pytest.raises(UserError, match="none: no such corpus folder"):
        gin.get_configurable("tasks.register_tasks")()
