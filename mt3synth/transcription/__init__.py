"""Takes recordings to notes, by transcribers behind one protocol."""
