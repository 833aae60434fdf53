"""Looking at a finished picture or video: what is signed, what is marked, what is only a signal."""
