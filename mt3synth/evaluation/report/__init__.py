"""What an evaluation found, as a page, tables and CSV."""
