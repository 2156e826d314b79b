"""The commands of the test client, one module each."""
