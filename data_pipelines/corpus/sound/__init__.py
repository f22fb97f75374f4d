"""How it sounds: soundfonts, rooms and recording chains."""
