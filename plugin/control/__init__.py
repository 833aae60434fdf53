"""The page: a loopback server with a token, what it shows, and what its buttons may do."""
