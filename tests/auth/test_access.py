"""The access decision: what `--auth off` allows, to whom, and that no policy means no access."""

from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from auth.access import Access, Caller, Decide, deny_everything, loopback_access
from fhir_server.outcome import Forbidden, status_of
from fhir_server.request import Origin
from fhir_server.store.access import EVERYTHING

POLICIES: tuple[Decide, ...] = (deny_everything, loopback_access)


def origin(address: str | None) -> Origin:
    return Origin(request_id="r-1", network_address=address)


@pytest.mark.parametrize("address", ["127.0.0.1", "127.8.9.10", "::1", "::ffff:127.0.0.1", None])
@pytest.mark.parametrize(
    ("interaction", "type"), [("read", "Patient"), ("transaction", None), ("delete", "AuditEvent")]
)
def test_with_sign_in_off_everything_is_allowed_on_this_machine(
    address: str | None, interaction: str, type: str | None
) -> None:
    assert loopback_access(interaction, type, origin(address)) == Access(
        caller=Caller(id="local", name="Unnamed caller on this machine", kind="unnamed"),
        filter=EVERYTHING,
        purpose="SYSADMN",
        reason="sign-in is off: every request from this machine is allowed",
        operator=True,
    )


@pytest.mark.parametrize(
    "address",
    ["192.168.1.20", "10.0.0.1", "0.0.0.0", "::", "fe80::1", "::ffff:10.0.0.1", "localhost", "testclient", ""],
)
def test_with_sign_in_off_nobody_else_is_answered(address: str) -> None:
    with pytest.raises(Forbidden) as refusal:
        loopback_access("read", "Patient", origin(address))
    assert status_of(refusal.value) == 403
    (issue,) = refusal.value.issues
    assert (issue.code, issue.severity) == ("forbidden", "error")
    assert address == "" or address not in issue.diagnostics


@given(st.ip_addresses())
def test_only_loopback_addresses_pass(address: IPv4Address | IPv6Address) -> None:
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    own = (mapped or address) in ip_network("127.0.0.0/8") or address == ip_address("::1")
    if own:
        assert loopback_access("read", "Patient", origin(str(address))).filter is EVERYTHING
    else:
        with pytest.raises(Forbidden):
            loopback_access("read", "Patient", origin(str(address)))


@given(st.text(max_size=20), st.none() | st.text(max_size=20), st.none() | st.just("127.0.0.1"))
def test_without_a_policy_nobody_may_do_anything(interaction: str, type: str | None, address: str | None) -> None:
    with pytest.raises(Forbidden, match="No access policy is set"):
        deny_everything(interaction, type, origin(address))


@pytest.mark.parametrize("policy", POLICIES)
def test_no_policy_answers_with_anything_but_an_access_or_a_refusal(policy: Decide) -> None:
    try:
        decided = policy("read", "Patient", origin("127.0.0.1"))
    except Forbidden:
        return
    assert isinstance(decided, Access)
    assert decided.reason
    assert decided.caller.id


def test_a_decision_cannot_be_changed_afterwards() -> None:
    decided = loopback_access("read", "Patient", origin(None))
    for value, name in ((decided, "filter"), (decided.caller, "id")):
        with pytest.raises(AttributeError):
            setattr(value, name, "other")
