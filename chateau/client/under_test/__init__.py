"""The server under test: a program that is started, watched, limited and ended, with all that it started."""
