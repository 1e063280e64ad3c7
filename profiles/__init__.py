"""Our own implementation guide: questionnaires, extensions, code systems (JSON), and the names they have.

Data and names only; imports nothing of the server. To add an artefact: its JSON file in the folder of its type.
"""
