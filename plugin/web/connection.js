// The socket to the running Mien: messages out and in, pictures in, and again after a break.

const KINDS = ["persona", "slate", "camera"];
const CHANNELS = ["after", "before"];
const HEADER_BYTES = 16;
const RETRY_MS = [500, 1000, 2000, 4000];
const TOO_MANY_PAGES = 4001;
const TOKEN_ENDED = 4003;

export class Connection extends EventTarget {
  #socket = null;
  #failures = 0;

  open() {
    const socket = new WebSocket(`ws://${location.host}/socket`);
    socket.binaryType = "arraybuffer";
    socket.addEventListener("open", () => {
      this.#failures = 0;
      this.#tell("state", { state: "on" });
      this.ack("after");
    });
    socket.addEventListener("message", (event) => this.#receive(event.data));
    socket.addEventListener("close", (event) => this.#closed(event.code));
    this.#socket = socket;
  }

  send(message) {
    if (this.#socket?.readyState === WebSocket.OPEN) this.#socket.send(JSON.stringify(message));
  }

  /** Say that a picture was shown, and how large (longer side, px of the screen); only then the next one comes. */
  ack(channel, side) {
    this.send({ type: "ack", channel, ...(side > 0 && { side }) });
  }

  #receive(data) {
    if (typeof data === "string") {
      const message = JSON.parse(data);
      this.#tell(message.type, message);
      return;
    }
    const header = new DataView(data);
    this.#tell("picture", {
      channel: CHANNELS[header.getUint8(0)],
      kind: KINDS[header.getUint8(1)],
      held: header.getUint8(2) === 1,
      atMs: Number(header.getBigUint64(8, true)) / 1000,
      jpeg: new Blob([new Uint8Array(data, HEADER_BYTES)], { type: "image/jpeg" }),
    });
  }

  #closed(code) {
    if (code === TOO_MANY_PAGES || code === TOKEN_ENDED) {
      this.#tell("state", { state: code === TOKEN_ENDED ? "ended" : "full" });
      return;
    }
    const wait = RETRY_MS[Math.min(this.#failures, RETRY_MS.length - 1)];
    this.#failures += 1;
    this.#tell("state", { state: this.#failures > 3 ? "gone" : "lost" });
    setTimeout(() => this.open(), wait);
  }

  #tell(type, detail) {
    this.dispatchEvent(new CustomEvent(type, { detail }));
  }
}
