// One task in the timeline. What stands in it is made when it comes near the window and given up when it is far away; its
// place keeps its height all the while. A card is only changed where its task changed: pictures never blink.

import { clampable } from "./clamp.js";
import { place, size, tokens, took, when } from "./format.js";
import { clone, facts, icon } from "./picture.js";
import { ENDED } from "./store.js";
import { drop, mark, picture, reload, waiting } from "./tile.js";

// About as high as a card with one row of pictures, until one was measured.
const heights = { usual: 300 };

export class Card {
  root = document.createElement("li");
  #inside = null;
  #seen = "";
  #slots = [];
  #height;

  constructor(task) {
    this.root.dataset.task = task.id;
    this.#height = heights[kind(task)] ?? heights.usual;
    this.#far();
  }

  get filled() {
    return this.#inside !== null;
  }

  // picked(image id) tells whether its tick is set; fresh, whether a picture that is new to the card comes just now.
  fill(task, { picked, fresh }) {
    if (!this.filled) this.#make(task);
    const { state, revision, position, images } = task;
    const seen = JSON.stringify([revision, state, position, images.length]);
    if (this.#seen !== seen) this.#show(task, { fresh: fresh && this.#seen !== "" });
    this.#seen = seen;
    for (const tick of this.root.querySelectorAll('[data-part="tick"]')) {
      tick.checked = picked(tick.closest("[data-image]").dataset.image);
    }
  }

  // Not while the keyboard is in it, or a menu of it is open.
  get needed() {
    return this.root.contains(document.activeElement) || this.root.querySelector(".dropdown-menu.show") !== null;
  }

  // Gives up what stands in it; `task` tells what cards of its kind are high.
  clear(task) {
    this.#height = this.root.offsetHeight;
    if (task) heights[kind(task)] = this.#height;
    for (const button of this.root.querySelectorAll('[data-bs-toggle="dropdown"]')) {
      window.bootstrap?.Dropdown.getInstance(button)?.dispose();
    }
    for (const image of this.root.querySelectorAll("img")) drop(image);
    this.root.replaceChildren();
    [this.#inside, this.#seen, this.#slots] = [null, "", []];
    this.#far();
  }

  reload() {
    reload(this.root);
  }

  #far() {
    this.root.className = "dd-far";
    this.root.style.blockSize = `${this.#height}px`;
  }

  #make(task) {
    const made = clone("card-template");
    this.#inside = made;
    const title = made.part("prompt");
    title.id = `task-${task.id}`;
    made.root.setAttribute("aria-labelledby", title.id);
    this.root.className = "";
    this.root.style.blockSize = "";
    this.root.append(made.root);
    title.textContent = task.parameters.prompt;
    clampable(title, made.part("whole"));
  }

  #show(task, { fresh }) {
    const { part, root: article } = this.#inside;
    const ended = ENDED.has(task.state);
    const failed = task.state === "FAILED";
    // The label keeps the room that it had while the task was under way: what hangs below does not move when it ends.
    if (ended && this.root.dataset.state && !ENDED.has(this.root.dataset.state)) {
      const label = article.querySelector(".dd-task-label");
      label.style.minBlockSize = `${label.offsetHeight}px`;
    }
    this.root.dataset.state = task.state;
    chip(part("chip"), task);
    facts(part("facts"), cardFacts(task));
    part("cancel").hidden = ended || task.state === "SENDING";
    part("cancel").setAttribute("aria-label", `Cancel this task: ${task.parameters.prompt}`);
    part("reuse").hidden = !ended || failed || Boolean(task.imported_from);
    part("zip").hidden = !ended || !task.images.length;
    part("more-box").hidden = !ended;
    part("more").setAttribute("aria-label", `More for: ${task.parameters.prompt}`);
    part("failure").hidden = !failed;
    part("again").hidden = !failed;
    if (failed) {
      part("cause").textContent = task.error?.message || "It could not be drawn.";
      part("money").textContent = money(task);
    }
    this.#tiles(task, fresh);
    // With nothing to hang beside it the label takes the whole width.
    const bare = ended && !failed && !task.images.length;
    part("side").hidden = bare;
    article.classList.toggle("is-bare", bare);
  }

  #tiles(task, fresh) {
    const list = this.#inside.part("tiles");
    const byIndex = new Map(task.images.map((image) => [image.index, image]));
    const gone = new Set(task.deleted);
    const wanted = [];
    for (let index = 0; index < task.parameters.samples; index += 1) {
      const image = byIndex.get(index);
      if (image) {
        wanted.push({ key: image.id, image, make: () => picture(task, image, { fresh }) });
      } else if (!ENDED.has(task.state) && !gone.has(index)) {
        const key = `waiting-${index}-${task.parameters.seed}`;
        wanted.push({ key, make: () => waiting(task, index) });
      }
    }
    const known = new Map(this.#slots.map((slot) => [slot.key, slot.root]));
    this.#slots = wanted.map(({ key, image, make }) => {
      const root = known.get(key) ?? make();
      if (image) mark(root, image);
      return { key, root };
    });
    // A tile that stays is not taken out: it would lose the keyboard's focus.
    const roots = this.#slots.map((slot) => slot.root);
    for (const old of [...list.children]) if (!roots.includes(old)) old.remove();
    roots.forEach((root, at) => list.children[at] !== root && list.insertBefore(root, list.children[at] ?? null));
    list.hidden = !roots.length;
  }
}

