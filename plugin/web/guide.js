// The first run, step by step. Each step opens what it speaks of; nothing is done that the page could not do anyway.

import { call, find, make } from "./api.js";
import { attempt, say } from "./toast.js";

const DONE = "mien-guided";

export class Guide {
  #at = 0;
  #offered = false;
  #dialog = find("guide");

  constructor(connection, choices, gallery) {
    const change = (settings) => connection.send({ type: "change", settings });
    const button = (text, act) => {
      const made = make("button", { type: "button", className: "small", textContent: text });
      made.addEventListener("click", act);
      return made;
    };
    this.steps = [
      { title: "Your camera", text: "Which one shows you? The picture behind this window follows your choice.", body: () => choices.sources.map(({ value, label }) => button(label, () => change({ source: value }))) },
      { title: "Twenty seconds of your face", text: "Calibrate, so that rest is rest and a blink closes. You can do it later under Calibration.", body: () => [button("Calibrate now", () => this.#show("calibration", () => attempt(call("POST", "/api/calibration", { on: true }))))] },
      { title: "Who you want to be", text: "Choose a persona. Synthetic ones are nobody; a consented one is a person who signed for it.", body: () => [...find("gallery").querySelectorAll("[data-ready=true]")].map((card) => button(card.dataset.persona, () => change({ persona: card.dataset.persona }))) },
      { title: "Where it goes", text: "The virtual camera is one that Zoom, Teams and Discord can choose; OBS reads the other one.", body: () => [...find("sinks").querySelectorAll("input")].map((box) => button(box.parentElement.querySelector("b").textContent, () => !box.checked && box.click())) },
      { title: "Try it with the test picture", text: "A rendered face takes your place, so that you can set up your call or your scene before you are in it. Every picture carries its badge, now and later.", body: () => [button("Show the test picture", () => { change({ source: "pattern" }); say("Your audience sees the test picture."); })] },
    ];
    // What a step lists may come after the guide was opened.
    for (const each of [choices, gallery]) each.onloaded = () => this.#dialog.open && this.#go(this.#at, false);
    find("guide-open").addEventListener("click", () => this.open());
    find("guide-close").addEventListener("click", () => this.#dialog.close());
    find("guide-back").addEventListener("click", () => this.#go(this.#at - 1));
    find("guide-next").addEventListener("click", () => (this.#at + 1 < this.steps.length ? this.#go(this.#at + 1) : this.#dialog.close()));
    this.#dialog.addEventListener("close", () => localStorage.setItem(DONE, "yes"));
  }

  /** Open it by itself on the very first run, once. */
  offer({ first_run: first }) {
    if (this.#offered || !first || localStorage.getItem(DONE)) return;
    this.#offered = true;
    this.open();
  }

  open() {
    this.#go(0);
    if (!this.#dialog.open) this.#dialog.showModal();
    find("guide-title").focus();
  }

  #go(at, announce = true) {
    this.#at = at;
    const { title, text, body } = this.steps[at];
    find("guide-step").textContent = `Step ${at + 1} of ${this.steps.length}`;
    find("guide-title").textContent = title;
    find("guide-text").textContent = text;
    find("guide-body").replaceChildren(...body());
    find("guide-back").disabled = at === 0;
    find("guide-next").textContent = at + 1 === this.steps.length ? "Done" : "Next";
    if (announce) find("guide-title").focus();
  }

  #show(panel, act) {
    this.#dialog.close();
    find(panel).open = true;
    find(panel).scrollIntoView({ block: "nearest" });
    act();
  }
}
