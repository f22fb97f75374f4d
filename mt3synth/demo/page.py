"""The page itself: what stands where, and which event is answered by whom."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import gradio as gr

from mt3synth.demo.handlers import LONGEST_CAST, Handlers
from mt3synth.demo.piece import EXAMPLES, MAX_BYTES, MAX_SECONDS
from mt3synth.demo.studio import MAX_STEPS, Studio

STYLE = Path(__file__).with_name("page.css").read_text("utf-8")
_REGION = Path(__file__).with_name("region.js").read_text("utf-8")

MODEL, READING = "model", "reading"
"""Queues: one rendering at a time, and some songs read beside it."""

SETTINGS = (
    *("performance", "blended", "share", "cast", "steps", "seed", "start", "end"),
    *("expression", "stems", "tempo", "transpose"),
)
"""Parts that say how a song is wanted, in the order in which the handlers have them."""

_READERS = 2
_WAITING = 64
"""Visitors that may wait; one more is told that the queue is full."""

_PLAIN = gr.WaveformOptions(show_recording_waveform=False)


def build_page(studio: Studio) -> gr.Blocks:
    """Lays out the page, and says what it does.

    Args:
      studio: does it.
    """
    with gr.Blocks(title="mt3synth", analytics_enabled=False) as page:
        parts = _lay_out(studio)
        _connect(page, parts, Handlers(studio, parts))
    return page.queue(max_size=_WAITING, default_concurrency_limit=1, api_open=False)


def _lay_out(studio: Studio) -> dict[str, Any]:
    parts: dict[str, Any] = {"piece": gr.State(None), "earlier": gr.State(None)}
    gr.Markdown("# mt3synth\nMIDI in, music out, in the sound of a performance you name.")
    gr.Markdown("## 1. A song")
    with gr.Row(elem_classes="row"):
        parts["file"] = gr.File(
            label=f"MIDI or MusicXML: {MAX_BYTES / 1e6:g} MB, {MAX_SECONDS / 60:g} minutes at most",
            height=140,
            elem_id="file",
        )
        parts["example"] = gr.Dropdown(
            list(EXAMPLES), value=next(iter(EXAMPLES)), label="Or an example", elem_id="example"
        )
    parts["roll"] = gr.HTML(js_on_load=_REGION, elem_id="roll")
    gr.Markdown("## 2. A performance")
    parts["performance"] = gr.Radio(
        [(f"{p.name}: {p.description}", p.name) for p in studio.model.performances],
        value=studio.model.bundle.default,
        label="Whose sound it gets; choosing one plays a few seconds in it",
        elem_id="performance",
        elem_classes="performances",
    )
    parts["sample"] = _player("A sample of it", "sample", autoplay=True)
    _lay_out_settings(studio, parts)
    gr.Markdown("## 4. Music")
    with gr.Row(elem_classes="row"):
        parts["render"] = gr.Button("Render", variant="primary", elem_id="render")
        parts["stream"] = gr.Button(
            "Hear it while it is made", elem_id="stream", interactive=_can_stream()
        )
        parts["again"] = gr.Button("Render the marked stretch again", elem_id="again")
        parts["stop"] = gr.Button("Stop", variant="stop", elem_id="stop")
    parts["status"] = gr.HTML(elem_id="status")
    parts["live"] = gr.Audio(
        label="Heard while it is made" if _can_stream() else "Install ffmpeg to hear it meanwhile",
        streaming=True,
        buttons=[],
        autoplay=True,
        interactive=False,
        elem_id="live",
    )
    parts["player"] = _player("The song", "player")
    parts["mel"] = gr.HTML(elem_id="mel")
    parts["reports"] = gr.HTML(elem_id="reports")
    parts["files"] = gr.File(
        label="To keep: WAV, FLAC, and the parts if they were rendered one by one",
        file_count="multiple",
        interactive=False,
        elem_id="files",
    )
    _lay_out_comparison(studio, parts)
    gr.Markdown(
        "What you render is yours. It was rendered by a neural model, as its files say in their "
        "metadata. Nothing that you drop here is kept: files are gone after an hour."
    )
    return parts


def _lay_out_settings(studio: Studio, parts: dict[str, Any]) -> None:
    gr.Markdown("## 3. How")
    with gr.Row(elem_classes="row"):
        parts["start"] = gr.Number(0, label="From second", minimum=0, step=0.01, elem_id="start")
        parts["end"] = gr.Number(None, label="To second", minimum=0, step=0.01, elem_id="end")
    with gr.Row(elem_classes="row"):
        parts["tempo"] = gr.Slider(
            0.5, 2, value=1, step=0.05, label="Tempo, times as written", elem_id="tempo"
        )
        parts["transpose"] = gr.Slider(
            -12, 12, value=0, step=1, label="Transpose, semitones", elem_id="transpose"
        )
        parts["stems"] = gr.Checkbox(label="Parts one by one (stems)", elem_id="stems")
    names = [performance.name for performance in studio.model.performances]
    with gr.Accordion("A blend of performances", open=False, elem_id="blend"):
        with gr.Row(elem_classes="row"):
            parts["blended"] = gr.Dropdown(
                [("nothing", ""), *((name, name) for name in names)],
                value="",
                label="Blended with",
                elem_id="blended",
            )
            parts["share"] = gr.Slider(
                0, 1, value=0.5, step=0.05, label="How much of that", elem_id="share"
            )
        parts["cast"] = gr.Textbox(
            label="Or in writing, such as church@0:00,tape@0:10 or violin=tape,piano=church",
            max_length=LONGEST_CAST,
            elem_id="cast",
        )
    with gr.Accordion("More", open=False, elem_id="more"), gr.Row(elem_classes="row"):
        parts["steps"] = gr.Slider(
            studio.least_steps,
            MAX_STEPS,
            value=studio.default_steps,
            step=1,
            label="Steps of the diffusion",
            elem_id="steps",
        )
        parts["seed"] = gr.Number(0, label="Seed", precision=0, minimum=0, elem_id="seed")
        parts["expression"] = gr.Slider(
            0, 1, value=0, label="Expression, for scores in notation", elem_id="expression"
        )


def _lay_out_comparison(studio: Studio, parts: dict[str, Any]) -> None:
    gr.Markdown("## 5. The same bars in two performances")
    names = [performance.name for performance in studio.model.performances]
    with gr.Row(elem_classes="row"):
        parts["other"] = gr.Dropdown(
            names, value=names[-1], label="Beside the one above", elem_id="other"
        )
        parts["seconds"] = gr.Number(
            4, label="Seconds, from the one above on", minimum=0.5, step=0.5, elem_id="seconds"
        )
        parts["compare"] = gr.Button("Compare", elem_id="compare")
    with gr.Row(elem_classes="row"):
        for name, label in (("first", "The one above"), ("second", "The other")):
            with gr.Column(min_width=280):
                parts[name] = _player(label, name)
                parts[f"{name}_mel"] = gr.HTML(elem_id=f"{name}-mel")


def _player(label: str, name: str, autoplay: bool = False) -> gr.Audio:
    return gr.Audio(
        label=label,
        type="filepath",
        interactive=False,
        autoplay=autoplay,
        waveform_options=_PLAIN,
        buttons=["download"],
        elem_id=name,
    )


def _connect(page: gr.Blocks, parts: dict[str, Any], handlers: Handlers) -> None:
    # Private: nobody but the page's own scripts is told how its events are called.
    quiet: dict[str, Any] = {"api_visibility": "private", "show_progress": "hidden"}
    reading: dict[str, Any] = {**quiet, "concurrency_id": READING, "concurrency_limit": _READERS}
    rendering: dict[str, Any] = {
        **quiet,
        "concurrency_id": MODEL,
        "concurrency_limit": 1,
        "show_progress": "minimal",
        "show_progress_on": parts["status"],
    }
    settings = [parts[name] for name in SETTINGS]
    song = [parts[name] for name in ("piece", "roll", "status", "start", "end")]
    shown = ("status", "player", "mel", "reports", "files", "earlier")
    result = [parts[name] for name in shown]
    pair = [parts[name] for name in ("status", "first", "first_mel", "second", "second_mel")]

    page.load(handlers.take_example, parts["example"], song, **reading)
    parts["example"].input(handlers.take_example, parts["example"], song, **reading)
    gr.on(
        [parts["file"].upload, parts["file"].clear], handlers.drop, parts["file"], song, **reading
    )

    def mark(event: gr.EventData) -> dict[Any, Any]:
        return handlers.mark(event._data) or gr.skip()

    parts["roll"].submit(mark, None, [parts["start"], parts["end"]], **reading)
    heard = [parts["sample"], parts["status"]]
    parts["performance"].input(handlers.hear, parts["performance"], heard, **rendering)
    rendered = parts["render"].click(
        handlers.render, [parts["piece"], *settings], result, **rendering
    )
    renewed = parts["again"].click(
        handlers.again, [parts["piece"], parts["earlier"], *settings], result, **rendering
    )
    streamed = parts["stream"].click(
        handlers.stream, [parts["piece"], *settings], [parts["live"], parts["status"]], **rendering
    )
    compared = parts["compare"].click(
        handlers.compare,
        [parts["piece"], parts["other"], parts["seconds"], *settings],
        pair,
        **rendering,
    )
    parts["stop"].click(
        lambda: '<div class="status" role="status">Stopped</div>',
        None,
        parts["status"],
        cancels=[rendered, renewed, streamed, compared],
        queue=False,
        **quiet,
    )


def _can_stream() -> bool:
    # Browsers play what is not finished only in pieces of AAC, which gradio has ffmpeg encode.
    return shutil.which("ffmpeg") is not None
