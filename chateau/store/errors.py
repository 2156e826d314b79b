"""Why a store cannot be opened."""


class StoreError(Exception):
    """The store cannot be used; the text is a sentence for people and names the file."""
