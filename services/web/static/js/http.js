// Fetches JSON from this site. A refusal becomes a Refusal with the sentence the server gave.

import { forget, keep, recall } from "./kept.js";

export class Refusal extends Error {
  constructor(status, problem) {
    super(problem.detail || "The server does not answer.");
    this.status = status;
    this.reason = problem.reason || "UNREACHABLE";
    this.fields = problem.fields || [];
    this.metadata = problem.metadata || {};
  }
}

const token = document.querySelector('meta[name="csrf-token"]')?.content;

// The session is over: sign in again and come back here. Not while the person is signing out.
export function toTheDoor() {
  if ("leaving" in document.documentElement.dataset) return;
  location.assign(`/sign-in?next=${encodeURIComponent(location.pathname + location.search)}`);
}

export async function ask(path, { method = "GET", body, headers = {} } = {}) {
  const all = { Accept: "application/json", ...headers };
  if (method !== "GET") all["X-CSRFToken"] = token;
  if (body !== undefined) all["Content-Type"] = "application/json";
  let answer;
  try {
    answer = await fetch(path, { method, headers: all, body: body === undefined ? undefined : JSON.stringify(body) });
  } catch {
    throw new Refusal(0, { detail: "The server does not answer. Nothing was changed; try again in a moment." });
  }
  if (answer.ok) return answer.json();
  const problem = await answer.json().catch(() => ({}));
  if (answer.status === 401) toTheDoor();
  throw new Refusal(answer.status, problem);
}

// Statuses that say nothing of whether the request arrived: no answer at all, or one from something in between.
const SILENT = new Set([0, 502, 503, 504]);
const UNANSWERED = "dd-unanswered";
const PAUSES = [1000, 2000];

// A submit that got no answer may still have arrived. Its key is kept, so that sending the same once more, by itself
// or when the person presses again, even after a reload, is the same task and is charged once.
export async function submit(parameters) {
  const body = JSON.stringify(parameters);
  const key = keyOf(body);
  keep(UNANSWERED, JSON.stringify({ key, body }), "sessionStorage");
  const headers = { "Idempotency-Key": key };
  for (let tries = 0; ; tries += 1) {
    try {
      const task = await ask("/studio/tasks", { method: "POST", body: parameters, headers });
      forget(UNANSWERED, "sessionStorage");
      return task;
    } catch (refusal) {
      if (refusal.status !== 0 && refusal.status < 500) forget(UNANSWERED, "sessionStorage");
      if (!SILENT.has(refusal.status)) throw refusal;
      if (tries === PAUSES.length) throw refusal.reason === "UNREACHABLE" ? new Refusal(refusal.status, UNSURE) : refusal;
      await new Promise((resolve) => setTimeout(resolve, PAUSES[tries]));
    }
  }
}

const UNSURE = { detail: "No answer; it may have arrived. Press again: it is not charged twice." };

function keyOf(body) {
  try {
    const kept = JSON.parse(recall(UNANSWERED, "sessionStorage"));
    if (kept?.body === body) return kept.key;
  } catch {
    // What cannot be read is no key of ours.
  }
  // randomUUID is there only where the page came over TLS or from this machine.
  return crypto.randomUUID ? crypto.randomUUID() : `${Date.now()}-${Math.random().toString(36).slice(2)}`;
}
