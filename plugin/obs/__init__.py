"""Mien in OBS Studio: installed, watched and measured through obs-websocket, so that OBS's own Python is not needed."""
