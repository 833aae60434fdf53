"""Content credentials (C2PA): what Mien writes into every file about how it was made, signed."""
