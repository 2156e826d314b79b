"""The protocols as others read of them, made from schemas/, the settings and the tables of refusals.

For people there are the pages at ``/docs/`` (:mod:`chateau.reference.pages`), for programs an AsyncAPI and an
OpenAPI document, and for both how one frame is written in each of the protocols. Nothing here listens or
answers; the addresses are in :mod:`chateau.net`.
"""
