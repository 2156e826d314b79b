"""One frame of the chateau protocol, as each of the five protocols writes it."""
