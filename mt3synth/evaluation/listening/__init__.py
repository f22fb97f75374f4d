"""Makes a blind listening test as one page."""
