"""Holds options, file names and messages that several subcommands share."""
