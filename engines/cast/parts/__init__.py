"""What is drawn besides the skin: hair, brows, lashes, beards, teeth, glasses, headsets, and objects before the face."""
