"""Does stillness stay still, and does a blink survive? Judges the final output, tracked afresh without smoothing.

    python benchmarks/stillness.py [CLIP.mp4] [--persona amara] [--engine mesh] [--json OUT]

One decoded frame of the clip is repeated with Gaussian noise (sigma 4 of 255) as a webcam would add it. Jitter is the
root mean square, over landmarks and both axes, of the distance from the mean place, px, after the first second.
Flicker is the standard deviation of the face's blurred luma over the same frames, mean over the face, of 255. Then
the clip's own fastest blinks are compared: depth of the output's eyelid gap against the driver's.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from mien.engines.measure.final import frames_of, outputs, retracked
from mien.engines.measure.stillness import LEAST_BLINK, MOST_JITTER_PX, blink_depths, flicker, jitter_px, noisy
from mien.plugin.clip import driver_clip
from mien.plugin.machine import provenance

SCHEMA = 1


def main() -> None:
    """Measure and print both figures; exits with 1 when one is missed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("clip", nargs="?", type=Path, help="default: the shipped clip")
    parser.add_argument("--persona", default="amara")
    parser.add_argument("--engine", choices=("auto", "mesh", "swapnet"), default="auto")
    parser.add_argument("--frame", type=int, default=0, help="which frame stands still")
    parser.add_argument("--json", type=Path, help="file to write the numbers to")
    options = parser.parse_args()
    clip = options.clip or driver_clip()
    frames = list(frames_of(clip))
    still = noisy(frames[options.frame], count=90)
    shown = outputs(still, options.persona, engine=options.engine)[30:]
    jitter, bare = jitter_px(shown), jitter_px(still[30:])
    face = next(filter(None, retracked(still)), None)
    flickers = None if face is None else flicker(shown, face.landmarks)
    depths = blink_depths(frames, outputs(frames, options.persona, engine=options.engine))
    met = jitter <= MOST_JITTER_PX and (not depths or min(depths) >= LEAST_BLINK)
    print(f"{clip.name} as {options.persona}: jitter {jitter:.3f} px RMS (camera, unsmoothed: {bare:.3f})")
    print("no face to look for flicker in" if flickers is None else f"flicker {flickers:.3f} of 255")
    print("blinks keep " + (", ".join(f"{depth:.0%}" for depth in depths) or "nothing: the clip has no fast blink"))
    if options.json is not None:
        document = {
            "schema": SCHEMA,
            "question": "does stillness stay still, and does a blink survive",
            **provenance(),
            "clip": clip.name,
            "persona": options.persona,
            "engine": options.engine,
            "jitter_px": jitter,
            "flicker": flickers,
            "camera_jitter_px": bare,
            "blink_depths": depths,
            "met": met,
        }
        options.json.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")
    raise SystemExit(0 if met else 1)


if __name__ == "__main__":
    main()
