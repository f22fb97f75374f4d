"""Who plays what: scores re-orchestrated, with figuration and accompaniment."""
