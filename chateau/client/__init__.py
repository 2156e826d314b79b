"""The test client: message files and scenarios in, frames and verdicts out.

It shares the schemas with the server and no code, so that no bug can hide on both sides. From the top down:

- ``app``: the command line, which hands over to one of
- ``visits`` (message files), ``playing`` (scenarios), ``grading`` (folders of submissions), ``proxy``;
- ``recordings`` and ``reports``: what is kept of a run;
- ``scenarios``: the language, and playing it;
- ``under_test`` and ``transports``: the server that is started, and the connections to it.
"""
