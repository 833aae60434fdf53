"""Persona packs: read, made, checked, found. A pack is untrusted until every byte of it is accounted for."""
