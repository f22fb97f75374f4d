"""What MIDI controllers do to the sound of a part: its level, its pitch, its place."""
