// The routes of the control API, for what needs an answer; see docs/api.md. The cookie comes along by itself.

export const find = (id) => document.getElementById(id);

export async function call(method, path, body) {
  const json = body !== undefined && !(body instanceof Blob);
  const response = await fetch(path, {
    method,
    body: json ? JSON.stringify(body) : body,
    headers: json ? { "Content-Type": "application/json" } : {},
  });
  const isJson = response.headers.get("Content-Type")?.startsWith("application/json");
  const answer = isJson ? await response.json() : {};
  if (response.ok) return answer;
  const said = [answer.error?.message, answer.error?.hint].filter(Boolean).join(" ");
  throw new Error(said || (response.status === 413 ? "That file is too large." : `Mien refused (${response.status}).`));
}

/** An element with text in it, and never markup: names come from files that others made. */
export function make(tag, properties = {}, ...children) {
  const element = Object.assign(document.createElement(tag), properties);
  element.append(...children);
  return element;
}
