"""The protocols as others read of them, made from schemas/, the settings and the tables of refusals.

For people there are the *pages* at ``/docs/``, for programs an AsyncAPI and an OpenAPI document
(*specifications*), and for both how one frame is written in each of the protocols (*renderings*). Nothing
here listens or answers; the addresses are in :mod:`chateau.net`.
"""
