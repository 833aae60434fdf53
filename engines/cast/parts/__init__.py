"""What is drawn besides the skin: hair, brows, lashes, beards, teeth, glasses, headsets, objects before the face."""
