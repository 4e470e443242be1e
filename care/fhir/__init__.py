"""FHIR R4: what leaves Balise for other systems, and a checker of it."""
