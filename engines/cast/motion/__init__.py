"""What a person does: speech, blinks, gaze, emotion, the head."""
