"""Is this a server on which the store can stand? Every refusal names what to do.

https://www.mongodb.com/docs/manual/core/transactions-production-consideration/
"""

import logging
from collections.abc import Iterable, Mapping
from ipaddress import ip_address
from typing import Any

from pymongo.errors import ConfigurationError, OperationFailure, PyMongoError

from fhir_server.store.mongodb.connection import Client
from fhir_server.store.mongodb.own_mongod import OWN_SET
from fhir_server.store.options import StoreRefused

LEAST_VERSION = (6, 0)
HISTORY_SECONDS = 300
"""How long a server keeps history by default"""

_FIXED = {(8, 2): 3, (8, 0): 17, (7, 0): 28, (6, 0): 27}
"""CVE-2025-14847 lets anybody who reaches the port read the server's memory. Where each series has it mended; what is
newer than all of them never had it, and any other series stays as it is."""
_NEWEST = max(_FIXED)

_NOT_ALLOWED = 13
"""Unauthorized"""

_log = logging.getLogger(__name__)


async def check_server(client: Client) -> int:
    """How many seconds the server keeps history. Raises `StoreRefused` for one that cannot be used, or not safely.

    The age of a server that tests or the demonstration have started is no matter while only this machine reaches it.
    """
    try:
        hello = await client.admin.command("hello")
    except ConfigurationError as error:
        raise StoreRefused(f"the database cannot be used with this URL: {error}") from error
    except OperationFailure as error:
        raise StoreRefused("the database refuses this user: check the name, the password and authSource") from error
    except PyMongoError as error:
        raise StoreRefused("the database cannot be reached: is it running, and is its URL right?") from error
    loopback = only_loopback(host for host, _ in client.nodes)
    _require_transactions(hello)
    build = await client.admin.command("buildInfo")
    require_version(tuple(build["versionArray"]), exempt=loopback and hello.get("setName") == OWN_SET)
    await _require_feature_version(client)
    if not loopback:
        await _require_authentication(client)
    await _require_durable_writes(client, hello)
    return await _history_seconds(client)


def refused(error: PyMongoError, database: str) -> StoreRefused:
    """What is said of an error that ends a start."""
    if isinstance(error, OperationFailure) and error.code == _NOT_ALLOWED:
        return StoreRefused(
            f"the user that FHIR_STORE names may not do what the store needs: give it `readWrite` on {database}, and"
            " `clusterMonitor` on admin"
        )
    return StoreRefused(f"the database refuses what the store needs ({type(error).__name__})")


def only_loopback(hosts: Iterable[str]) -> bool:
    """Whether all of these hosts are this machine by the loopback address, or a socket file."""
    return all(map(_is_loopback, hosts))


def _is_loopback(host: str) -> bool:
    if host == "localhost" or host.endswith(".sock"):
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def _require_transactions(hello: Mapping[str, Any]) -> None:
    if "setName" in hello or hello.get("msg") == "isdbgrid":
        return
    if hello.get("isreplicaset"):
        raise StoreRefused(
            "the MongoDB server is meant for a replica set that has not been begun: run"
            " `mongosh --eval 'rs.initiate()'` on it once"
        )
    raise StoreRefused(
        "the MongoDB server stands alone, and every write here needs a transaction: start it with `--replSet rs0`"
        " (or `replication.replSetName: rs0` in mongod.conf), then run `mongosh --eval 'rs.initiate()'` once"
    )


def require_version(version: tuple[int, ...], *, exempt: bool) -> None:
    """Raise `StoreRefused` for a version of the server that is too old or has a hole that is being used."""
    series, release = (version[0], version[1]), version[2]
    named = ".".join(map(str, version[:3]))
    if series < LEAST_VERSION:
        raise StoreRefused(f"MongoDB {named} is too old: use 6.0.27, 7.0.28, 8.0.17, 8.2.3 or later")
    if exempt or series > _NEWEST or release >= _FIXED.get(series, release + 1):
        return
    raise StoreRefused(
        f"MongoDB {named} lets anybody who reaches it read its memory (CVE-2025-14847): update to 6.0.27, 7.0.28,"
        " 8.0.17, 8.2.3 or later"
    )


async def _require_feature_version(client: Client) -> None:
    try:
        answer = await client.admin.command("getParameter", 1, featureCompatibilityVersion=1)
    except OperationFailure:
        return  # a mongos has none, and some users may not ask; the shards are of the server's version
    version = answer["featureCompatibilityVersion"]["version"]
    if tuple(map(int, version.split("."))) < LEAST_VERSION:
        raise StoreRefused(
            f"the database is still in the mode of version {version}: run"
            " `db.adminCommand({setFeatureCompatibilityVersion: '6.0'})`"
        )


async def _require_authentication(client: Client) -> None:
    status = await client.admin.command("connectionStatus")
    if not status["authInfo"]["authenticatedUsers"]:
        raise StoreRefused(
            "the database is on the network and asks nobody who they are: switch `security.authorization` on, make a"
            " user for this server, and put its name and password into the URL"
        )


async def _require_durable_writes(client: Client, hello: Mapping[str, Any]) -> None:
    """A set with an arbiter has too few copies: where one member fails, either nothing can be written for good, or
    what was acknowledged can be lost."""
    if hello.get("arbiters"):
        raise StoreRefused(
            "the replica set has an arbiter, so what it acknowledges may be on one machine only: use three members"
            " with data (`rs.remove` the arbiter, then `rs.add` a member)"
        )
    try:
        default = await client.admin.command("getDefaultRWConcern")
    except OperationFailure:
        return  # not everybody may ask; every write here names its own concern
    if default.get("defaultWriteConcern", {}).get("w") in (0, 1):
        raise StoreRefused(
            "writes count as done here when one machine has them: run `db.adminCommand({setDefaultRWConcern: 1,"
            " defaultWriteConcern: {w: 'majority'}})`"
        )


async def _history_seconds(client: Client) -> int:
    name = "minSnapshotHistoryWindowInSeconds"
    try:
        answer = await client.admin.command({"getParameter": 1, name: 1})
    except OperationFailure:
        _log.info("how long the database keeps history may not be asked; taken for %d seconds", HISTORY_SECONDS)
        return HISTORY_SECONDS
    return int(answer[name])
