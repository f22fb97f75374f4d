"""Too little memory is one line, and costs no other song."""

from pathlib import Path

import pytest
from cli_cases import write_song
from jax.errors import JaxRuntimeError

from mt3synth.errors import UserError, explain_memory

ERRORS = [
    MemoryError("Unable to allocate 9 GiB"),
    JaxRuntimeError("RESOURCE_EXHAUSTED: Out of memory allocating 9 bytes."),
    OSError(12, "Cannot allocate memory"),
]


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: type(error).__name__)
def test_the_other_songs_are_rendered(synthesize, monkeypatch, error):
    from mt3synth.commands.synthesize import render_job

    write_song("a.mid", 60)
    write_song("b.mid", 60)
    render = render_job.render

    def fail_once(job, *rest):
        if job.source.name == "a.mid":
            raise error
        render(job, *rest)

    monkeypatch.setattr(render_job, "render", fail_once)
    outcome = synthesize("a.mid", "b.mid")
    assert outcome.status == 2
    assert outcome.err[0].startswith("mt3synth synthesize: a.mid: too little memory (")
    assert outcome.err[0].endswith("); close other programs, or do less at a time")
    assert Path("b.wav").exists() and not Path("a.wav").exists()


def test_every_command_says_so(run, monkeypatch):
    from mt3synth.commands import performances

    def fail(args):
        raise MemoryError

    monkeypatch.setattr(performances, "main", fail)
    outcome = run("performances")
    assert outcome.status == 2
    assert outcome.err == [
        "mt3synth performances: too little memory (MemoryError); close other programs, or do less"
        " at a time"
    ]


def test_other_errors_stay_what_they_are():
    for error in (OSError(28, "full"), JaxRuntimeError("INTERNAL"), UserError("x"), ValueError()):
        with pytest.raises(type(error)) as caught, explain_memory():
            raise error
        assert caught.value is error


def test_what_the_disk_refuses_is_a_line_in_every_command(run, monkeypatch):
    from mt3synth.commands import performances

    def fail(args):
        raise OSError(28, "No space left on device", "mine/weights")

    monkeypatch.setattr(performances, "main", fail)
    outcome = run("performances")
    assert outcome.status == 2
    assert outcome.err == ["mt3synth performances: mine/weights: No space left on device"]
