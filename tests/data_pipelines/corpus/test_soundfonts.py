"""Unpacked soundfonts, with FluidSynth, which reads both kinds, as the judge."""

import io
import struct
from pathlib import Path

import numpy as np
import pytest
import soundfile
from corpus_cases import needs_fluidsynth

from data_pipelines.corpus.sound.render import synthesize
from data_pipelines.corpus.sound.soundfonts import find_playable, unpack
from mt3synth.errors import UserError
from mt3synth.symbolic.notes import Notes

RATE = 32_000
_INSTRUMENT, _SAMPLE_MODES, _SAMPLE = 41, 54, 53  # generators


def riff(name: bytes, *parts: bytes, pad: bool = True) -> bytes:
    body = b"".join(parts)
    return name + struct.pack("<I", len(body)) + body + bytes(len(body) % 2 if pad else 0)


def made_sf3(*tones: np.ndarray, pad: bool = True, kind: int = 0x11, form: str = "OGG") -> bytes:
    """Makes a soundfont of a program for each tone, 0, 1, ...; each loops from 1/4 to 3/4."""
    pool, headers = b"", b""
    for i, tone in enumerate(tones):
        file = io.BytesIO()
        soundfile.write(file, tone, RATE, format=form)
        loop, end = (len(tone) // 4, 3 * len(tone) // 4), len(pool) + len(file.getvalue())
        name = f"tone {i}".encode()
        headers += struct.pack("<20sIIIIIBbHH", name, len(pool), end, *loop, RATE, 69, 0, 0, kind)
        pool += file.getvalue()
    headers += struct.pack("<20sIIIIIBbHH", b"EOS", *[0] * 9)
    n = len(tones)
    programs = [struct.pack("<20sHHHIII", b"p", i, 0, i, 0, 0, 0) for i in range(n + 1)]
    bags = [struct.pack("<HH", i, 0) for i in range(n + 1)]
    generators = [struct.pack("<HH", _INSTRUMENT, i) for i in range(n)] + [bytes(4)]
    instruments = [struct.pack("<20sH", b"i", i) for i in range(n + 1)]
    bags_of_two = [struct.pack("<HH", 2 * i, 0) for i in range(n + 1)]
    samples = [struct.pack("<HHHH", _SAMPLE_MODES, 1, _SAMPLE, i) for i in range(n)] + [bytes(4)]
    pdta = [
        riff(name, *rows)
        for name, rows in (
            (b"phdr", programs),
            (b"pbag", bags),
            (b"pmod", [bytes(10)]),
            (b"pgen", generators),
            (b"inst", instruments),
            (b"ibag", bags_of_two),
            (b"imod", [bytes(10)]),
            (b"igen", samples),
            (b"shdr", [headers]),
        )
    ]
    info = [riff(b"ifil", struct.pack("<HH", 3, 1)), riff(b"isng", b"EMU8000\0")]
    return riff(
        b"RIFF",
        b"sfbk",
        riff(b"LIST", b"INFO", *info),
        riff(b"LIST", b"sdta", riff(b"smpl", pool, pad=pad), pad=pad),
        riff(b"LIST", b"pdta", *pdta),
        pad=pad,
    )


def tone(hertz: float, seconds: float = 0.5) -> np.ndarray:
    return 0.5 * np.sin(2 * np.pi * hertz * np.arange(int(seconds * RATE)) / RATE)


def one_second(program: int) -> Notes:
    return Notes(*(np.array([x]) for x in (0.1, 1.1, 69, 100, program, False)))


@needs_fluidsynth
@pytest.mark.parametrize("pad", [True, False], ids=["padded", "not padded"])
def test_the_copy_sounds_like_the_original(tmp_path: Path, pad: bool) -> None:
    source, copy = tmp_path / "a.sf3", tmp_path / "a.sf2"
    source.write_bytes(made_sf3(tone(440), tone(660), tone(880), pad=pad))
    unpack(source, copy)
    for program, hertz in enumerate((440, 660, 880)):
        original = synthesize(one_second(program), source, RATE)
        copied = synthesize(one_second(program), copy, RATE)
        held = copied[RATE // 4 : RATE]  # longer than the sample: the loop is heard
        spectrum = np.abs(np.fft.rfft(held * np.hanning(len(held))))
        assert np.argmax(spectrum) * RATE / len(held) == pytest.approx(hertz, abs=2)
        assert held.std() > 0.01
        np.testing.assert_allclose(copied, original, atol=1e-4)


def test_a_copy_is_made_once_and_by_content(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    source = tmp_path / "mine.sf3"
    source.write_bytes(made_sf3(tone(440)))
    copy = find_playable(source)
    assert copy.suffix == ".sf2" and copy.is_relative_to(tmp_path / "cache")
    made = copy.stat().st_mtime_ns
    find_playable.cache_clear()
    assert find_playable(source) == copy and copy.stat().st_mtime_ns == made
    source.write_bytes(made_sf3(tone(550)))
    find_playable.cache_clear()
    assert find_playable(source) != copy
    assert find_playable(tmp_path / "plain.sf2") == tmp_path / "plain.sf2"


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"RIFF", "no soundfont"),
        (made_sf3(tone(440))[:-600], "no soundfont"),
        (made_sf3(tone(440), kind=1), "'tone 0' cannot be unpacked: not compressed"),
        (made_sf3(np.stack([tone(440)] * 2, 1)), "not mono"),
        (made_sf3(tone(440)).replace(b"OggS", b"xxxx"), "'tone 0' cannot be unpacked"),
    ],
)
def test_damage_is_named_and_leaves_no_copy(tmp_path, monkeypatch, content, said) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    source = tmp_path / "bad.sf3"
    source.write_bytes(content)
    find_playable.cache_clear()
    with pytest.raises(UserError, match=rf"bad\.sf3: .*{said}"):
        find_playable(source)
    assert not list((tmp_path / "cache").rglob("*.sf2*"))
