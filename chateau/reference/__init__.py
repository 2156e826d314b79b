"""The reference of the protocols, made from schemas/, the settings and the error catalogs.

People read the pages at ``/docs/`` (*site*), programs an AsyncAPI and an OpenAPI document (*asyncapi*,
*openapi*); *translations* shows one frame in each of the protocols. :mod:`chateau.net` serves them.
"""
