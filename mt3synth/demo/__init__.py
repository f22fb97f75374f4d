"""Opens a local page on which songs are rendered in a browser."""
