"""Tornado and sockets: from bytes to whole messages, and from frames to bytes. Only here."""
