"""What the GP practice of a resident holds, as its system sends it: a GP Connect structured record (STU3).

The demo's main job is shown with it: the document goes through the mapper like one from outside. Shapes are those of
the GP Connect data model; everything in them is made up. `document.py` puts a record together; the other files hold the
parts of one kind. https://simplifier.net/guide/gpconnect-data-model
"""

from fhir_server.demo.gp_record.document import gp_document

__all__ = ["gp_document"]
