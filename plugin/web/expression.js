// Sliders that change the persona's expression: strength of what the face does, and something added to it.

import { find } from "./api.js";

// The words that the server knows; "all" comes first, so that what follows it may differ.
const GROUPS = [
  ["all", "Everything"], ["smile", "Smile"], ["brows", "Brows"], ["blink", "Blinks"], ["jaw", "Jaw"], ["pucker", "Pucker"],
];
const KINDS = [
  { name: "strength", min: 0, max: 2, rest: 1, write: (value) => `${value}x`, say: (value) => `${value.toFixed(2)}×` },
  {
    name: "added", min: -0.5, max: 0.5, rest: 0, write: (value) => `${value < 0 ? "" : "+"}${value}`,
    say: (value) => `${value < 0 ? "−" : "+"}${Math.abs(value).toFixed(2)}`,
  },
];
const SETTLED_MS = 1500;
const PART = /^(\w+)=([+-]?[\d.]+)(x?)$/;

function isPart(part, word, kind) {
  const found = PART.exec(part);
  return found !== null && found[1] === word && (found[3] === "x") === (kind.name === "strength");
}

// The fieldset as a line of `mien run --edit`.
export class Expression {
  constructor(onChange) {
    this.sliders = [];
    // The parts of the line in their order: what comes later wins, and what the page has no slider for stays.
    this.parts = [];
    this.text = "";
    this.changedAt = -Infinity;
    for (const [word, label] of GROUPS) {
      const row = document.createElement("div");
      row.className = "row";
      const name = document.createElement("b");
      name.textContent = label;
      row.append(name);
      // Adding to everything would open the mouth and shut the eyes at once.
      for (const kind of KINDS.slice(0, word === "all" ? 1 : 2)) row.append(this.#slider(word, label, kind));
      find("expression-rows").append(row);
    }
    this.gaze = find("gaze-camera");
    const changed = () => {
      this.text = this.parts.join(",");
      this.changedAt = performance.now();
      this.#describe();
      onChange(this.text);
    };
    find("expression-rows").addEventListener("input", ({ target }) => {
      this.#set(this.sliders.find(({ input }) => input === target));
      changed();
    });
    this.gaze.addEventListener("change", () => {
      this.parts = this.parts.filter((part) => part !== "gaze=camera");
      if (this.gaze.checked) this.parts.push("gaze=camera");
      changed();
    });
    find("expression-reset").addEventListener("click", () => {
      this.#write("");
      changed();
    });
  }

  // Show what the live path does; `able`: whether the running engine can change an expression.
  show(text, able) {
    find("expression-fields").disabled = !able;
    find("expression-text").textContent = able ? this.text : "a trained network can change it";
    // Numbers that were on their way when a slider moved must not put it back.
    if (text === this.text || !able || performance.now() - this.changedAt < SETTLED_MS) return;
    this.#write(text);
    this.text = text;
    this.#describe();
  }

  #slider(word, label, kind) {
    const holder = document.createElement("label");
    const input = document.createElement("input");
    const output = document.createElement("output");
    output.setAttribute("aria-live", "off");
    Object.assign(input, { type: "range", min: kind.min, max: kind.max, step: 0.05, value: kind.rest });
    input.setAttribute("aria-label", `${label}, ${kind.name}`);
    holder.append(kind.name, input, output);
    this.sliders.push({ word, kind, input, output });
    output.textContent = kind.say(kind.rest);
    return holder;
  }

  // Put a slider's value where its part stands in the line, or at its end; at rest it has no part.
  #set({ word, kind, input }) {
    const at = this.parts.findIndex((part) => isPart(part, word, kind));
    const part = `${word}=${kind.write(input.valueAsNumber)}`;
    const made = input.valueAsNumber === kind.rest ? [] : [part];
    this.parts.splice(at < 0 ? this.parts.length : at, at < 0 ? 0 : 1, ...made);
  }

  #write(text) {
    this.parts = text.split(",").map((part) => part.replace(/\s+/g, "")).filter(Boolean);
    this.gaze.checked = this.parts.includes("gaze=camera");
    for (const { word, kind, input } of this.sliders) {
      const part = this.parts.findLast((each) => isPart(each, word, kind));
      input.value = part ? Number(PART.exec(part)[2]) : kind.rest;
    }
  }

  #describe() {
    for (const { kind, input, output } of this.sliders) {
      const said = kind.say(input.valueAsNumber);
      if (output.textContent !== said) output.textContent = said;
      input.setAttribute("aria-valuetext", said);
    }
    find("expression-text").textContent = this.text;
  }
}
