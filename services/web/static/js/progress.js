// What is queued or running, above the timeline, and only while there is something.

import { about, ahead, place, tokens } from "./format.js";
import { glide } from "./glide.js";
import { clone, drawPreview } from "./picture.js";
import { ENDED } from "./store.js";

const SPOKEN_EVERY = 4000;
const MOST_TICKS = 30;
const id = (name) => document.getElementById(name);

export class Progress {
  #store;
  #onCancel;
  #shown = null;
  #open = [];
  #preview = null;
  #spokenAt = 0;
  #title = document.title;

  // onCancel(task)
  constructor(store, { onCancel }) {
    this.#store = store;
    this.#onCancel = (key) => store.get(key) && onCancel(store.get(key));
    id("now-cancel").addEventListener("click", () => this.#onCancel(this.#shown));
    store.onChange(() => glide([id("timeline")], () => this.#show()));
    this.#show();
  }

  #show() {
    const held = id("now").contains(document.activeElement) ? document.activeElement : null;
    const before = this.#shown;
    const open = this.#store.tasks.filter((task) => !ENDED.has(task.state)).reverse();
    const first = open.find((task) => task.state === "RUNNING") || open[0];
    id("now").hidden = !first;
    if (first) this.#fill(first, open);
    else this.#shown = null;
    if (!first) document.title = this.#title;
    this.#tellEnds(open);
    // A button that is gone, or now means another task, must not keep the keyboard.
    const passed = held === id("now-cancel") && before !== this.#shown;
    if (held && (passed || !first || !held.isConnected)) id("timeline").focus({ preventScroll: true });
  }

  #fill(first, open) {
    if (this.#shown !== first.id) {
      this.#shown = first.id;
      this.#preview = null;
      id("now").classList.remove("has-preview");
      id("now-cancel").setAttribute("aria-label", `Cancel: ${first.parameters.prompt}`);
      id("now-prompt").textContent = first.parameters.prompt;
      this.#spokenAt = 0;
    }
    // Until the server answered there is nothing that could be cancelled; its place stays.
    id("now-cancel").classList.toggle("invisible", first.state === "SENDING");
    id("now-share").hidden = first.state !== "RUNNING";
    if (first.state === "RUNNING") this.#running(first);
    else this.#waiting(first);
    this.#line(open.filter((task) => task !== first));
  }

  // Said last and whatever was said a moment ago: an end is told once.
  #tellEnds(open) {
    const still = new Set(open.map((task) => task.id));
    const ended = this.#open.filter((each) => !still.has(each)).map((each) => this.#store.get(each));
    this.#open = [...still];
    // What was only sent has not ended: it goes on under the name that the server gave it.
    const told = ended.filter(Boolean);
    if (!told.length) return;
    this.#spokenAt = Date.now();
    id("now-spoken").textContent = told.map(ending).join(" ");
  }

  #running(task) {
    const { step, steps, percent } = task.progress;
    const { samples } = task.parameters;
    const ready = task.images.length + task.deleted.length;
    id("now-words").textContent = samples > 1 ? `Generating, ${ready} of ${samples} ready` : "Generating";
    id("now").classList.remove("is-queued");
    id("now-horizon").style.setProperty("--dd-steps", ticks(task));
    this.#bar(percent, `${percent} %, step ${step} of ${steps}`);
    id("now-percent").textContent = percent;
    id("now-step").textContent = `step ${step} of ${steps}`;
    id("now-left").textContent = left(task, "");
    document.title = `${percent} % · Daydream`;
    this.#speak(`Step ${step} of ${steps}, ${percent} percent${left(task, ", ")}.`);
    if (task.preview && task.preview !== this.#preview) {
      this.#preview = task.preview;
      drawPreview(id("now-preview"), task.preview, () => this.#preview === task.preview).then(
        (drawn) => drawn && id("now").classList.add("has-preview"),
        () => {}, // A preview that cannot be drawn is no loss: the next one comes in a moment.
      );
    }
  }

  #waiting(task) {
    const words = standing(task);
    id("now-words").textContent = words;
    id("now").classList.add("is-queued");
    this.#bar(0, words);
    id("now-step").textContent = task.ahead === undefined ? "" : ahead(task.position, task.ahead);
    id("now-left").textContent = starts(task);
    document.title = `${words} · Daydream`;
    this.#speak(`${words}. ${starts(task)}`);
  }

  #bar(percent, words) {
    const bar = id("now-bar");
    bar.value = percent;
    bar.textContent = `${percent} %`;
    bar.setAttribute("aria-valuetext", words);
  }

  #line(tasks) {
    const box = id("now-line");
    box.hidden = !tasks.length;
    const wanted = new Set(tasks.map((task) => task.id));
    const rows = new Map();
    for (const row of [...box.children]) {
      if (wanted.has(row.dataset.task)) rows.set(row.dataset.task, row);
      else row.remove();
    }
    // A row is made once and moved only where it stands elsewhere: one that is taken out loses the keyboard's focus.
    tasks.forEach((task, at) => {
      const row = rows.get(task.id) || this.#row(task);
      if (box.children[at] !== row) box.insertBefore(row, box.children[at] || null);
      const part = (name) => row.querySelector(`[data-part="${name}"]`);
      const running = task.state === "RUNNING";
      part("chip").classList.toggle("dd-chip-sea", running);
      part("clock").hidden = running;
      part("dot").hidden = !running;
      part("place").textContent = running ? `${task.progress.percent} %` : standing(task);
      part("wait").textContent = running ? left(task, "") : starts(task);
    });
  }

  #row(task) {
    const { root, part } = clone("line-template");
    root.dataset.task = task.id;
    part("prompt").textContent = task.parameters.prompt;
    const cancel = root.querySelector('[data-act="cancel"]');
    cancel.setAttribute("aria-label", `Cancel: ${task.parameters.prompt}`);
    cancel.classList.toggle("invisible", task.state === "SENDING");
    cancel.addEventListener("click", () => this.#onCancel(task.id));
    return root;
  }

  #speak(sentence) {
    const now = Date.now();
    if (now - this.#spokenAt < SPOKEN_EVERY) return;
    this.#spokenAt = now;
    id("now-spoken").textContent = sentence;
  }
}

function standing(task) {
  if (task.state === "SENDING") return "Sending";
  return task.position ? place(task.position) : "On its way";
}

function starts(task) {
  return task.starts_in_seconds === undefined ? "" : `starts in ${about(task.starts_in_seconds)}`;
}

function left(task, before) {
  return task.estimated_seconds === undefined ? "" : `${before}${about(task.estimated_seconds)} left`;
}

// One tick a picture; for a single picture one a step, or one for some of them where they would run together. Steps as
// the server counts them: from a start image fewer are gone than were asked for.
function ticks({ parameters: { samples }, progress: { steps } }) {
  return samples > 1 ? samples : steps / Math.ceil(steps / MOST_TICKS);
}

function ending(task) {
  const count = task.images.length;
  const back = task.price - task.charged;
  const ready = count === 1 ? "1 picture is ready" : `${count} pictures are ready`;
  const returned = back ? `${tokens(back)} came back` : "";
  if (task.state === "SUCCEEDED") return `${ready}.`;
  if (task.state === "FAILED") {
    const cause = `It failed: ${task.error?.message || "it could not be drawn."}`;
    return [cause, returned && `${returned}.`].filter(Boolean).join(" ");
  }
  return `${["Cancelled", count && ready, returned].filter(Boolean).join(", ")}.`;
}
