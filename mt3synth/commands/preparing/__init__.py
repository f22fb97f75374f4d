"""One module for each subcommand of `mt3synth prepare`; imported only when it is called."""
