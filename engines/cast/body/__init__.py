"""The body of a synthetic person: geometry from `anny`, its facial actions, its pose, its landmarks."""
