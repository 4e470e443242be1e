"""What a clinician acts on: rules, metrics, pathways, pages."""
