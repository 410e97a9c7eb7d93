// One task of a plugin, large: how far it is, what it says, what it put out, and its end before its time.

import { confirm } from "../confirm.js";
import { when } from "../format.js";
import { tell } from "../notice.js";
import { icon } from "../picture.js";
import { outputs } from "./data.js";
import { follow } from "./follow.js";
import { Outs } from "./outs.js";

const id = (name) => document.getElementById(name);
const SPOKEN_EVERY = 5000;
// What tasks are called on the wire, the seed's own words among them.
const STATES = {
  PENDING: { words: "running", shade: "dd-chip-sea" },
  SUCCESS: { words: "done", shade: "dd-chip-ok", symbol: "check" },
  FAILURE: { words: "failed", shade: "dd-chip-danger", symbol: "warn" },
  ERROR: { words: "failed", shade: "dd-chip-danger", symbol: "warn" },
  REVOKED: { words: "cancelled", shade: "dd-chip-warn", symbol: "ban" },
};
const CANCELLED = "The task was cancelled.";
export const WAITS = { words: "waits for you", shade: "dd-chip-warn", symbol: "clock" };

export class Task {
  #host;
  #outs;
  #open = null;
  #stop = () => {};
  #spokenAt = 0;
  #onStep;
  #onEnd;
  #onGone;

  // onStep(open, task) hears of every state but the end; onEnd(open, task) of that; onGone(open, { shown,
  // held }) that it is deleted: whether it was shown, and with the keyboard in it.
  constructor(host, plugins, { onStep, onEnd, onGone }) {
    this.#host = host;
    this.#outs = new Outs(host, plugins);
    this.#onStep = onStep;
    this.#onEnd = onEnd;
    this.#onGone = onGone;
    id("task-cancel").addEventListener("click", () => this.#cancel());
    id("task-delete").addEventListener("click", () => this.#delete());
    window.addEventListener("pagehide", () => this.#stop());
    // Come back to by the Back button, the page stands as it was left; the task has gone on.
    window.addEventListener("pageshow", ({ persisted }) => persisted && this.#open && this.show(this.#open));
  }

  // The task that is shown, { id, path, name, maker }; null for none.
  get open() {
    return this.#open;
  }

  // open: { id, path, name, maker, startedAt }.
  show(open) {
    const same = this.#open?.id === open.id;
    this.#stop();
    this.#open = same ? { ...this.#open, ...open } : open;
    id("task").hidden = false;
    id("task-name").textContent = open.name;
    id("task-when").textContent = this.#open.startedAt ? `Began ${when(this.#open.startedAt)}` : "";
    if (!same) this.#blank();
    this.#stop = follow(this.#host, open.path, {
      onTask: (task) => this.#told(task),
      onTrouble: (sentence) => this.#trouble(sentence),
      onGone: () => this.#gone(open, "This task is no longer there."),
    });
  }

  close() {
    this.#stop();
    this.#open = null;
    id("task").hidden = true;
  }

  #blank() {
    id("task-log").textContent = "";
    for (const name of ["gauge", "failure", "trace", "log-box", "results", "links"]) id(`task-${name}`).hidden = true;
    chip(STATES.PENDING);
    id("task-cancel").hidden = true;
  }

  #told(task) {
    const ended = task.status !== "PENDING";
    const step = openStep(task);
    const state = stateOf(task);
    chip(state);
    this.#gauge(task, ended);
    this.#log(task, ended);
    // The keyboard stays with the task where the button that it was on goes.
    if (ended && document.activeElement === id("task-cancel")) id("task-name").focus({ preventScroll: true });
    id("task-cancel").hidden = ended;
    const results = outputs(task, this.#host);
    id("task-results").hidden = !results.length;
    this.#outs.show(results, { taskId: this.#open.id, maker: this.#open.maker });
    links(task);
    const failed = state === STATES.FAILURE || state === STATES.ERROR;
    id("task-failure").hidden = !failed;
    id("task-failure-words").textContent = failed ? lastLine(task.log) || "The plugin did not say why." : "";
    id("task-trace").hidden = !failed || !task.trace;
    id("task-trace-text").textContent = typeof task.trace === "string" ? task.trace : "";
    this.#speak(step ? "The next step waits for you." : `${this.#open.name}: ${state.words}.`, ended || step);
    if (ended) this.#onEnd(this.#open, task);
    else this.#onStep(this.#open, task);
  }

  #gauge({ progress }, ended) {
    const share = shareOf(progress);
    id("task-gauge").hidden = share === null || ended;
    if (share === null) return;
    const percent = Math.round(share * 100);
    id("task-bar").value = percent;
    id("task-bar").textContent = `${percent} %`;
    id("task-percent").textContent = percent;
    const { value, start = 0, target = 100, unit } = progress;
    const plain = !unit || unit === "%";
    const whole = Math.min(30, Math.max(4, Math.round(plain ? 20 : target - start)));
    id("task-horizon").style.setProperty("--dd-steps", whole);
    id("task-share").textContent = plain ? "" : `${Math.round(value)} of ${target} ${unit}`;
  }