// Cards with as many pictures of one shape, in one state, are about equally high.
function kind({ state, images, parameters: { samples, width, height } }) {
  return `${state} ${ENDED.has(state) ? images.length : samples} ${(width / height).toFixed(1)}`;
}

function chip(box, task) {
  const gone = ENDED.has(task.state) && !task.images.length && task.deleted.length > 0;
  const words = {
    SENDING: "sending",
    PENDING: "on its way",
    QUEUED: task.position ? place(task.position) : "in line",
    RUNNING: task.parameters.samples > 1 ? `${task.images.length} of ${task.parameters.samples} ready` : "running",
    SUCCEEDED: gone && "Pictures deleted",
    FAILED: "Failed",
    CANCELLED: gone ? "Pictures deleted" : task.images.length ? "Cancelled" : "Cancelled before the first picture",
  }[task.state];
  box.hidden = !words;
  if (!words) return;
  const shade = { RUNNING: " dd-chip-sea", FAILED: " dd-chip-danger" }[task.state] || "";
  const dot = Object.assign(document.createElement("span"), { className: "dd-dot" });
  dot.setAttribute("aria-hidden", "true");
  const waits = { SENDING: "clock", QUEUED: "clock", PENDING: "clock", FAILED: "warn", CANCELLED: "ban" };
  const symbol = gone ? "trash" : waits[task.state];
  const label = Object.assign(document.createElement("span"), { className: `dd-chip${shade}` });
  label.append(symbol ? icon(symbol) : dot, words);
  box.replaceChildren(label);
}

// As many rows while it is under way as when it succeeded, so that nothing below them moves.
function cardFacts(task) {
  const { parameters } = task;
  if (task.imported_from) {
    const [image] = task.images;
    const told = [["Added", when(task.created_at)], ["From", task.imported_from], ["Size", size(image ?? parameters)]];
    return told.map((pair) => [...pair, true]);
  }
  const ended = ENDED.has(task.state);
  const left = [["Asked", when(task.created_at)]];
  if (!ended) left.push([task.state === "SENDING" ? "Costs" : "Held", tokens(task.price)]);
  if (task.charged && ended) left.push(["Charged", tokens(task.charged)]);
  if (ended && task.price > task.charged) left.push(["Returned", tokens(task.price - task.charged)]);
  left.push(["Size", size(parameters)]);
  // Short values stand on the right, so that two facts a row fit beside each other.
  const right = [["Steps", parameters.steps], ["Guidance", parameters.guidance]];
  if (task.state !== "FAILED" && task.state !== "CANCELLED") {
    right.unshift(["Took", ended ? took(task.duration_ms) : "…"]);
  }
  const pairs = left.flatMap((pair, row) => (right[row] ? [pair, right[row]] : [[...pair, true]]));
  pairs.push(["Sampler", parameters.sampler, true]);
  if (parameters.negative_prompt) pairs.push(["Without", parameters.negative_prompt, true]);
  return pairs;
}

function money(task) {
  const back = task.price - task.charged;
  if (!back) return "";
  const which = task.charged ? `${tokens(back)}` : back === 1 ? "Your token" : `Your ${back} tokens`;
  return `${which} came back.`;
}
