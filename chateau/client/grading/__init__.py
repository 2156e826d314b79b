"""Grade the servers of others, a folder of submissions at a time."""
