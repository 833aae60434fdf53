"""The numbers of `mien.engines.mesh.light`, for whatever carries light over. Needs NumPy alone."""

from __future__ import annotations

import numpy as np

#: Blur over the face's width. Smaller would copy the driver's nose and brows as shadows.
SIGMA = 0.11
#: Working width of the face, px: shading has no detail worth more. At 56 px gains differ by 0.5 %, and take twice the
#: time.
WORK_PX = 32.0
#: Bounds of the gain.
LEAST, MOST = 0.5, 1.7
#: Share of the light's change of colour across the face that is taken over, and its bound (logarithm): lightened by
#: brightness alone, a dark skin turns orange on the lit side, and a lamp's tint stays away.
CHROMA, MOST_CHROMA = 0.7, 0.2
#: A pixel this dark against the skin around it is hair or paint; from the second share on it is skin.
HAIR, SKIN = 0.65, 0.85
LUMA = np.array([0.114, 0.587, 0.299], np.float32)
#: Added to both luminances (0..255), so that noise in the dark does not become light.
FLOOR = 8.0
