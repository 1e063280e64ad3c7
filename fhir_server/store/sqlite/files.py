"""The files of a store: the database, the workers' audit chains beside it, the mirrored heads."""

from pathlib import Path

from fhir_server.store.backups import make_folder


class Files:
    """Where everything of the store at `database` lies."""

    def __init__(self, database: Path, heads: Path | None = None) -> None:
        self.database = database.resolve()
        self.audit = self.database.with_name(self.database.name + ".audit")
        self.heads = (heads or self.database.with_name(self.database.name + ".heads")).resolve()

    def make_folders(self) -> None:
        """Make the folders that are missing, for their owner only."""
        for folder in (self.database.parent, self.audit, self.heads):
            make_folder(folder)
