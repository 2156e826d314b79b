"""Where the records of rooms are stored: backends of :class:`chateau.hub.ports.Store`."""


class StoreError(Exception):
    """A store that cannot be opened; the text is a sentence for people and names the file."""
