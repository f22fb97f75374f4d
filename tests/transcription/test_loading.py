"""Transcribers by name: the built-in one, a user's file, and what is wrong with a name."""

import numpy as np
import pytest

from mt3synth.errors import UserError
from mt3synth.symbolic.notes import Notes
from mt3synth.transcription.loading import load_transcriber
from mt3synth.transcription.transcriber import Transcriber

OWN = """
from dataclasses import dataclass
import numpy as np
from mt3synth.symbolic.notes import Notes

def one_note(audio, sample_rate):
    seconds = len(audio) / sample_rate
    return Notes(*(np.array([value]) for value in (0.0, seconds, 60, 80, 0, False)))

@dataclass
class Lower:
    by: int = 12

    def __call__(self, audio, sample_rate):
        return one_note(audio, sample_rate).transposed(-self.by)

class NotCallable:
    pass

def a_list(audio, sample_rate):
    return [60]

number = 3
"""


@pytest.fixture
def own(tmp_path):
    (tmp_path / "own.py").write_text(OWN)
    return str(tmp_path / "own.py")


@pytest.mark.parametrize("name, pitch", [("one_note", 60), ("Lower", 48)])
def test_function_and_class_of_a_file(own, name, pitch):
    transcriber = load_transcriber(f"{own}:{name}")
    assert isinstance(transcriber, Transcriber)
    notes = transcriber(np.zeros(800, np.float32), 400)
    assert isinstance(notes, Notes)
    assert (notes.pitch[0], notes.end[0]) == (pitch, 2.0)


def test_module_on_the_path(own, tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(tmp_path)
    assert load_transcriber("own:one_note")(np.zeros(4, np.float32), 4).pitch[0] == 60


@pytest.mark.parametrize(
    "name, message",
    [
        ("basic_pitch", "write module:attribute or file.py:attribute"),
        ("FILE:", "write module:attribute"),
        ("FILE:missing", "has no missing"),
        ("FILE:number", "number is no function and no class"),
        ("FILE:NotCallable", "a NotCallable cannot be called"),
        ("BROKEN:x", r"ModuleNotFoundError\(\"No module named 'missing_library'\"\)"),
        ("nowhere.py:x", "nowhere.py: no such file"),
        ("no_such_module:x", "No module named 'no_such_module'; install it, or name a file"),
    ],
)
def test_refused(own, tmp_path, name, message):
    broken = tmp_path / "broken.py"
    broken.write_text("import missing_library")
    with pytest.raises(UserError, match=message):
        load_transcriber(name.replace("FILE", own).replace("BROKEN", str(broken)))


def test_must_return_notes(own):
    with pytest.raises(UserError, match=r"returned list; must be mt3synth\.symbolic\.notes\.Notes"):
        load_transcriber(f"{own}:a_list")(np.zeros(4, np.float32), 4)
