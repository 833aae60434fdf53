"""Where frames come from: cameras, files, streams, pictures, a test pattern."""
