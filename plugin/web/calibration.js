// Calibration on the running camera: prompts come with the status.

import { call, find } from "./api.js";
import { attempt, say } from "./toast.js";

export class Calibration {
  #on = false;

  constructor(connection) {
    find("calibrate").addEventListener("click", () => attempt(call("POST", "/api/calibration", { on: !this.#on })));
    find("calibration-remove").addEventListener("click", () => connection.send({ type: "change", settings: { calibration: null } }));
  }

  show({ calibration, settings }) {
    const { on, prompt, left_s: left, problem, done } = calibration;
    if (this.#on && !on && done) say("Calibrated. It is used from now on.");
    this.#on = on;
    find("calibrate").textContent = on ? "Cancel" : settings.calibration ? "Calibrate again" : "Calibrate";
    find("calibration-remove").hidden = on || !settings.calibration;
    find("calibration-state").textContent = on ? "running" : settings.calibration ? "yours" : "not yet";
    const text = on ? [prompt && `${prompt} (${Math.ceil(left)} s)`, problem].filter(Boolean).join(" ") : problem;
    find("calibration-prompt").hidden = !text;
    if (find("calibration-prompt").textContent !== text) find("calibration-prompt").textContent = text;
  }
}
