// The page of a running Mien: pictures, numbers, buttons. Everything comes from 127.0.0.1; nothing is loaded elsewhere.

import { Connection } from "./connection.js";
import { Expression } from "./expression.js";
import { HeldButton, isShortcut } from "./held.js";

const find = (id) => document.getElementById(id);
const SHOW_ME_HOLD_MS = 1000;
const TOAST_MS = 6000;

// The token came with the address and is a cookie by now: out of the address bar, where a stream would show it.
history.replaceState(null, "", "/");

const connection = new Connection();

// -- what was said ----------------------------------------------------------------------------------------------------

const timers = new Map();

function tell(element, text) {
  clearTimeout(timers.get(element));
  element.textContent = text;
  element.classList.toggle("shown", text !== "");
  if (text) timers.set(element, setTimeout(() => tell(element, ""), TOAST_MS));
}

const say = (text) => tell(find("said"), text);
const complain = (text) => tell(find("failed"), text);

// -- pictures ---------------------------------------------------------------------------------------------------------

const KIND_TEXTS = {
  persona: ["On air", "your audience sees the persona"],
  held: ["Held", "your audience sees the last picture of the persona"],
  slate: ["Slate", "your audience sees the slate"],
  camera: ["Camera", "your audience sees YOU"],
  none: ["Unknown", "what your audience sees"],
};

function setKind(kind, held) {
  const state = kind === "persona" && held ? "held" : kind;
  const stage = find("stage");
  if (stage.dataset.kind === state) return;
  const [chip, text] = KIND_TEXTS[state];
  stage.dataset.kind = state;
  find("kind").textContent = chip;
  find("kind-text").textContent = text;
  if (state === "camera") say("Your audience sees your camera.");
}

async function show(picture) {
  const { channel, jpeg } = picture;
  const bitmap = await createImageBitmap(jpeg);
  if (channel === "after" || before.held) {
    const canvas = find(channel);
    if (canvas.width !== bitmap.width || canvas.height !== bitmap.height) {
      canvas.width = bitmap.width;
      canvas.height = bitmap.height;
    }
    canvas.getContext("2d", { alpha: false }).drawImage(bitmap, 0, 0);
  }
  bitmap.close();
  if (channel === "after") setKind(picture.kind, picture.held);
  // A hidden page asks for no more pictures: nobody would see them.
  if (!document.hidden) connection.ack(channel);
}

connection.addEventListener("picture", (event) => show(event.detail));
document.addEventListener("visibilitychange", () => !document.hidden && connection.ack("after"));

// -- buttons ----------------------------------------------------------------------------------------------------------

for (const [name, key] of [["slate", "s"], ["hold", "h"]]) {
  const button = find(name);
  const toggle = () => connection.send({ type: name, on: button.getAttribute("aria-pressed") !== "true" });
  button.addEventListener("click", toggle);
  addEventListener("keydown", (event) => isShortcut(event, key) && !event.repeat && !button.disabled && toggle());
}

const relock = () => {
  connection.send({ type: "relock" });
  say("From now on the most prominent face is yours.");
};
find("relock").addEventListener("click", relock);
addEventListener("keydown", (event) => isShortcut(event, "m") && !event.repeat && !find("relock").disabled && relock());

connection.addEventListener("switches", ({ detail }) => {
  find("slate").setAttribute("aria-pressed", String(detail.slate));
  find("hold").setAttribute("aria-pressed", String(detail.hold));
});

