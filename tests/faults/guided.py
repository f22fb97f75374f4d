"""Coverage-guided broken input: atheris looks for bytes that reach new lines of what reads files.

    pip install atheris  # into the environment of mt3synth; no test needs it
    python tests/faults/guided.py midi -max_total_time=1200

Kinds are midi, musicxml and bundle; what follows is libFuzzer's. A fault, which is all but a result
or a `UserError`, ends the run and leaves its bytes in the current folder.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["mt3synth"]):
    from mt3synth.errors import UserError
    from mt3synth.symbolic.midi import read_song
    from mt3synth.symbolic.scores import musicxml

from readers import ROOT


def read_midi(data: bytes) -> None:
    """Reads a MIDI file."""
    read_song(data)


def read_musicxml(data: bytes) -> None:
    """Takes MusicXML apart as far as it is checked before music21 builds anything of it."""
    content = musicxml.unpack(data, "x.mxl") if data.startswith(b"PK") else data
    musicxml.check(content, "x.musicxml")


class Bundle:
    """Loads a tiny bundle, one of whose files is what is given."""

    def __init__(self) -> None:
        with atheris.instrument_imports(include=["mt3synth"]):
            from model_readers import BundleReader

            from mt3synth import bundle

        self._load, self._files = bundle.load, BundleReader.files
        self.folder = Path(tempfile.mkdtemp()) / "bundle"
        BundleReader(self.folder.parent)
        self._whole = {name: (self.folder / name).read_bytes() for name in self._files}

    def __call__(self, data: bytes) -> None:
        """Puts the bytes in the place of the file that the first of them says."""
        name = self._files[data[0] % len(self._files)] if data else self._files[0]
        (self.folder / name).write_bytes(data[1:])
        try:
            self._load(self.folder)
        finally:
            (self.folder / name).write_bytes(self._whole[name])

    def seeds(self) -> list[bytes]:
        """Returns each file, behind the number that it has."""
        return [bytes([n]) + self._whole[name] for n, name in enumerate(self._files)]


def main() -> None:
    kind, seeds = sys.argv.pop(1), Path(tempfile.mkdtemp())
    read: Callable[[bytes], None]
    if kind == "midi":
        read = read_midi
        folders = ("tests/symbolic/real_inputs", "tests/goldens")
        paths = [path for f in folders for path in (ROOT / f).glob("*.mid")]
        known = [path.read_bytes() for path in paths]
    elif kind == "musicxml":
        from score_reader import MUSICXML

        read, known = read_musicxml, [MUSICXML.encode()]
    else:
        read = bundle = Bundle()
        known = bundle.seeds()
    for number, data in enumerate(known):
        (seeds / str(number)).write_bytes(data)

    def judge(data: bytes) -> None:
        try:
            read(data)
        except UserError as error:
            assert len(str(error)) < 2000

    atheris.Setup([*sys.argv, "-timeout=10", "-rss_limit_mb=2048", str(seeds)], judge)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
