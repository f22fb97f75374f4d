"""Options, file names and messages that several subcommands share."""
