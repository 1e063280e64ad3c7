"""`_contained`: which resources inside those that were found were searched for. https://hl7.org/fhir/R4/search.html#contained"""

from typing import Any

from fhir_server.interactions.bundles import match_entry
from fhir_server.interactions.context import Context
from fhir_server.model.json import dump, parse
from fhir_server.search.contained import Contained
from fhir_server.store.criteria import AllOf
from fhir_server.store.matching import Row, matches
from fhir_server.store.values import Version


def contained_entries(context: Context, contained: Contained, version: Version) -> list[bytes]:
    """The entries that a found resource stands for: itself, or the contained resources that match, each under the
    address of its container with its own id as the fragment."""
    assert version.body is not None
    base = context.server.base_url
    itself = contained.both and version.type == contained.type and _matches_itself(context, contained, version)
    entries = [match_entry(base, version, version.body)] if contained.returns == "container" or itself else []
    if contained.returns == "contained":
        data = parse(version.body, max_bytes=len(version.body)).data
        for each in data.get("contained", ()):
            if each.get("resourceType") == contained.type and _matches(context, contained, each):
                entries.append(match_entry(base, version, dump(each), part=f"#{each.get('id', '')}"))
    return entries


def _matches_itself(context: Context, contained: Contained, version: Version) -> bool:
    assert version.body is not None
    return _matches(context, contained, parse(version.body, max_bytes=len(version.body)).data)


def _matches(context: Context, contained: Contained, data: dict[str, Any]) -> bool:
    entries = context.server.indexer.entries(data)
    return matches(AllOf(contained.criteria), Row(contained.type, str(data.get("id", "")), 0, entries))
