// Asking the server: JSON there, JSON back, and every failure as one `Problem` in words.
//
// Paths are relative to the document, so that the page also works below a path of a proxy.

import { element } from "./dom.js";

// What went wrong: the server's own problem document (RFC 9457), or that it could not be reached.
export class Problem extends Error {
  constructor({ status = 0, code, title, detail, field, request_id: requestId }, retryAfter = null) {
    super(detail ?? title ?? code);
    Object.assign(this, { status, code, field, requestId, retryAfter });
  }

  static unreachable() {
    return new Problem({ code: "unreachable", detail: "The server cannot be reached." });
  }

  // The problem that a response tells; whatever stands between us and the server may tell less.
  static async of(response) {
    const seconds = Number(response.headers.get("retry-after"));
    const retryAfter = Number.isFinite(seconds) && seconds > 0 ? seconds : null;
    let said;
    try {
      said = await response.json();
    } catch {
      said = { code: `http_${response.status}`, detail: `The answer was ${response.status}.` };
    }
    return new Problem({ ...said, status: response.status }, retryAfter);
  }
}

// One request. Gives the response if its status is good, throws a `Problem` otherwise, and lets an
// AbortError through: who aborts knows why.
export async function send(method, path, { body, signal, headers = {} } = {}) {
  const all = body === undefined ? headers : { ...headers, "Content-Type": "application/json" };
  let response;
  try {
    response = await fetch(path, {
      method,
      headers: all,
      body: body === undefined ? undefined : JSON.stringify(body),
      signal,
      cache: "no-store",
    });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw Problem.unreachable();
  }
  if (!response.ok) throw await Problem.of(response);
  return response;
}

// The same where the answer is one JSON document.
export async function ask(method, path, options) {
  const response = await send(method, path, options);
  try {
    return response.status === 204 ? null : await response.json();
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw Problem.unreachable();
  }
}

// What a person can do about it. The server's `detail` says what happened.
function advice({ code = "", status, field, retryAfter }) {
  if (code === "unreachable") return "See whether maitred runs and whether you are online.";
  if (code === "upstream_key") return "Whoever runs this server has to set a valid key. Until then, choose another provider.";
  if (code === "upstream_not_found") return "Check the name of the model, or leave it empty.";
  if (code.startsWith("upstream_")) return "Try again, or choose another provider.";
  if (field) return `Change what is in “${field}” and send it again.`;
  if (retryAfter) return `Try again in ${retryAfter} s.`;
  if (status >= 500) return "Try again in a moment.";
  return null;
}

// A problem as something to be shown, with a way to go on if there is one.
export function problemBox(problem, again) {
  const hint = advice(problem);
  const small = [problem.code, problem.requestId].filter(Boolean).join(" · ");
  return element(
    "div",
    { class: "problem", role: "alert" },
    element("p", { class: "what" }, problem.message),
    hint && element("p", {}, hint),
    again && element("button", { type: "button", class: "quiet", onclick: again }, "Try again"),
    small && element("p", { class: "small" }, small),
  );
}
