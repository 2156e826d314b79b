"""Visits: message files sent to a server of the chateau protocol, by a person at a prompt or by a script.

Every frame that comes back is shown, and checked against the schemas.
"""
