"""The encoder/decoder swap network: what it reads, what it is, how it is trained, exported and played."""
