"""Runs the command line: ``python -m mt3synth``."""

import sys

from mt3synth.cli import main

sys.exit(main())
