"""A proxy between any client and any server: it shows and records frames, and injects faults.

``codec`` finds frames in bytes, ``faults`` decides what happens to them and ``schedule`` orders the writes;
these three use no sockets. ``pipe`` and ``connection`` move the bytes; ``recorder`` and ``display`` observe
them. The page for users is docs/proxy.md.
"""
