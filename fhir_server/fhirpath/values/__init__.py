"""The values of FHIRPath: what they are, when they are equal, which is greater, what they convert to.

Pure functions on items and on what they hold; no closures and no surroundings. Imports: `fhirpath.env`, `.errors`,
`terminology.ucum`.
"""
