"""Shows what an evaluation found, as a page, tables and CSV."""
