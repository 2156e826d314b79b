"""The test client: message files in, every frame of the server shown and checked.

It shares the schemas with the server and no code, so that no bug can hide on both sides.
"""
