"""Message files sent to a server, by a person at a prompt or by a script.

Every frame that is received is shown, and checked against the schemas of its protocol.
"""
