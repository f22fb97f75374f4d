"""What happens on the page when something is dropped, chosen or pressed."""

from __future__ import annotations

import math
import sys
import traceback
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, no_type_check

from mt3synth.demo import views
from mt3synth.demo.following import Progress, Result, Tell, follow
from mt3synth.demo.piece import MAX_BYTES, Piece, read_example, read_piece
from mt3synth.demo.studio import Rendered, Studio, Wish
from mt3synth.errors import UserError

Shown = dict[Any, Any]
"""New values of some parts of the page."""

LONGEST_CAST = 200
"""Characters of a cast in writing."""

_BROKEN = "Something in the page itself is broken; its terminal says more. Please try another song."
_NO_SONG = "There is no song yet: drop a file, or take an example"


def explain(error: Exception) -> str:
    """Says in one line what went wrong; what is not the visitor's to mend goes to the terminal."""
    if isinstance(error, UserError):
        return views.show_problem(str(error))
    traceback.print_exception(error, file=sys.stderr)
    return views.show_problem(_BROKEN)


class Handlers:
    """Answers the page's events with new values of its parts.

    Gradio looks whether a method is a generator, which the checks of types that tests run would
    hide; so those have none.

    Args:
      studio: does the work.
      parts: of the page, by name; see `mt3synth.demo.page`.
    """

    def __init__(self, studio: Studio, parts: dict[str, Any]) -> None:
        self._studio = studio
        self._parts = parts

    def drop(self, path: str | None) -> Shown:
        """Reads a dropped file, which stays on the disk for as long as all others."""
        if path is None:
            return self._show(piece=None, roll=views.NOTHING, status=views.NOTHING)
        # Not removed at once: of two visitors who drop the same file the server keeps one copy.
        with open(path, "rb") as file:
            data = file.read(MAX_BYTES + 1)
        return self._take(lambda: read_piece(data, Path(path).name, self._studio.model.spec))

    def take_example(self, title: str) -> Shown:
        """Reads one of the examples."""
        return self._take(lambda: read_example(title, self._studio.model.spec))

    def mark(self, value: object) -> Shown:
        """Takes a stretch that was marked on the piano roll."""
        ends = views.marked(value)
        return self._show(start=ends[0], end=ends[1]) if ends else self._show()

    def hear(self, performance: str) -> Shown:
        """Lets a performance be heard."""
        try:
            return self._show(sample=str(self._studio.sample(performance)))
        except Exception as error:
            return self._show(status=explain(error))

    @no_type_check
    def render(self, piece: Piece | None, *settings: Any) -> Iterator[Shown]:
        """Renders the song, saying meanwhile what is being done."""

        def work(tell: Tell) -> Shown:
            song = self._studio.render(*_asked(piece, settings), tell)
            said = f"Rendered {song.seconds:.0f} s of sound"
            return self._show_song(song, said, (piece, song))

        yield from self._follow(work)

    @no_type_check
    def again(
        self, piece: Piece | None, earlier: tuple[Piece, Rendered] | None, *settings: Any
    ) -> Iterator[Shown]:
        """Renders the stretch that is marked again, in the song that was rendered last."""

        def work(tell: Tell) -> Shown:
            asked, wish = _asked(piece, settings)
            if earlier is None or earlier[0] is not asked:
                raise UserError("render the song first, and then a stretch of it again")
            song = self._studio.again(asked, wish, earlier[1], tell)
            said = f"Rendered {wish.start:g} to {min(wish.end, asked.seconds):g} s again"
            return self._show_song(song, said, (asked, song))

        yield from self._follow(work)

    @no_type_check
    def compare(
        self, piece: Piece | None, other: str, seconds: int | float | None, *settings: Any
    ) -> Iterator[Shown]:
        """Renders one stretch in two performances."""

        def work(tell: Tell) -> Shown:
            song, wish = _asked(piece, settings)
            end = min(wish.start + _number(seconds, 4.0), wish.end)
            wishes = [
                replace(wish, performance=name, end=end, stems=False)
                for name in (wish.performance, other)
            ]
            pair = self._studio.compare(song, (wishes[0], wishes[1]), tell)
            return self._show(
                status=views.show_done(f"{wish.performance} beside {other}"),
                **_beside("first", wish.performance, pair[0]),
                **_beside("second", other, pair[1]),
            )

        yield from self._follow(work)

    @no_type_check
    def stream(self, piece: Piece | None, *settings: Any) -> Iterator[Shown]:
        """Renders the song from left to right, to be heard meanwhile."""
        try:
            song, wish = _asked(piece, settings)
            yield self._show(status=views.show_progress("Rendering the first seconds"))
            whole = min(wish.end, song.seconds) - wish.start
            for part, seconds in self._studio.stream(song, wish):
                told = f"Playing; {seconds:.0f} s are rendered"
                share = min(1.0, seconds / max(whole, 1.0))
                yield self._show(live=part, status=views.show_progress(told, share))
            yield self._show(status=views.show_done("All of it is rendered"))
        except Exception as error:
            yield self._show(status=explain(error))

    def _take(self, read: Callable[[], Piece]) -> Shown:
        try:
            piece = read()
            shown = views.show_piece(piece)
        except Exception as error:
            return self._show(piece=None, roll=views.NOTHING, status=explain(error))
        ends = {"start": 0.0, "end": math.ceil(100 * piece.seconds) / 100}
        return self._show(piece=piece, roll=shown, status=views.NOTHING, **ends)

    def _show_song(self, song: Rendered, said: str, earlier: Any) -> Shown:
        return self._show(
            status=views.show_done(said),
            player=str(song.wav),
            mel=views.show_mel(song.mel, song.wav.name),
            reports=views.list_reports(song.reports),
            files=[str(path) for path in song.files.values()],
            earlier=earlier,
        )

    def _follow(self, work: Callable[[Tell], Shown]) -> Iterator[Shown]:
        steps = follow(work)
        try:
            for step in steps:
                if isinstance(step, Progress):
                    yield self._show(status=views.show_progress(step.text, step.share))
                elif isinstance(step, Result):
                    yield step.value
        except Exception as error:
            yield self._show(status=explain(error))
        finally:
            steps.close()

    def _show(self, **values: Any) -> Shown:
        return {self._parts[name]: value for name, value in values.items()}


def _asked(piece: Piece | None, settings: tuple[Any, ...]) -> tuple[Piece, Wish]:
    """Reads the settings of the page; a field that was emptied is as if nobody had touched it."""
    if piece is None:
        raise UserError(_NO_SONG)
    performance, blended, share, cast, steps, seed, start, end, *playing = settings
    expression, stems, tempo, transpose = playing
    wish = Wish(
        _cast(performance, blended, _number(share, 0.0), cast),
        int(steps),
        int(_number(seed, 0)),
        _number(start, 0.0),
        _number(end, math.inf),
        _number(expression, 0.0),
        bool(stems),
        _number(tempo, 1.0),
        int(_number(transpose, 0)),
    )
    return piece, wish


def _cast(performance: str, blended: str | None, share: float, cast: str | None) -> str:
    """Says whose sound it gets: one performance, two of them blended, or what is written."""
    if cast and cast.strip():
        return cast.strip()[:LONGEST_CAST]
    if not blended or not share or blended == performance:
        return performance
    return f"{performance}*{1 - share:g}+{blended}*{share:g}"


def _number(value: int | float | None, default: int | float) -> float:
    return float(default if value is None else value)


def _beside(name: str, performance: str, song: Rendered) -> dict[str, Any]:
    return {name: str(song.wav), f"{name}_mel": views.show_mel(song.mel, performance)}
