"""`fhir-server bench search`: a system's worth of residents, loaded once, and the searches that are made of it.

`population` writes what is loaded into files, `loading` sends it (and goes on where it was stopped), `queries` says
what is searched for, `measuring` takes the figures, `comparing` asks another server the same. Imports: as `bench`.
"""
