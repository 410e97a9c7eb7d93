// Fetches JSON from this site. A refusal becomes a Refusal with the sentence the server gave.

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

// A submit that got no answer may still have arrived: it is sent again under the same key, which costs nothing twice.
export async function submit(parameters) {
  const key = crypto.randomUUID ? crypto.randomUUID() : `${Date.now()}-${Math.random().toString(36).slice(2)}`;
  const send = () => ask("/studio/tasks", { method: "POST", body: parameters, headers: { "Idempotency-Key": key } });
  try {
    return await send();
  } catch (refusal) {
    if (refusal.status !== 0) throw refusal;
    await new Promise((resolve) => setTimeout(resolve, 1000));
    return send();
  }
}
