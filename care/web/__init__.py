"""Clinician pages: server-drawn, no JavaScript but for passkeys, no outside host."""
