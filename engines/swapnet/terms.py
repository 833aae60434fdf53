"""What all who play or train the network agree on, whatever it runs on. Needs no library."""

from __future__ import annotations

from typing import Final

#: Side of the square that the network sees and paints, over the canonical face's height.
MARGIN: Final = 1.3
#: Side of what the encoder sees, and of its map of what is before the face, px.
SEEN_PX: Final = 128
FRONT_PX: Final = 64
#: Weights with fewer numbers are kept in float32: biases cost nothing and matter.
LEAST_HALVED: Final = 2048
#: Sides of the crops that samples are stored in, px: drivers' with room around what the network sees, and personas'.
DRIVER_PX, PERSONA_PX = 160, 256
#: Share up to which something is surely not in front of the face, and from which it surely is: in between a doubt is a
#: soft edge, and elsewhere no ghost of the driver may shine through.
SURE: Final = (0.4, 0.7)
#: Of a face of which more is covered nothing is shown anew: the last picture is held, and then the slate.
MOST_IN_FRONT: Final = 0.5
#: Width of a face in the square, share of its side.
FACE_SHARE: Final = 0.62
