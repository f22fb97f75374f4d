"""Recordings to notes: transcribers behind one protocol."""
