"""The invisible mark: a public pattern in the luma that says "synthetic", and of which session. Knows no engine.

    layout    where the chips lie on a frame of any size
    coding    64 bits to 288 code bits and back, with a check that refuses what was not sent
    payload   what the 64 bits mean
    session   the random identity of one run, which only its owner can open
    embed     the pattern of a payload, and adding it to a frame

The pattern and the code are public: anyone can find the mark, and anyone who means to can copy or subtract it. It says
"this mark is present", never "this is authentic", and its absence says nothing.
"""
