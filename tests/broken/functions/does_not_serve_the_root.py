"""There is no WebSocket at /."""

from __future__ import annotations

from right_functions import RightFunctions, serve

BREAKS = ("root-path-serves-functions",)


class DoesNotServeTheRoot(RightFunctions):
    paths = ("/functions",)


if __name__ == "__main__":
    serve(DoesNotServeTheRoot)
