"""The gin files for t5x: what of them is this project's own is read without t5x."""

from pathlib import Path

import gin
import pytest

from mt3synth.configuration import parse

RUNS = ("train_t5x", "eval_t5x", "infer_t5x")
SHARED = (
    "gin_configs/models/unet_tiny.gin",
    "gin_configs/diffusion/v_l2.gin",
    "gin_configs/tasks/rendered_corpus.gin",
)
THEIRS = ("train_script", "eval_script", "infer_script", "partitioning", "utils", "trainer")
ON_T5X = ("t5x_model", "t5x_optimizer")  # this project's, but imported with t5x


@pytest.fixture(autouse=True)
def clean_gin():
    gin.clear_config()
    yield
    gin.clear_config()


def text_of(name: str) -> str:
    return (parse.ROOT / "gin_configs" / "runs" / f"{name}.gin").read_text()


def without_theirs(text: str) -> str:
    """Returns the lines that neither import t5x nor bind or refer to what needs it."""
    absent = (*THEIRS, *ON_T5X)

    def kept(line: str) -> bool:
        foreign = any(f"{name}." in line.split("#")[0] for name in absent)
        return not foreign and "t5x import" not in line and "__main__" not in line

    lines = [line for line in text.splitlines() if kept(line) and not line.startswith("include")]
    return "\n".join(line for line in lines if not line.endswith(ON_T5X))


@pytest.mark.parametrize("run", RUNS)
def test_our_own_names_exist(run):
    gin.add_config_file_search_path(str(parse.ROOT))
    for name in (*SHARED, "gin_configs/infer/default.gin"):
        gin.parse_config_file(name)
    gin.parse_config(without_theirs(text_of("model_t5x")))
    gin.parse_config(without_theirs(text_of(run)))
    assert str(gin.query_parameter("make_spec.segment_frames")) == "%SEGMENT_FRAMES"


@pytest.mark.parametrize("run", RUNS)
def test_with_t5x_every_name_exists(run, monkeypatch):
    pytest.importorskip(
        "t5x", reason="t5x is not installed: it comes from its repository, docs/t5x.md"
    )
    import importlib
    import sys

    script = {"train_t5x": "t5x.train", "eval_t5x": "t5x.eval", "infer_t5x": "t5x.infer"}[run]
    monkeypatch.setitem(sys.modules, "__main__", importlib.import_module(script))
    gin.add_config_file_search_path(str(parse.ROOT))
    given = {
        "train_t5x": ["MODEL_DIR"],
        "eval_t5x": ["CHECKPOINT_PATH", "EVAL_OUTPUT_DIR"],
        "infer_t5x": ["CHECKPOINT_PATH", "INFER_OUTPUT_DIR"],
    }[run]
    gin.parse_config_files_and_bindings(
        [*SHARED, f"gin_configs/runs/{run}.gin"], [f"{name}='x'" for name in given]
    )


def test_files_say_what_they_include():
    for run in RUNS:
        assert 'include "gin_configs/runs/model_t5x.gin"' in text_of(run)
    assert Path(parse.ROOT, "gin_configs/infer/default.gin").is_file()
