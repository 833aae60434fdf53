// Source, outputs, engine, mode, background, morph, colour, badge and slate: each a piece of the settings, changed while it runs.

import { call, find, make } from "./api.js";
import { attempt, say } from "./toast.js";

const SETTLED_MS = 1500;
// Sliders from nothing to all.
const SHARES = ["colour", "morph"];

/** Set a control to what runs, but not while somebody is at it. */
function follow(control, value) {
  if (document.activeElement !== control || control.type === "checkbox") control.value = value;
}

function describe(name) {
  const said = `${Math.round(find(name).valueAsNumber * 100)} %`;
  find(`${name}-text`).textContent = said;
  find(name).setAttribute("aria-valuetext", said);
}

export class Choices {
  #connection;
  #devices = { sources: [], sinks: [] };
  #settings = null;
  #slidAt = -Infinity;
  /** Called when there is something new to choose from. */
  onloaded = () => {};

  constructor(connection) {
    this.#connection = connection;
    const change = (settings) => connection.send({ type: "change", settings });
    find("source").addEventListener("change", ({ target }) => change({ source: target.value }));
    find("source").addEventListener("focus", () => this.load());
    find("address-form").addEventListener("submit", (event) => {
      event.preventDefault();
      if (find("address").value) change({ source: find("address").value.trim() });
    });
    find("engine-kind").addEventListener("change", ({ target }) => change({ engine: target.value }));
    find("mode").addEventListener("change", ({ target }) => change({ mode: target.value }));
    find("background").addEventListener("change", ({ target }) => change({ background: target.value }));
    find("corner").addEventListener("change", ({ target }) => change({ badge: { corner: target.value } }));
    for (const name of SHARES) {
      find(name).addEventListener("input", () => {
        this.#slidAt = performance.now();
        describe(name);
      });
      find(name).addEventListener("change", ({ target }) => change({ [name]: target.valueAsNumber }));
    }
    const plate = () => change({ badge: { plate: find("plate").value === "own" ? find("plate-colour").value : find("plate").value } });
    find("plate").addEventListener("change", ({ target }) => {
      find("plate-colour").hidden = target.value !== "own";
      plate();
    });
    find("plate-colour").addEventListener("change", plate);
    find("slate-file").addEventListener("change", async ({ target }) => {
      const [file] = target.files;
      if (file && (await attempt(call("PUT", "/api/slate/picture", file)))) say("That is your slate now.");
      target.value = "";
    });
    find("slate-remove").addEventListener("click", () => attempt(call("DELETE", "/api/slate/picture")));
    find("sinks").addEventListener("change", ({ target }) => {
      const others = this.#settings.sinks.filter((spec) => spec !== target.value);
      change({ sinks: target.checked ? [...others, target.value] : others });
    });
  }

  get sources() {
    return this.#devices.sources;
  }

  async load() {
    const devices = await attempt(call("GET", "/api/devices"));
    if (!devices) return;
    this.#devices = devices;
    this.#fill();
    this.onloaded();
  }

  show({ settings, source, sinks, engine = {} }) {
    this.#settings = settings;
    this.#fill();
    const kinds = find("engine-kind");
    // A run may have begun with a kind that is no choice of everybody's, as of an imported model.
    if (![...kinds.options].some(({ value }) => value === settings.engine)) kinds.add(new Option(settings.engine, settings.engine));
    follow(kinds, settings.engine);
    follow(find("mode"), settings.mode);
    follow(find("background"), settings.background);
    follow(find("corner"), settings.badge.corner);
    // Of an engine that is nowhere in between there is nothing to set.
    find("morph-field").hidden = typeof engine.morph !== "number";
    if (performance.now() - this.#slidAt > SETTLED_MS) {
      find("colour").value = settings.colour;
      find("morph").value = settings.morph ?? engine.morph ?? 1;
      SHARES.forEach(describe);
    }
    const own = settings.badge.plate.startsWith("#");
    follow(find("plate"), own ? "own" : settings.badge.plate);
    find("plate-colour").hidden = find("plate").value !== "own";
    if (own) follow(find("plate-colour"), settings.badge.plate.toLowerCase());
    find("slate-remove").hidden = !settings.slate;
    const size = source.width ? `${source.width}×${source.height} at ${source.fps?.toFixed?.(0) ?? "?"}` : "";
    find("source-state").textContent = [source.name, source.state, size].filter(Boolean).join(", ");
    find("source-state").dataset.state = source.state ?? "";
    for (const { value, state } of this.#boxes()) {
      const sink = sinks.find(({ name }) => name === value);
      const waits = sink?.state === "open" && sink.wanted === false;
      state.textContent = !sink ? "" : waits ? "on, nobody reads yet" : sink.state === "open" ? "on" : `${sink.state}: ${sink.last_error}`;
    }
  }

  #boxes() {
    return [...find("sinks").querySelectorAll("label")].map((label) => ({ value: label.dataset.value, state: label.querySelector("small") }));
  }

  #fill() {
    if (!this.#settings) return;
    const { source, sinks } = this.#settings;
    const choices = [...this.#devices.sources];
    if (!choices.some(({ value }) => value === source)) choices.unshift({ value: source, label: source === "camera" ? "First camera" : source, remark: "" });
    const select = find("source");
    const known = [...select.options].map(({ value }) => value).join("\n");
    if (known !== choices.map(({ value }) => value).join("\n")) {
      select.replaceChildren(...choices.map(({ value, label, remark }) => new Option(remark ? `${label} (${remark})` : label, value)));
      select.value = source;
    }
    follow(select, source);
    const lasting = sinks.filter((spec) => spec !== "preview");
    const outputs = [...this.#devices.sinks];
    for (const spec of lasting) if (!outputs.some(({ value }) => value === spec)) outputs.push({ value: spec, label: spec, remark: "" });
    const there = this.#boxes().map(({ value }) => value).join("\n");
    if (there !== outputs.map(({ value }) => value).join("\n")) {
      const legend = find("sinks").querySelector("legend");
      find("sinks").replaceChildren(legend, ...outputs.map((output) => this.#box(output)));
    }
    for (const box of find("sinks").querySelectorAll("input")) box.checked = sinks.includes(box.value);
  }

  #box({ value, label, remark }) {
    const box = make("input", { type: "checkbox", value, autocomplete: "off" });
    const text = make("span", {}, make("b", { textContent: label }), ` ${remark} `, make("small"));
    const holder = make("label", { className: "check" }, box, text);
    holder.dataset.value = value;
    return holder;
  }
}
