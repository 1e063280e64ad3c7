"""The server is killed under load, again and again, and must have lost nothing that it acknowledged.

`ledger.py` is what the clients were told, `clients.py` the load, `verify.py` what must hold after a restart,
`campaign.py` the loop. `make test` kills 20 times, `make crash` 200 times.
"""
