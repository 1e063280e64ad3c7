"""The server is killed under load, again and again, and must have lost nothing that it acknowledged.

`ledger.py` is what the clients were told, `clients.py` the load, `verify.py` what must hold after a restart,
`campaign.py` the loop, `database.py` the replica set of the campaigns on MongoDB. `make test` kills 20 times on SQLite
and 6 times on MongoDB, `make crash` 200 and 60 times.
"""
