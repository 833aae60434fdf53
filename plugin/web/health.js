// Warnings in plain words, and what `mien doctor` finds.

import { call, find, make } from "./api.js";
import { attempt } from "./toast.js";

const SIGNS = { ok: "Fine", warn: "Could be better", fail: "Broken" };

export class Health {
  #shown = "";

  constructor() {
    find("examine").addEventListener("click", () => this.examine());
    find("health").addEventListener("toggle", () => find("health").open && !find("findings").children.length && this.examine());
  }

  show({ warnings, last_error: lastError }) {
    const text = JSON.stringify(warnings);
    // Written anew only when it changed: a screen reader would say it every second.
    if (text !== this.#shown) {
      this.#shown = text;
      find("warnings").replaceChildren(...warnings.map(({ level, text: said, advice }) => {
        const item = make("li", {}, make("b", { textContent: said }), make("span", { textContent: ` ${advice}` }));
        item.dataset.level = level;
        return item;
      }));
    }
    const count = warnings.length === 1 ? "1 warning" : `${warnings.length} warnings`;
    find("warnings-pill").hidden = warnings.length === 0;
    find("warnings-pill").dataset.level = warnings[0]?.level ?? "";
    if (find("warnings-pill").textContent !== count) find("warnings-pill").textContent = count;
    find("health-text").textContent = warnings.length ? `${warnings.length} to look at` : "all is well";
    find("trouble").hidden = !lastError;
    find("trouble-text").textContent = lastError ?? "";
  }

  async examine() {
    find("examine").disabled = true;
    const findings = await attempt(call("GET", "/api/doctor"));
    find("examine").disabled = false;
    if (!findings) return;
    const order = ["fail", "warn", "ok"];
    findings.sort((a, b) => order.indexOf(a.state) - order.indexOf(b.state));
    find("findings").replaceChildren(...findings.map(({ name, state, detail, fix }) => {
      const item = make("li", {}, make("b", { textContent: `${SIGNS[state]}: ${name}` }), make("span", { textContent: detail }));
      if (fix && state !== "ok") item.append(make("code", { textContent: fix }));
      item.dataset.state = state;
      return item;
    }));
  }
}
