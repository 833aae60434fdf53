"""What a file says about itself: signed, marked, signals."""
