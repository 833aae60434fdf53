// Three small graphs of the last two minutes, and the numbers beside them.

import { find } from "./api.js";

const KEPT = 120;
const HEIGHT = 40;

const whole = (value) => (Number.isFinite(value) ? Math.round(value).toLocaleString("en") : "–");

class Graph {
  #values = [];

  constructor(id, name, least) {
    this.svg = find(id);
    this.name = name;
    this.least = least;
  }

  add(value) {
    if (!Number.isFinite(value)) return;
    this.#values.push(value);
    if (this.#values.length > KEPT) this.#values.shift();
    const top = Math.max(this.least, ...this.#values) * 1.1;
    const first = KEPT - this.#values.length;
    const points = this.#values.map((each, at) => `${first + at},${(HEIGHT * (1 - each / top)).toFixed(2)}`);
    this.svg.querySelector("path").setAttribute("d", points.length > 1 ? `M${points.join("L")}` : "");
    const most = Math.max(...this.#values);
    this.svg.setAttribute("aria-label", `${this.name}: now ${whole(value)}, at most ${whole(most)} in the last two minutes`);
  }
}

export class Graphs {
  #latency = new Graph("latency-graph", "Added latency, ms", 50);
  #fps = new Graph("fps-graph", "Pictures a second", 30);
  #dropped = new Graph("dropped-graph", "Dropped pictures a second", 10);
  #lastDropped = NaN;
  #at = 0;

  show({ fps, latency_p50_ms: p50, latency_p95_ms: p95, frames }, age) {
    find("fps").textContent = Number.isFinite(fps) ? fps.toFixed(1) : "–";
    find("p50").textContent = whole(p50);
    find("p95").textContent = whole(p95);
    find("dropped").textContent = whole(frames?.dropped);
    find("held").textContent = whole(frames?.held);
    find("preview-age").textContent = Number.isFinite(age) ? `This page is ${whole(age)} ms behind.` : "";
    const passed = (performance.now() - this.#at) / 1000;
    // Statuses also come at every change; a graph has one point a second.
    if (passed < 0.9) return;
    const dropped = (frames?.dropped - this.#lastDropped) / passed;
    find("dropped-now").textContent = whole(dropped);
    this.#lastDropped = frames?.dropped;
    this.#at = performance.now();
    this.#latency.add(p50);
    this.#fps.add(fps);
    this.#dropped.add(dropped);
  }
}
