"""What can go wrong: the one place where it stands which request is refused with which code."""
