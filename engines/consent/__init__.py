"""Consent that is checked: the signed record, the keys that sign it, and what a pack is held against."""
