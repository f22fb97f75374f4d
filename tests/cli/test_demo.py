"""`mt3synth demo`; tests/demo has the page itself."""

import sys

import pytest


def test_without_gradio_it_says_what_to_install(run, bundle_folder, monkeypatch):
    monkeypatch.setitem(sys.modules, "gradio", None)
    monkeypatch.delitem(sys.modules, "mt3synth.demo.page", raising=False)
    outcome = run("demo", "--bundle", bundle_folder)
    assert (outcome.status, outcome.out) == (2, [])
    told = "mt3synth demo: gradio is missing; install it by: pip install 'mt3synth[demo]'"
    assert outcome.err == [told]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--port", "99999"], "--port 99999; must be from 1 to 65535"),
        (["--bundle", "none"], "none: no such folder"),
    ],
)
def test_what_cannot_be_served_is_one_line(run, options, said):
    outcome = run("demo", *options)
    assert outcome.status == 2 and len(outcome.err) == 1 and said in outcome.err[0]
