"""The store on MongoDB: replica sets and sharded clusters.

docs/decisions/0010 says how it works. Nothing above the store imports from here.
"""
