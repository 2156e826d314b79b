"""The test client: sends message files, plays scenarios, and reports frames and verdicts.

It shares the schemas with the server and no code, so that no bug can hide on both sides. From the top down:

- ``app``: the command line, which runs one of the ``commands``;
- ``interactive`` (message files), ``grading`` (folders of submissions), ``proxy``;
- ``recordings`` and ``reports``: the files that a run writes;
- ``scenarios``: the language, and the player;
- ``under_test`` and ``transports``: the server that is started, and the connections to it;
- ``protocols``: the protocols that the client knows.
"""
