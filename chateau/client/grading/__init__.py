"""Other people's servers: started, watched, ended, and graded a folder at a time."""
