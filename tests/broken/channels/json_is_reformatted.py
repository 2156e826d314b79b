"""A server that parses and reformats JSON."""

from __future__ import annotations

import json

from right_channels import Package, RightChannels, serve

BREAKS = ("json-package-arrives-unchanged", "json-in-a-broadcast-arrives-unchanged")


class WritesJsonAnew(RightChannels):
    def frame(self, package: Package) -> tuple[bytes, bool]:
        if package.kind == "json":
            return json.dumps(json.loads(package.payload)).encode(), False
        return super().frame(package)


if __name__ == "__main__":
    serve(WritesJsonAnew)
