// The pictures: what the audience sees, always; the camera, only while "before" is held.

import { find } from "./api.js";
import { HeldButton } from "./held.js";
import { say } from "./toast.js";

const KIND_TEXTS = {
  persona: ["On air", "your audience sees the persona"],
  held: ["Held", "your audience sees the last picture of the persona"],
  slate: ["Slate", "your audience sees the slate"],
  camera: ["Camera", "your audience sees YOU"],
  none: ["Unknown", "what your audience sees"],
};
const KEPT_AGES = 60;

export class Stage {
  #connection;
  #before;
  #ages = [];

  constructor(connection) {
    this.#connection = connection;
    connection.addEventListener("picture", (event) => this.#show(event.detail));
    document.addEventListener("visibilitychange", () => !document.hidden && connection.ack("after"));
    this.#before = new HeldButton(find("before-button"), {
      key: "b",
      pulse: () => {
        connection.send({ type: "before", held: true });
        find("before-view").hidden = false;
      },
      up: () => {
        connection.send({ type: "before", held: false });
        find("before-view").hidden = true;
        // Nothing of it stays behind, not even in a hidden canvas.
        find("before").width = 16;
        find("before").height = 9;
      },
    });
  }

  /** How old pictures are when they are drawn, ms: the median of the last ones, or NaN. */
  get age() {
    const ages = [...this.#ages].sort((a, b) => a - b);
    return ages.length ? ages[ages.length >> 1] : NaN;
  }

  /** Nobody knows what the audience sees. */
  lose() {
    this.#before.release();
    this.#setKind("none", false);
    this.#ages = [];
  }

  async #show({ channel, kind, held, jpeg, atMs }) {
    const bitmap = await createImageBitmap(jpeg);
    if (channel === "after" || this.#before.held) {
      const canvas = find(channel);
      if (canvas.width !== bitmap.width || canvas.height !== bitmap.height) {
        canvas.width = bitmap.width;
        canvas.height = bitmap.height;
      }
      canvas.getContext("2d", { alpha: false }).drawImage(bitmap, 0, 0);
    }
    const shape = bitmap.width / bitmap.height;
    bitmap.close();
    if (channel === "after") {
      this.#setKind(kind, held);
      this.#ages.push(performance.timeOrigin + performance.now() - atMs);
      if (this.#ages.length > KEPT_AGES) this.#ages.shift();
    }
    // A hidden page asks for no more pictures: nobody would see them.
    if (!document.hidden) this.#connection.ack(channel, this.#side(shape));
  }

  /** The longer side, px of the screen, at which a picture of this shape is shown: more is not to be sent. */
  #side(shape) {
    const { clientWidth, clientHeight } = find("after");
    const [width, height] = clientWidth / clientHeight > shape ? [clientHeight * shape, clientHeight] : [clientWidth, clientWidth / shape];
    // In steps, so that a window that is drawn larger does not change the canvas with every picture.
    return Math.ceil((Math.max(width, height) * devicePixelRatio) / 32) * 32;
  }

  #setKind(kind, held) {
    const state = kind === "persona" && held ? "held" : kind;
    const stage = find("stage");
    if (stage.dataset.kind === state) return;
    const [chip, text] = KIND_TEXTS[state];
    stage.dataset.kind = state;
    find("kind").textContent = chip;
    find("kind-text").textContent = text;
    if (state === "camera") say("Your audience sees your camera.");
  }
}
