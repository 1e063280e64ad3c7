"""The benchmark: its protocol, its figures, and a short run against a real server."""
