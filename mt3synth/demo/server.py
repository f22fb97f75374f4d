"""Serves the page on this machine: settings of the web server, and an end that leaves nothing."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from mt3synth.demo.piece import MAX_BYTES
from mt3synth.demo.rooms import Rooms
from mt3synth.demo.studio import Studio
from mt3synth.errors import UserError
from mt3synth.model import Model

LOCAL = "127.0.0.1"
"""Only programs on this machine reach it."""

_ENVIRONMENT = {
    "GRADIO_ANALYTICS_ENABLED": "False",
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "HF_HUB_OFFLINE": "1",
}


@contextmanager
def serve(model: Model, host: str = LOCAL, port: int | None = None) -> Iterator[str]:
    """Serves the page until the block is left, and yields its address.

        with serve(mt3synth.load()) as address:
            webbrowser.open(address)

    Nothing is downloaded or sent anywhere. All files are in a folder that goes at the end.

    Args:
      model: renders what visitors ask for.
      host: address of this machine at which it can be reached; "0.0.0.0" are all of them.
      port: at which; None takes the first that is free from 7860 on.

    Raises:
      UserError: gradio is missing, or host or port cannot be had.
    """
    folder = Path(tempfile.mkdtemp(prefix="mt3synth-demo-")).resolve()
    rooms = Rooms(folder)
    # Read when gradio is imported and its page built.
    before = {name: os.environ.get(name) for name in (*_ENVIRONMENT, "GRADIO_TEMP_DIR")}
    os.environ.update(_ENVIRONMENT, GRADIO_TEMP_DIR=str(folder))
    page = None
    try:
        try:
            import gradio as gr

            from mt3synth.demo.page import STYLE, build_page
        except ModuleNotFoundError as error:
            raise UserError(
                f"{error.name or 'gradio'} is missing; install it by: pip install 'mt3synth[demo]'"
            ) from error
        page = build_page(Studio(model, rooms))
        font = [gr.themes.Font("system-ui"), gr.themes.Font("sans-serif")]
        mono = [gr.themes.Font("ui-monospace"), gr.themes.Font("monospace")]
        try:
            _, address, _ = page.launch(
                server_name=host,
                server_port=port,
                theme=gr.themes.Default(font=font, font_mono=mono),
                css=STYLE,
                max_file_size=MAX_BYTES,
                share=False,
                inbrowser=False,
                prevent_thread_lock=True,
                quiet=True,
                footer_links=[],
                run_history=False,
                enable_monitoring=False,
                ssr_mode=False,
                pwa=False,
                mcp_server=False,
            )
        except OSError as error:
            raise UserError(f"--host {host}: cannot be served at ({error})") from error
        except ValueError as error:  # it asked for its own page, and had no answer in seconds
            raise UserError(
                "the page did not answer: this machine is too busy just now, or a proxy is set for "
                "its own addresses; try again"
            ) from error
        rooms.sweep_until_closed()
        yield address
    finally:
        if page is not None:
            page.close(verbose=False)
        rooms.close()
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
