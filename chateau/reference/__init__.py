"""The protocols for programs to read: AsyncAPI and OpenAPI documents, made from schemas/.

Nothing here listens or answers; the addresses are in :mod:`chateau.net.specifications`.
"""
