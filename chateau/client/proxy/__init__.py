"""A proxy between any client and any server of the five protocols: shows, records, and does harm on purpose.

What passes is found by :mod:`framing`, what happens to it is decided by :mod:`faults` and put in order by
:mod:`arrangement`; these three know no sockets. :mod:`flow` and :mod:`connection` move the bytes.
The page for users is docs/proxy.md.
"""
