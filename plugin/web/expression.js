// Sliders that change the persona's expression: strength of what the face does, and something added to it.

const find = (id) => document.getElementById(id);

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
const PART = /^(\w+)=([+-]?[\d.]+)(x?)$/;

// The fieldset as a line of `mien run --edit`.
export class Expression {
  constructor(onChange) {
    this.sliders = [];
    // What the page has no slider for, such as a change given on the command line; it stays.
    this.others = [];
    this.text = "";
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
    this.changed = () => {
      this.text = this.#read();
      this.#describe();
      onChange(this.text);
    };
    find("expression-rows").addEventListener("input", this.changed);
    this.gaze.addEventListener("change", this.changed);
    find("expression-reset").addEventListener("click", () => {
      this.others = [];
      this.#write("");
      this.changed();
    });
  }

  // Show what the live path does; `able`: whether the running engine can change an expression.
  show(text, able) {
    find("expression-fields").disabled = !able;
    find("expression-text").textContent = able ? this.text : "needs a trained persona";
    if (text === this.text || !able || find("expression").querySelector("input:active")) return;
    this.#write(text);
    this.text = text;
    this.#describe();
  }

  #slider(word, label, kind) {
    const holder = document.createElement("label");
    const input = document.createElement("input");
    const output = document.createElement("output");
    Object.assign(input, { type: "range", min: kind.min, max: kind.max, step: 0.05, value: kind.rest });
    input.setAttribute("aria-label", `${label}, ${kind.name}`);
    holder.append(kind.name, input, output);
    this.sliders.push({ word, kind, input, output });
    output.textContent = kind.say(kind.rest);
    return holder;
  }

  #read() {
    const parts = this.sliders
      .filter(({ kind, input }) => input.valueAsNumber !== kind.rest)
      .map(({ word, kind, input }) => `${word}=${kind.write(input.valueAsNumber)}`);
    return [...parts, ...this.others, ...(this.gaze.checked ? ["gaze=camera"] : [])].join(",");
  }

  #write(text) {
    const parts = text.split(",").map((part) => part.trim()).filter(Boolean);
    for (const { kind, input } of this.sliders) input.value = kind.rest;
    this.gaze.checked = parts.includes("gaze=camera");
    this.others = parts.filter((part) => {
      if (part === "gaze=camera") return false;
      const [, word, value, times] = PART.exec(part) ?? [];
      const slider = this.sliders.find((each) => each.word === word && (each.kind === KINDS[0]) === (times === "x"));
      if (slider) slider.input.value = Number(value);
      return !slider;
    });
  }

  #describe() {
    for (const { kind, input, output } of this.sliders) output.textContent = kind.say(input.valueAsNumber);
    find("expression-text").textContent = this.text;
  }
}