const before = new HeldButton(find("before-button"), {
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

let shownSince = 0;
const showMe = new HeldButton(find("show-me"), {
  pulse: () => {
    shownSince ||= performance.now();
    const acts = performance.now() - shownSince >= SHOW_ME_HOLD_MS;
    find("show-me-text").textContent = acts ? "Let go to hide your camera" : "Keep holding…";
    connection.send({ type: "show_me", held: true });
  },
  up: () => {
    shownSince = 0;
    find("show-me-text").textContent = "Hold: your audience sees your camera";
    connection.send({ type: "show_me", held: false });
  },
});

// -- persona ----------------------------------------------------------------------------------------------------------

const persona = find("persona");
let running = "";

function setPersona(name) {
  running = name;
  if (document.activeElement !== persona && !persona.disabled) persona.value = name;
}

persona.addEventListener("change", () => connection.send({ type: "persona", name: persona.value }));
persona.addEventListener("focus", () => connection.send({ type: "personas" }));

connection.addEventListener("personas", ({ detail }) => {
  const known = [...persona.options].map((option) => option.value);
  if (known.join("\n") !== detail.names.join("\n")) {
    persona.replaceChildren(...detail.names.map((name) => new Option(name, name)));
  }
  persona.disabled = detail.names.length === 0;
  persona.value = running;
});

connection.addEventListener("persona", ({ detail }) => {
  persona.classList.toggle("busy", detail.state === "loading");
  if (detail.state === "loading") say(`Loading ${detail.name}. The show goes on with ${running}.`);
  if (detail.state === "ready") {
    running = detail.name;
    persona.value = running;
    complain("");
    say(`The persona is ${detail.name} now.`);
  }
  if (detail.state === "failed") {
    persona.value = running;
    say("");
    complain(`${detail.name} was not loaded, ${running} goes on: ${detail.message}`);
  }
});

// -- expression -------------------------------------------------------------------------------------------------------

const expression = new Expression((changes) => connection.send({ type: "edit", changes }));

// -- numbers ----------------------------------------------------------------------------------------------------------

const whole = (value) => (Number.isFinite(value) ? Math.round(value).toLocaleString("en") : "–");

function listSinks(sinks) {
  const items = sinks.map((sink) => {
    const item = document.createElement("li");
    const waits = sink.state === "open" && sink.wanted === false && sink.name !== "preview";
    item.dataset.state = sink.state;
    item.textContent = waits ? `${sink.name}, no client yet` : sink.name;
    if (sink.state === "retrying" || sink.state === "dead") item.textContent += `: ${sink.last_error}`;
    return item;
  });
  const list = find("sinks");
  if (list.textContent !== items.map((item) => item.textContent).join("")) list.replaceChildren(...items);
}

connection.addEventListener("stats", ({ detail: stats }) => {
  const { engine = {}, source = {}, frames = {} } = stats;
  find("fps").textContent = Number.isFinite(stats.fps) ? stats.fps.toFixed(1) : "–";
  find("p50").textContent = whole(stats.latency_p50_ms);
  find("p95").textContent = whole(stats.latency_p95_ms);
  find("dropped").textContent = whole(frames.dropped);
  find("held").textContent = whole(frames.held);
  find("engine").textContent = [engine.name, engine.runtime, engine.device].filter(Boolean).join(" · ") || "–";
  find("engine-reason").textContent = engine.reason ?? "";
  find("source").textContent = source.name ?? "–";
  const size = source.width ? `${source.width}×${source.height} at ${source.fps?.toFixed?.(0) ?? "?"}` : "";
  find("source-state").textContent = [source.state, size].filter(Boolean).join(", ");
  find("source").dataset.state = source.state ?? "";
  listSinks(stats.sinks ?? []);
  find("trouble").hidden = !stats.last_error;
  find("trouble-text").textContent = stats.last_error ?? "";
  if (stats.persona) setPersona(stats.persona);
  expression.show(stats.edit ?? "", engine.edits === true);
});

// -- connection -------------------------------------------------------------------------------------------------------

const STATES = {
  on: ["Connected", ""],
  lost: ["Reconnecting", "Mien does not answer. Trying again…"],
  gone: ["Not running", "Mien does not answer. If you started it anew, open the new address it printed."],
  full: ["Too many pages", "This page is open too often already. Close another one, then load this one again."],
};

connection.addEventListener("state", ({ detail: { state } }) => {
  const [short, notice] = STATES[state];
  find("connection").dataset.state = state;
  find("connection-text").textContent = short;
  find("notice").textContent = notice;
  find("notice").hidden = notice === "";
  document.body.classList.toggle("offline", state !== "on");
  for (const button of document.querySelectorAll("button:not(fieldset button)")) button.disabled = state !== "on";
  if (state !== "on") {
    before.release();
    showMe.release();
    setKind("none", false);
    persona.disabled = true;
    expression.show("", false);
  }
});

connection.addEventListener("error", ({ detail }) => complain(detail.message));
connection.open();
