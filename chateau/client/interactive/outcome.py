"""The outcome of a visit: its exit code so far."""

from chateau.client.exit_codes import Exit


class Outcome:
    """The exit code so far: the first trouble decides, unless the run is a *forgiving* one."""

    def __init__(self) -> None:
        self.code = Exit.WELL
        self.forgiving = False

    def spoil(self, code: Exit) -> None:
        if not self.forgiving:
            self.code = self.code or code
