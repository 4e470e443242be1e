"""Clinician pages: server-drawn, no JavaScript, nothing from an outside host."""
