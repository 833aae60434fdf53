// The personas: portraits, kinds, and which one is worn.

import { call, find, make } from "./api.js";
import { attempt, complain, say } from "./toast.js";

const RESTS_MS = 80;
const KINDS = { synthetic: "Synthetic", consented: "Consented" };

function remark(card) {
  if (card.state !== "ready") return card.problem;
  const until = card.valid_until ? `until ${card.valid_until}` : "";
  return [KINDS[card.kind] ?? card.kind, until, card.trained ? "trained" : ""].filter(Boolean).join(", ");
}

export class Gallery {
  #buttons = new Map();
  #worn = "";
  #switching = "";
  #wanted = "";
  /** Called when the cards are there. */
  onloaded = () => {};

  constructor(connection) {
    this.connection = connection;
  }

  async load() {
    const cards = await attempt(call("GET", "/api/personas"));
    if (!cards) return;
    this.#buttons = new Map(cards.map((card) => [card.name, this.#button(card)]));
    find("gallery").replaceChildren(...[...this.#buttons.values()].map((button) => make("li", {}, button)));
    this.#mark();
    this.onloaded();
  }

  show({ settings, switching }) {
    if (this.#wanted && settings.persona === this.#wanted && !switching) {
      say(`The persona is ${settings.persona} now.`);
      complain("");
      this.#wanted = "";
    }
    if (switching && switching !== this.#switching) say(`Loading ${switching}. The show goes on with ${settings.persona}.`);
    this.#worn = settings.persona;
    this.#switching = switching;
    this.#mark();
  }

  #button(card) {
    const picture = card.state === "ready" ? make("img", { src: card.portrait, alt: "", loading: "lazy" }) : make("span", { className: "none" });
    const name = make("b", { textContent: card.name });
    const button = make("button", { type: "button", className: "card", title: card.description }, picture, name, make("small", { textContent: remark(card) }));
    button.disabled = card.state !== "ready";
    button.dataset.ready = String(card.state === "ready");
    button.dataset.persona = card.name;
    // Whom the pointer or the focus rests on may be chosen next: ready by then, they are worn with the next picture.
    let rests = 0;
    const leave = () => clearTimeout(rests);
    const rest = () => {
      leave();
      rests = setTimeout(() => card.name !== this.#worn && this.connection.send({ type: "prepare", persona: card.name }), RESTS_MS);
    };
    for (const name of ["pointerenter", "focus"]) button.addEventListener(name, rest);
    for (const name of ["pointerleave", "blur", "click"]) button.addEventListener(name, leave);
    button.addEventListener("click", () => {
      this.#wanted = card.name;
      this.connection.send({ type: "change", settings: { persona: card.name } });
    });
    return button;
  }

  #mark() {
    for (const [name, button] of this.#buttons) {
      button.setAttribute("aria-pressed", String(name === this.#worn));
      button.classList.toggle("busy", name === this.#switching);
    }
  }
}
