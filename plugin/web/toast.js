// What was said, at the foot of the page, for eyes and screen readers.

import { find } from "./api.js";

const SHOWN_MS = 6000;
const timers = new Map();

function tell(element, text) {
  clearTimeout(timers.get(element));
  element.textContent = text;
  element.classList.toggle("shown", text !== "");
  if (text) timers.set(element, setTimeout(() => tell(element, ""), SHOWN_MS));
}

export const say = (text) => tell(find("said"), text);
export const complain = (text) => tell(find("failed"), text);

/** Wait for something; a failure is said, and nothing is thrown. */
export async function attempt(work) {
  try {
    return await work;
  } catch (error) {
    complain(error.message);
    return undefined;
  }
}