  #log({ log }, ended) {
    const [box, text] = [id("task-log"), (log ?? "").trim()];
    id("task-log-box").hidden = !text;
    if (box.textContent === text) return;
    const below = box.scrollTop + box.clientHeight > box.scrollHeight - 8;
    box.textContent = text;
    if (below && !ended) box.scrollTop = box.scrollHeight;
  }

  #trouble(sentence) {
    id("task-trouble").hidden = !sentence;
    id("task-trouble-words").textContent = sentence;
  }

  // Now and then, and whatever must be heard.
  #speak(sentence, urgent) {
    const now = Date.now();
    if ((!urgent && now - this.#spokenAt < SPOKEN_EVERY) || id("task-spoken").textContent === sentence) return;
    this.#spokenAt = now;
    id("task-spoken").textContent = sentence;
  }

  // The answer may come once another task is open.
  async #cancel() {
    const open = this.#open;
    const headers = { "Content-Type": "application/json" };
    const body = JSON.stringify({ command: "cancel" });
    try {
      const task = await this.#host.json(open.path, { method: "POST", headers, body });
      if (this.#open?.id === open.id) this.#told(task);
    } catch (refusal) {
      tell(refusal.message, { refused: true });
    }
  }

  async #delete() {
    const open = this.#open;
    const runs = !id("task-cancel").hidden;
    const title = runs ? "Cancel and delete this task?" : "Delete this task?";
    const text = `“${open.name}” and the files it put out are gone for good. What is in your timeline stays there.`;
    if (!(await confirm({ title, text, action: runs ? "Cancel and delete" : "Delete" }))) return;
    try {
      await this.#host.json(open.path, { method: "DELETE" });
    } catch (refusal) {
      if (refusal.status !== 404) {
        tell(refusal.message, { refused: true });
        return;
      }
    }
    this.#gone(open, "The task is deleted.");
  }

  #gone(open, sentence) {
    tell(sentence);
    const shown = this.#open?.id === open.id;
    const held = shown && id("task").contains(document.activeElement);
    if (shown) this.close();
    this.#onGone(open, { shown, held });
  }
}

// The step that waits for somebody; undefined while none does.
export function openStep({ status, steps }) {
  const last = Array.isArray(steps) ? steps.at(-1) : undefined;
  return status === "PENDING" && last && !last.cleared ? last : undefined;
}

export function stateOf(task) {
  if (openStep(task)) return WAITS;
  // The host has no status of its own for what somebody stopped; its log says so.
  if (task.status === "FAILURE" && lastLine(task.log) === CANCELLED) return STATES.REVOKED;
  return STATES[task.status] ?? { words: String(task.status).toLowerCase(), shade: "" };
}

// A chip in words, an icon or a dot before them.
export function chipInto(box, { words, shade, symbol }) {
  const dot = Object.assign(document.createElement("span"), { className: "dd-dot" });
  dot.setAttribute("aria-hidden", "true");
  box.className = `dd-chip ${shade}`;
  box.replaceChildren(symbol ? icon(symbol) : dot, words);
}

function chip(state) {
  chipInto(id("task-chip"), state);
}

function shareOf(progress) {
  const { value, start = 0, target = 100 } = progress ?? {};
  if (![value, start, target].every(Number.isFinite) || target === start) return null;
  return Math.min(1, Math.max(0, (value - start) / (target - start)));
}

function lastLine(log) {
  return (log ?? "").trim().split("\n").at(-1).slice(0, 500);
}

// Links that a plugin gives beside its results; they open elsewhere.
function links(task) {
  const given = Array.isArray(task.links) ? task.links : [];
  const listed = given.filter(({ type, href }) => type !== "subscribe" && /^https?:\/\//.test(href));
  id("task-links").hidden = !listed.length;
  const made = listed.slice(0, 20).map(({ type, href }) => {
    const away = { href, textContent: type || href, target: "_blank", rel: "noopener noreferrer" };
    const link = Object.assign(document.createElement("a"), away);
    const item = document.createElement("li");
    item.append(link);
    return item;
  });
  id("task-links").replaceChildren(...made);
}
