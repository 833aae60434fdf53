"""Skin: its tone, its maps in texture space, make-up."""
