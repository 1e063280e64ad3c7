"""FHIR XML in and out. Inside the server a resource is JSON: XML is read into it at the door, and written from it.

`reader.parse` makes of a body what `model.json.parse` makes of one in JSON; `writer.write` makes XML of a stored text.
`elements.py` holds what both take from the definitions. https://hl7.org/fhir/R4/xml.html
"""
