"""The virtual camera: a process of its own holds the device, so that a meeting keeps its picture when Mien does not.

`sink` is the live path's end and `holder` the process; `link` is what they say to each other, `formats` the pixels
that the device takes, `device` the camera itself, `driver` what has to be installed for it.
"""
