"""Experimental signals: numbers of a face over time, each with what bare faces gave. None of them is a verdict."""
