// What is queued or running, above the timeline, and only while there is something.

import { about, ahead, place } from "./format.js";
import { clone, drawPreview } from "./picture.js";
import { ENDED } from "./store.js";

const SPOKEN_EVERY = 4000;
const id = (name) => document.getElementById(name);

export class Progress {
  #store;
  #onCancel;
  #shown = null;
  #preview = null;
  #spokenAt = 0;
  #title = document.title;

  constructor(store, { onCancel }) {
    this.#store = store;
    this.#onCancel = onCancel;
    id("now-cancel").addEventListener("click", () => this.#shown && onCancel(this.#shown));
    store.onChange(() => this.show());
  }

  show() {
    const open = this.#store.tasks.filter((task) => !ENDED.has(task.state)).reverse();
    const first = open.find((task) => task.state === "RUNNING") || open[0];
    id("now").hidden = !first;
    if (!first) {
      this.#shown = null;
      document.title = this.#title;
      return;
    }
    if (this.#shown !== first.id) {
      this.#shown = first.id;
      this.#preview = null;
      id("now").classList.remove("has-preview");
      id("now-cancel").disabled = false;
      id("now-cancel").setAttribute("aria-label", `Cancel: ${first.parameters.prompt}`);
      id("now-prompt").textContent = first.parameters.prompt;
      this.#spokenAt = 0;
    }
    id("now-share").hidden = first.state !== "RUNNING";
    if (first.state === "RUNNING") this.#running(first);
    else this.#waiting(first);
    this.#line(open.filter((task) => task !== first));
  }

  #running(task) {
    const { step, steps, percent } = task.progress;
    const { samples, steps: each } = task.parameters;
    const ready = task.images.length;
    id("now-words").textContent = samples > 1 ? `Generating, ${ready} of ${samples} ready` : "Generating";
    id("now").classList.remove("is-queued");
    // One tick a step of each picture: over all pictures there would be too many to tell apart.
    id("now-horizon").style.setProperty("--dd-steps", each);
    const bar = id("now-bar");
    bar.value = percent;
    bar.textContent = `${percent} %`;
    id("now-percent").textContent = percent;
    id("now-step").textContent = `step ${step} of ${steps}`;
    const left = task.estimated_seconds;
    id("now-left").textContent = left === undefined ? "" : `${about(left)} left`;
    document.title = `${percent} % · Daydream`;
    this.#speak(`Step ${step} of ${steps}, ${percent} percent${left === undefined ? "" : `, ${about(left)} left`}.`);
    if (task.preview && task.preview !== this.#preview) {
      this.#preview = task.preview;
      drawPreview(id("now-preview"), task.preview).then(
        () => id("now").classList.add("has-preview"),
        () => {}, // A preview that cannot be drawn is no loss: the next one comes in a moment.
      );
    }
  }

  #waiting(task) {
    const words = task.position ? place(task.position) : "On its way";
    id("now-words").textContent = words;
    id("now").classList.add("is-queued");
    id("now-bar").value = 0;
    id("now-step").textContent = task.ahead === undefined ? "" : ahead(task.ahead);
    id("now-left").textContent = starts(task);
    document.title = `${words} · Daydream`;
    this.#speak(`${words}. ${starts(task)}`);
  }

  #line(tasks) {
    const box = id("now-line");
    box.hidden = !tasks.length;
    // A row that was pressed keeps its focus: rows are made once for a task and filled in again.
    const rows = new Map([...box.children].map((row) => [row.dataset.task, row]));
    box.replaceChildren(
      ...tasks.map((task) => {
        const row = rows.get(task.id) || this.#row(task);
        const part = (name) => row.querySelector(`[data-part="${name}"]`);
        part("place").textContent =
          task.state === "RUNNING" ? `${task.progress.percent} %` : task.position ? place(task.position) : "On its way";
        part("wait").textContent = task.state === "RUNNING" ? "" : starts(task);
        return row;
      }),
    );
  }

  #row(task) {
    const { root, part } = clone("line-template");
    root.dataset.task = task.id;
    part("prompt").textContent = task.parameters.prompt;
    const cancel = root.querySelector('[data-act="cancel"]');
    cancel.setAttribute("aria-label", `Cancel: ${task.parameters.prompt}`);
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

function starts(task) {
  return task.starts_in_seconds === undefined ? "" : `starts in ${about(task.starts_in_seconds)}`;
}
