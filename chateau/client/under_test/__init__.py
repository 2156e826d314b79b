"""The server under test: a program that the test client starts, watches and ends."""


class ServerDidNotStart(Exception):
    """The server under test cannot be tested; the text explains why."""
