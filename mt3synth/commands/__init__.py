"""One module for each subcommand of `mt3synth`; imported only when it is called."""
