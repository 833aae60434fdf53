"""Light, backgrounds, and what a webcam does to a picture."""
