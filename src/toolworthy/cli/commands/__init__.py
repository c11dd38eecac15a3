"""What the command line does with runs: each module is one command."""
