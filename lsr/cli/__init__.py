"""The command line: parsing, running and printing; one file a group of commands."""
