"""The decision of one request: who asks, what their session may see, and why; and the policy of `--auth off`.

A policy that cannot decide must raise: there is no value for "undecided", and `deny_everything` stands where none was
chosen.
"""

from dataclasses import dataclass
from functools import lru_cache
from ipaddress import ip_address
from typing import Literal, Protocol

from fhir_server.outcome import Forbidden
from fhir_server.request import Origin
from fhir_server.store.access import EVERYTHING, AccessFilter

CallerKind = Literal["unnamed", "person", "system"]


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks, as the audit names them. `id` is unique among callers; `unnamed` is somebody who did not sign in."""

    id: str
    name: str
    kind: CallerKind


@dataclass(frozen=True, slots=True)
class Access:
    """A decision to let a request through, within `filter`.

    `purpose` is a code of http://terminology.hl7.org/CodeSystem/v3-ActReason; `reason` says in a sentence which rule
    let it through. Both are for the audit and never for the caller. `operator`: the caller runs this server, and may be
    told how it works (`_explain`), which counts also what the filter hides.
    """

    caller: Caller
    filter: AccessFilter
    purpose: str
    reason: str
    operator: bool = False


class Decide(Protocol):
    """A policy: called once for each request and once for each entry of a Bundle."""

    def __call__(self, interaction: str, type: str | None, origin: Origin, /) -> Access:
        """The access to do `interaction` (a code such as `search-type`) on a resource type, None for the whole system.

        Raises `Forbidden` where the caller's rights never allow it, `Unauthenticated` where who asks must be known.
        """


def deny_everything(interaction: str, type: str | None, origin: Origin, /) -> Access:
    """The policy where none was chosen: nobody may do anything."""
    raise Forbidden("No access policy is set on this server.")


def loopback_access(interaction: str, type: str | None, origin: Origin, /) -> Access:
    """The policy of `--auth off`: whoever is on this machine may do everything, without a name.

    The server then listens on loopback only; should a request reach it from elsewhere all the same, it is refused here.
    What is not an address is refused too. A request that came over no network (a load from the command line) has none.
    """
    if origin.network_address is not None and not _is_loopback(origin.network_address):
        raise Forbidden("Sign-in is off on this server: only requests from the machine itself are answered.")
    return _LOOPBACK


_LOOPBACK = Access(
    caller=Caller(id="local", name="Unnamed caller on this machine", kind="unnamed"),
    filter=EVERYTHING,
    purpose="SYSADMN",
    reason="sign-in is off: every request from this machine is allowed",
    operator=True,
)


@lru_cache(maxsize=1024)
def _is_loopback(address: str) -> bool:
    """Whether this is an address of the machine itself; what is no address is not one of them."""
    try:
        parsed = ip_address(address)
    except ValueError:
        return False
    mapped = getattr(parsed, "ipv4_mapped", None)
    return (mapped or parsed).is_loopback
