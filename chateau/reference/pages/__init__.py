"""The pages at ``/docs/`` and in docs/reference/: what is on them, and how they are written."""
