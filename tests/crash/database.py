"""A replica set of three, whose members are killed and come back."""

import random
from pathlib import Path

from tests.mongod import Mongod, await_primary, binary, initiate, url_of

TROUBLES = ("server", "primary", "all")
"""The server is killed; the primary is killed and another takes over; all members are killed."""


class Database:
    """Three mongod processes on the loopback address, one replica set."""

    def __init__(self, folder: Path, members: int = 3) -> None:
        self.folder = folder
        self.members = [Mongod(binary(), folder / f"member-{number}") for number in range(members)]
        initiate(self.members)
        self.struck: list[str] = []

    @property
    def url(self) -> str:
        """The URL of the store on it."""
        return url_of(self.members, "record")

    @property
    def settings(self) -> tuple[tuple[str, str], ...]:
        """The settings of a server on it."""
        return (("FHIR_AUDIT_HEADS", str(self.folder / "heads")),)

    def strike(self, choice: random.Random) -> bool:
        """Do the next trouble, each kind in turn; False where it is the server that must be killed."""
        trouble = TROUBLES[len(self.struck) % len(TROUBLES)]
        self.struck.append(trouble)
        if trouble == "primary":
            await_primary(self.members).kill()
        elif trouble == "all":
            for member in choice.sample(self.members, len(self.members)):
                member.kill()
        return trouble != "server"

    def recover(self) -> None:
        """Start the members that were killed, and wait for a primary."""
        for member in self.members:
            if member.process is None:
                member.start()
        await_primary(self.members)

    def stop(self) -> None:
        """End all members."""
        for member in self.members:
            member.kill()
