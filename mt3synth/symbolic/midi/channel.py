"""One channel of a synthesizer: what its messages set, and what it says of the notes it plays."""

from __future__ import annotations

from mt3synth.symbolic.midi.curves import DEFAULTS, ControllerCurves, CurveBuilder
from mt3synth.symbolic.midi.exclusive import System
from mt3synth.symbolic.midi.findings import Findings
from mt3synth.symbolic.midi.key_tuning import KeyCents, KeyTunings
from mt3synth.symbolic.midi.keys import Keys

PEDAL_DOWN = 64
"""A pedal's value from which it is down; half pedals are not played (General MIDI 1)."""

DRUM_CHANNEL = 9

_CURVES = {1: "modulation", 7: "volume", 10: "pan", 11: "expression", 64: "sustain", 67: "soft"}
# Reset all controllers leaves volume, pan, program and tuning alone (MIDI Association, RP-015).
_RESET_BY_121 = ("expression", "modulation", "pressure", "sustain", "soft", "bend")
_MELODIC_BANK, _RHYTHM_BANKS = 121, (120, 126, 127)  # GM2: 120, 121; XG: 126 effects, 127 kits


class Channel:
    """Holds one channel's state over the whole file, whichever track its messages come from.

    Args:
      number: 0..15, and 16 more for each further port.
      keys: its keys and pedals.
      findings: gets what is not heard.
      tunings: tuning programs, which all channels share.
      pedals: whether pedals hold notes.
    """

    def __init__(
        self, number: int, keys: Keys, findings: Findings, tunings: KeyTunings, pedals: bool = True
    ) -> None:
        self.number, self.keys = number, keys
        self._findings, self._tunings, self._pedals = findings, tunings, pedals
        self._curves = {name: CurveBuilder(value) for name, value in DEFAULTS.items()}
        self._system: System = "gm"
        self._rhythm: bool | None = None  # what an exclusive message said
        self._parameter: tuple[int, int] | None = None  # the registered parameter being set
        self._set_back()

    def reset(self, system: System, now: float) -> None:
        """Sets everything back, as at power-on, to the ways of a family of synthesizers."""
        self.keys.silence(now)
        self._lift_pedals(now)
        for name, value in DEFAULTS.items():
            self._curves[name].set(now, float(value))
        self._system = system
        self._set_back()

    def set_rhythm(self, is_drum: bool) -> None:
        """An exclusive message says whether this is percussion, whatever its bank."""
        self._rhythm = is_drum
        self._decide_drum()

    def change_program(self, program: int) -> None:
        """Gives the next notes another program, of the bank selected last."""
        self.program, self._bank = program, self._selected_bank
        self._decide_drum()
        if self.is_drum:
            if program:
                self._findings.ignore("changes of drum kit")
        elif self._bank not in (0, _MELODIC_BANK) or self._fine_bank:
            self._findings.add(
                "programs of other banks than General MIDI's: {} played by their number"
            )

    def bend(self, value: int, now: float) -> None:
        """Moves the pitch wheel, -8192..8191."""
        self._wheel = value
        self._set_bend(now)
        self._findings.put_beside("pitch bends")

    def press(self, value: int, now: float) -> None:
        """Changes the pressure on the channel's keys, 0..127."""
        self._curves["pressure"].set(now, float(value))
        self._findings.put_beside("channel aftertouch")

    def control(self, number: int, value: int, now: float) -> None:
        """Moves a controller, or takes a channel mode message (120 to 127)."""
        name = _CURVES.get(number)
        if name is not None:
            self._curves[name].set(now, float(value))
            if number != 64:
                self._findings.put_controller_beside(number)
        if number == 64:
            self._move_sustain(value, now)
        elif number == 66:
            if self._pedals:
                self.keys.sostenuto(value >= PEDAL_DOWN, now)
        elif number == 0:
            self._selected_bank = value
        elif number == 32:
            self._fine_bank = value
        elif number in (100, 101):
            # 127 twice is no parameter, which selects none until both halves are given.
            coarse, fine = self._parameter or (127, 127)
            self._parameter = (coarse, value) if number == 100 else (value, fine)
        elif number in (6, 38) and self._parameter in _PARAMETERS:
            self._set_parameter(number == 6, value, now)
        elif number in (98, 99):
            self._parameter = None  # what data entry means now is the maker's own affair
            self._findings.ignore_controller(number)
        elif number == 120:
            self.keys.silence(now)
        elif number == 121:
            self._lift_pedals(now)
            for name in _RESET_BY_121:
                self._curves[name].set(now, DEFAULTS[name])
            # Not volume, pan, program and tuning: RP-015 says so.
            self._wheel, self._parameter = 0, None
        elif number >= 123:
            self.keys.let_all_go(now)  # 124 to 127 change modes, and let go of all keys as well
        elif name is None:
            self._findings.ignore_controller(number)

    def detune(self, key: int) -> float:
        """Tells how far a key that is struck now is tuned from equal temperament, in cents."""
        return 0.0 if self.tuning is None or self.is_drum else self.tuning[key]

    def curves(self) -> ControllerCurves:
        """Returns the curves of all controllers so far."""
        return ControllerCurves(**{name: curve.build() for name, curve in self._curves.items()})

    def _set_back(self) -> None:
        self.program, self.transposed = 0, 0
        self._bank = self._selected_bank = self._fine_bank = 0
        self._wheel = 0
        self._parameter = None
        self._bend_range, self._fine_tuning = [2, 0], [64, 0]
        self.tuning: KeyCents | None = None
        self._tuning_bank = 0
        self._rhythm = None
        self._decide_drum()

    def _decide_drum(self) -> None:
        on_drum_channel = self.number % 16 == DRUM_CHANNEL
        if self._rhythm is not None:
            self.is_drum = self._rhythm
        elif self._bank == _MELODIC_BANK:
            self.is_drum = on_drum_channel and self._system != "gm2"
        else:
            # Roland's banks 126 and 127 are the tunes of older models, not percussion.
            kit = self._bank in _RHYTHM_BANKS and self._system != "gs"
            self.is_drum = on_drum_channel or kit
        self.keys.undamped = self.is_drum

    def _move_sustain(self, value: int, now: float) -> None:
        if self._pedals:
            self.keys.sustain(value >= PEDAL_DOWN, now)
        if 0 < value < 127:
            self._findings.add("half pedal positions: {} played as up below 64, else as down")

    def _lift_pedals(self, now: float) -> None:
        self.keys.sustain(False, now)
        self.keys.sostenuto(False, now)

    def _set_parameter(self, coarse: bool, value: int, now: float) -> None:
        """Enters data for the registered parameter that is selected."""
        if self._parameter == _BEND_RANGE:
            self._bend_range[0 if coarse else 1] = value
            self._set_bend(now)
        elif self._parameter == _FINE_TUNING:
            self._fine_tuning[0 if coarse else 1] = value
            high, low = self._fine_tuning
            self._curves["tuning"].set(now, ((high << 7 | low) - 8192) / 8192)
            self._findings.put_beside("fine tunings")
        elif not coarse:
            pass  # the other parameters have no finer part
        elif self._parameter == _COARSE_TUNING:
            self.transposed = value - 64
        elif self._parameter == _TUNING_BANK:
            self._tuning_bank = value
        else:
            self.tuning = self._tunings.select((self._tuning_bank, value))
            self._findings.put_beside("tunings of keys")

    def _set_bend(self, now: float) -> None:
        semitones, cents = self._bend_range
        self._curves["bend"].set(now, self._wheel / 8192 * (semitones + cents / 100))


_BEND_RANGE, _FINE_TUNING, _COARSE_TUNING = (0, 0), (0, 1), (0, 2)
_TUNING_PROGRAM, _TUNING_BANK = (0, 3), (0, 4)
_PARAMETERS = (_BEND_RANGE, _FINE_TUNING, _COARSE_TUNING, _TUNING_PROGRAM, _TUNING_BANK)
