"""Playing techniques as programs, and who plays what."""

from notation_cases import note, play, quarters, score_of_parts, words

from mt3synth.symbolic.scores import play_score


def programs(measure: str, **options: object) -> list[int]:
    return play(measure, **options).notes.program.tolist()


def test_pizzicato_up_to_arco():
    measure = note("C4") + words("pizz.") + quarters("D4", "E4") + words("arco") + note("F4")
    assert programs(measure) == [40, 45, 45, 40]


def test_a_word_holds_only_for_who_can_do_it():
    assert programs(words("pizz.") + note("C4"), name="Flute", program=74) == [73]


def test_a_muted_trumpet_is_a_program_and_a_muted_violin_is_reported():
    measure = words("con sord.") + note("C5") + words("senza sord.") + note("D5")
    assert programs(measure, name="Trumpet", program=57) == [59, 56]
    song = play(words("con sord.") + note("C5"))
    assert song.notes.program.tolist() == [40]
    assert song.reports == ["playing techniques without a program of their own: 1 ignored"]


def test_a_bartok_pizzicato_is_one_note():
    snap = "<technical><snap-pizzicato/></technical>"
    assert programs(note("C4", 1, snap) + note("D4")) == [45, 40]


def test_transposing_instruments_sound_as_they_do():
    clarinet = "<transpose><diatonic>-1</diatonic><chromatic>-2</chromatic></transpose>"
    data = score_of_parts(([note("D5", 4)], "Clarinet", 72), attributes=clarinet)
    song = play_score(data)
    assert song.notes.pitch.tolist() == [72]
    assert song.notes.program.tolist() == [71]


def test_an_octave_line_is_heard_once():
    # MusicXML writes what sounds; a reader that transposes again is an octave off.
    line = (
        '<direction><direction-type><octave-shift type="{}" size="8"/></direction-type></direction>'
    )
    measure = line.format("down") + quarters("C6", "D6") + line.format("stop") + note("C5")
    assert play(measure).notes.pitch.tolist() == [84, 86, 72]


def test_unpitched_notes_are_drums():
    drum = note("C4").replace(
        "<pitch><step>C</step><octave>4</octave></pitch>",
        "<unpitched><display-step>C</display-step><display-octave>5</display-octave></unpitched>",
    )
    data = score_of_parts(([drum], "Snare Drum", 1)).replace(
        b"<midi-program>1</midi-program>",
        b"<midi-channel>10</midi-channel><midi-program>1</midi-program>"
        b"<midi-unpitched>39</midi-unpitched>",
    )
    song = play_score(data)
    assert song.notes.is_drum.tolist() == [True]
    assert song.notes.pitch.tolist() == [38]
    assert song.notes.program.tolist() == [0]
