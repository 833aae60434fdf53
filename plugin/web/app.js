// The page of a running Mien. Everything comes from 127.0.0.1; nothing is loaded elsewhere.

import { call, find } from "./api.js";
import { Calibration } from "./calibration.js";
import { Choices } from "./choices.js";
import { Connection } from "./connection.js";
import { Expression } from "./expression.js";
import { Gallery } from "./gallery.js";
import { Graphs } from "./graphs.js";
import { Guide } from "./guide.js";
import { Health } from "./health.js";
import { HeldButton, isShortcut } from "./held.js";
import { Stage } from "./stage.js";
import { attempt, complain, say } from "./toast.js";

const SHOW_ME_HOLD_MS = 1000;

// The token came with the address and is a cookie by now: out of the address bar, where a stream would show it.
history.replaceState(null, "", "/");

const connection = new Connection();
const stage = new Stage(connection);
const gallery = new Gallery(connection);
const choices = new Choices(connection);
const graphs = new Graphs();
const health = new Health();
const calibration = new Calibration(connection);
const guide = new Guide(connection, choices, gallery);
const expression = new Expression((changes) => connection.send({ type: "change", settings: { edit: changes } }));

// -- buttons ----------------------------------------------------------------------------------------------------------

function shortcut(button, key, act) {
  button.addEventListener("click", act);
  if (key) addEventListener("keydown", (event) => isShortcut(event, key) && !event.repeat && !button.disabled && act());
}

for (const [name, key] of [["slate", "s"], ["hold", "h"]]) {
  const button = find(name);
  shortcut(button, key, () => connection.send({ type: name, on: button.getAttribute("aria-pressed") !== "true" }));
}

shortcut(find("relock"), "m", () => {
  connection.send({ type: "relock" });
  say("From now on the largest face is yours.");
});

shortcut(find("record"), "r", async () => {
  const on = find("record").getAttribute("aria-pressed") !== "true";
  const answer = await attempt(call("POST", "/api/record", { on }));
  if (answer) say(on ? `Recording ${answer.file}.` : `Kept and signed: ${answer.file}`);
});

shortcut(find("snapshot"), "", async () => {
  const answer = await attempt(call("POST", "/api/snapshot"));
  if (answer) say(`Kept and signed: ${answer.file}`);
});

find("restore").addEventListener("click", async () => {
  const answer = await attempt(call("POST", "/api/restore"));
  if (!answer) return;
  say("Yesterday's set-up is back. Press again for today's.");
  if (answer.failures.length) complain(answer.failures.join(" "));
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

// -- what runs --------------------------------------------------------------------------------------------------------

function minutes(seconds) {
  return `${Math.floor(seconds / 60)}:${String(Math.floor(seconds % 60)).padStart(2, "0")}`;
}

function showRecording({ on, seconds, problem, file }) {
  find("record").setAttribute("aria-pressed", String(on));
  find("recording-pill").hidden = !on;
  find("recording-time").textContent = minutes(seconds);
  find("record-text").textContent = on ? file : problem || file || "Into a signed file";
}

connection.addEventListener("status", ({ detail: status }) => {
  find("slate").setAttribute("aria-pressed", String(status.slate));
  find("hold").setAttribute("aria-pressed", String(status.hold));
  find("restore").hidden = !status.restorable;
  const { engine = {} } = status;
  find("engine").textContent = [engine.name, engine.runtime, engine.device].filter(Boolean).join(" · ") || "–";
  find("engine-reason").textContent = engine.reason ?? "";
  showRecording(status.recording);
  graphs.show(status, stage.age);
  gallery.show(status);
  choices.show(status);
  health.show(status);
  calibration.show(status);
  expression.show(status.edit ?? "", engine.edits === true);
  guide.offer(status);
});

connection.addEventListener("said", ({ detail: { level, text } }) => (level === "bad" ? complain : say)(text));

// -- connection -------------------------------------------------------------------------------------------------------

const STATES = {
  on: ["Connected", ""],
  lost: ["Reconnecting", "Mien does not answer. Trying again…"],
  gone: ["Not running", "Mien does not answer. Start it again, and this page comes back."],
  full: ["Too many pages", "This page is open too often already. Close another one, then load this one again."],
  ended: ["Shut out", "The key was renewed. Open the new address that Mien printed."],
};

connection.addEventListener("state", ({ detail: { state } }) => {
  const [short, notice] = STATES[state];
  find("connection").dataset.state = state;
  find("connection-text").textContent = short;
  find("notice").textContent = notice;
  find("notice").hidden = notice === "";
  document.body.classList.toggle("offline", state !== "on");
  for (const button of document.querySelectorAll("#controls button, .panels select, .panels input, .panels .small")) {
    button.disabled = state !== "on";
  }
  if (state === "on") {
    gallery.load();
    choices.load();
    return;
  }
  stage.lose();
  showMe.release();
  expression.show("", false);
});

connection.open();
