// A button that acts while it is held, by pointer, touch, Space, Enter or a key of its own, and lets go by itself
// when anything takes the page away: another tab, another window, a screen lock.

const PULSE_MS = 200;

export class HeldButton {
  #button;
  #pulse;
  #up;
  #timer = 0;

  /**
   * @param {HTMLButtonElement} button
   * @param {{pulse: () => void, up: () => void, key?: string}} acts  `pulse` comes at once and every 200 ms.
   */
  constructor(button, { pulse, up, key }) {
    this.#button = button;
    this.#pulse = pulse;
    this.#up = up;
    button.addEventListener("pointerdown", (event) => {
      if (event.button !== 0) return;
      button.setPointerCapture(event.pointerId);
      this.#press();
    });
    for (const name of ["pointerup", "pointercancel", "lostpointercapture", "blur"]) {
      button.addEventListener(name, () => this.release());
    }
    button.addEventListener("contextmenu", (event) => event.preventDefault());
    const own = (event) => event.key === " " || event.key === "Enter";
    button.addEventListener("keydown", (event) => {
      if (!own(event)) return;
      event.preventDefault();
      if (!event.repeat) this.#press();
    });
    button.addEventListener("keyup", (event) => own(event) && this.release());
    if (key) {
      addEventListener("keydown", (event) => isShortcut(event, key) && !event.repeat && this.#press());
      addEventListener("keyup", (event) => event.key.toLowerCase() === key && this.release());
    }
    for (const name of ["blur", "pagehide"]) addEventListener(name, () => this.release());
    document.addEventListener("visibilitychange", () => document.hidden && this.release());
  }

  get held() {
    return this.#timer !== 0;
  }

  #press() {
    if (this.held || this.#button.disabled || document.hidden || !document.hasFocus()) return;
    this.#button.classList.add("down");
    this.#timer = setInterval(this.#pulse, PULSE_MS);
    this.#pulse();
  }

  release() {
    if (!this.held) return;
    clearInterval(this.#timer);
    this.#timer = 0;
    this.#button.classList.remove("down");
    this.#up();
  }
}

/** Whether a key press is the shortcut `key`, and not text or a choice in a list. */
export function isShortcut(event, key) {
  const { target } = event;
  const slides = target.type === "range" || target.type === "checkbox";
  const typing = target instanceof HTMLSelectElement || (target instanceof HTMLInputElement && !slides);
  if (document.querySelector("dialog[open]")) return false;
  return event.key.toLowerCase() === key && !typing && !event.ctrlKey && !event.metaKey && !event.altKey;
}
