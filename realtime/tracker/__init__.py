"""Faces found and followed: MediaPipe's landmarks, smoothed, with stable ids; who is swapped, who is covered."""
