"""Recomputing every audit chain, and comparing it with its mirrored head and with the checkpoints of other chains."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from pymongo.errors import PyMongoError

from fhir_server.store.chain import EMPTY, HeadFile, Link, is_of_commits, mirrored_chains, split_patients
from fhir_server.store.chain_walk import Walk, head_faults, read_mirror, tied_by, tied_faults
from fhir_server.store.mongodb.audit.links import COMMITS, entry_id
from fhir_server.store.mongodb.collections import AUDIT
from fhir_server.store.mongodb.connection import MAJORITY, Database, refusal
from fhir_server.store.values import ChainReport

BATCH = 1_000

Document = Mapping[str, Any]


async def verify_chains(database: Database, heads: Path) -> list[ChainReport]:
    """One report for each chain that there is, or that something says there is."""
    try:
        mirrored = mirrored_chains(heads)
        audit = database.get_collection(AUDIT, read_concern=MAJORITY)
        known = {*map(str, await audit.distinct("c")), *mirrored}
        own = sorted((name for name in known if name.startswith(COMMITS)), key=_place)
        done = [await _verified(database, name, HeadFile(heads, name), {}, name in mirrored) for name in own]
        # Those of another kind of store, from which the record came: what ties others first.
        tied = tied_by(walk for walk, _ in done)
        for name in sorted(filter(is_of_commits, {*known, *tied} - {*own}), key=_place):
            done.append(await _verified(database, name, HeadFile(heads, name), tied.get(name, {}), name in mirrored))
            own.append(name)
        tied = tied_by(walk for walk, _ in done)
        others = sorted({*known, *tied} - {*own}, key=_place)
        done += [
            await _verified(database, name, HeadFile(heads, name), tied.get(name, {}), name in mirrored)
            for name in others
        ]
    except PyMongoError as error:
        raise refusal(error) from error
    return [report for _, report in done]


def _place(name: str) -> tuple[str, int, str]:
    """Sorts chains by kind and number."""
    number = name[1:]
    return name[:1], int(number) if number.isascii() and number.isdigit() else -1, name


async def _verified(
    database: Database, name: str, mirror: HeadFile, tied: Mapping[int, str], is_mirrored: bool
) -> tuple[Walk, ChainReport]:
    """Walk along one chain. `tied` are the hashes that checkpoints elsewhere say its entries have. A head that this
    machine has not mirrored says nothing: the chain is another machine's."""
    walk = Walk()
    head, fault = read_mirror(mirror) if is_mirrored else (None, None)
    wanted = tied if head is None or head == EMPTY else {**tied, head.sequence: ""}
    audit = database.get_collection(AUDIT, read_concern=MAJORITY)
    batch: list[Link] = []
    async for document in audit.find({"c": name}, sort=[("n", 1)], hint="chain", batch_size=BATCH):
        if walk.verification.fault is not None:
            break
        batch.append(_link(name, document))
        if len(batch) >= BATCH:
            walk.take(batch, wanted)
            batch = []
    walk.take(batch, wanted)
    faults: Iterable[tuple[str, int | None]] = (*head_faults(walk, head, fault), *tied_faults(walk, tied))
    return walk, walk.report(name, faults)


def _link(name: str, document: Document) -> Link:
    """The link that a document should be, whatever somebody may have put there: one that says or is found by something
    else than what was written gets a hash that is none."""
    number, patients = document.get("n"), _texts(document.get("p"))
    named = "\n".join(patients or ())
    sound = (
        isinstance(number, int)
        and document["_id"] == entry_id(name, number)
        and patients == split_patients(named)
        and isinstance(document.get("h"), bytes)
        and isinstance(document.get("b"), bytes)
    )
    sequence = number if isinstance(number, int) else -1
    body, digest = document.get("b"), document.get("h")
    return Link(
        sequence, document.get("k", -1), document.get("u", 0), named, body or b"", digest if sound and digest else b""
    )


def _texts(value: Any) -> tuple[str, ...] | None:
    """The texts in a list of texts; None for anything else."""
    return tuple(value) if isinstance(value, list) and all(isinstance(each, str) for each in value) else None
