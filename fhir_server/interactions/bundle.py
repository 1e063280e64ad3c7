"""batch and transaction: what is posted to the base. https://hl7.org/fhir/R4/http.html#transaction"""

from fhir_server.interactions.batch import run_batch
from fhir_server.interactions.bundle_entries import read_bundle
from fhir_server.interactions.context import Context, Interaction
from fhir_server.interactions.transaction import run_transaction
from fhir_server.request import FhirResponse


async def _run(context: Context) -> FhirResponse:
    """The type of the Bundle says which of the two it is."""
    bundle = read_bundle(context)
    context.decide(bundle.type, None)
    context.session.known_as(bundle.type)
    if bundle.type == "batch":
        return await run_batch(context, bundle)
    return await run_transaction(context, bundle)


BATCH = Interaction("batch", "system", (), "E", changes=True, run=_run)
TRANSACTION = Interaction("transaction", "system", (("POST", ()),), "E", changes=True, run=_run)
