// The cards of the timeline. A card is made once and then only changed where its task changed: pictures never blink.

import { clampable } from "./clamp.js";
import { place, size, tokens, took, when } from "./format.js";
import { clone, facts, icon } from "./picture.js";
import { ENDED } from "./store.js";

export class Timeline {
  #store;
  #cards = new Map();
  #list = document.getElementById("cards");
  #acts;
  #first = true;

  // acts: reuse(task), variant(task), retry(task), edit(task), open(task, image), imageReuse(…), imageVariant(…)
  constructor(store, acts) {
    this.#store = store;
    this.#acts = acts;
    store.onChange((ids) => this.show(ids));
    this.show(store.tasks.map((task) => task.id));
    this.#first = false;
  }

  show(ids) {
    const tasks = this.#store.tasks;
    for (const id of ids) {
      const task = this.#store.get(id);
      const card = this.#cards.get(id) || this.#make(task);
      this.#fill(card, task);
    }
    // Cards stand in the order of the tasks; only what stands elsewhere is moved.
    tasks.forEach((task, at) => {
      const { root } = this.#cards.get(task.id);
      if (this.#list.children[at] !== root) this.#list.insertBefore(root, this.#list.children[at] || null);
    });
    document.getElementById("wall").hidden = !tasks.length;
    document.getElementById("empty").hidden = tasks.length > 0;
  }

  #make(task) {
    const card = { ...clone("card-template"), slots: [], task };
    const title = card.part("prompt");
    title.id = `task-${task.id}`;
    card.root.querySelector("article").setAttribute("aria-labelledby", title.id);
    card.root.dataset.task = task.id;
    card.root.addEventListener("click", (event) => {
      const act = event.target.closest("[data-act]")?.dataset.act;
      if (!act) return;
      const key = event.target.closest("[data-image]")?.dataset.image;
      const current = this.#store.get(task.id);
      const image = current.images.find((each) => each.id === key);
      if (act === "open") this.#acts.open(current, image);
      else if (act === "image-reuse") this.#acts.imageReuse(current, image);
      else if (act === "image-variant") this.#acts.imageVariant(current, image);
      else this.#acts[act](current);
    });
    clampable(title, card.part("whole"));
    this.#cards.set(task.id, card);
    return card;
  }

  #fill(card, task) {
    const seen = JSON.stringify([task.revision, task.state, task.position, task.images.length]);
    if (card.seen === seen) return;
    card.seen = seen;
    card.root.dataset.state = task.state;
    card.part("prompt").textContent = task.parameters.prompt;
    chip(card.part("chip"), task);
    facts(card.part("facts"), cardFacts(task));
    const failed = task.state === "FAILED";
    card.part("acts").hidden = failed || !ENDED.has(task.state);
    card.part("failure").hidden = !failed;
    card.part("again").hidden = !failed;
    if (failed) {
      card.part("cause").textContent = task.error?.message || "It could not be drawn.";
      card.part("money").textContent = money(task);
    }
    this.#tiles(card, task);
    // With nothing to hang beside it the label takes the whole width.
    const bare = task.state === "CANCELLED" && !task.images.length;
    card.part("side").hidden = bare;
    card.root.querySelector("article").classList.toggle("is-bare", bare);
  }

  #tiles(card, task) {
    const list = card.part("tiles");
    const byIndex = new Map(task.images.map((image) => [image.index, image]));
    const wanted = [];
    for (let index = 0; index < task.parameters.samples; index += 1) {
      const image = byIndex.get(index);
      if (image) wanted.push({ key: image.id, make: () => this.#picture(task, image) });
      else if (!ENDED.has(task.state)) wanted.push({ key: waitingKey(task, index), make: () => waiting(task, index) });
    }
    card.slots = wanted.map(({ key, make }, at) => {
      const old = card.slots[at];
      if (old?.key === key) return old;
      return { key, root: make() };
    });
    list.replaceChildren(...card.slots.map((slot) => slot.root));
    list.hidden = !card.slots.length;
  }

  #picture(task, image) {
    const { root, part } = clone("picture-template");
    const { prompt } = task.parameters;
    root.dataset.image = image.id;
    const pic = root.querySelector(".dd-tile-pic");
    shape(pic, task);
    if (!this.#first) pic.classList.add("is-new");
    const picture = part("image");
    Object.assign(picture, { width: image.width, height: image.height, alt: prompt, decoding: "async" });
    picture.loading = "lazy";
    picture.src = image.thumbnail_url;
    root.querySelector(".dd-tile-open").setAttribute("aria-label", `Open: ${prompt}, seed ${image.seed}`);
    for (const name of ["download", "download-too"]) {
      part(name).href = `${image.url}?download`;
      part(name).setAttribute("download", "");
    }
    part("seed").textContent = image.seed;
    part("more").setAttribute("aria-label", `More for seed ${image.seed}`);
    return root;
  }
}

function waitingKey(task, index) {
  return `waiting-${index}-${task.parameters.seed}`;
}

function waiting(task, index) {
  const { root, part } = clone("tile-template");
  shape(root.querySelector(".dd-tile-pic"), task);
  part("seed").textContent = task.parameters.seed < 0 ? "not drawn yet" : `seed ${task.parameters.seed + index}`;
  return root;
}

function shape(pic, task) {
  const aspect = task.parameters.width / task.parameters.height;
  pic.style.setProperty("--dd-aspect", aspect);
  // In a low picture the quick buttons would lie where one presses to open it.
  pic.classList.toggle("is-low", aspect > 1.3);
}

function chip(box, task) {
  const words = {
    PENDING: "on its way",
    QUEUED: task.position ? place(task.position) : "in line",
    RUNNING: task.parameters.samples > 1 ? `${task.images.length} of ${task.parameters.samples} ready` : "running",
    FAILED: "Failed",
    CANCELLED: task.images.length ? "Cancelled" : "Cancelled before the first picture",
  }[task.state];
  box.hidden = !words;
  if (!words) return;
  const kind = { RUNNING: " dd-chip-sea", FAILED: " dd-chip-danger" }[task.state] || "";
  const mark = Object.assign(document.createElement("span"), { className: "dd-dot" });
  mark.setAttribute("aria-hidden", "true");
  const symbol = { QUEUED: "clock", PENDING: "clock", FAILED: "warn", CANCELLED: "ban" }[task.state];
  const label = Object.assign(document.createElement("span"), { className: `dd-chip${kind}` });
  label.append(symbol ? icon(symbol) : mark, words);
  box.replaceChildren(label);
}

function cardFacts(task) {
  const { parameters } = task;
  const ended = ENDED.has(task.state);
  const left = [["Asked", when(task.created_at)]];
  if (!ended) left.push(["Held", tokens(task.price)]);
  if (task.charged) left.push(["Charged", tokens(task.charged)]);
  if (ended && task.price > task.charged) left.push(["Returned", tokens(task.price - task.charged)]);
  left.push(["Size", size(parameters)]);
  // Short values stand on the right, so that two facts a row fit beside each other.
  const right = [["Steps", parameters.steps], ["Guidance", parameters.guidance]];
  if (task.state === "SUCCEEDED") right.unshift(["Took", took(task.duration_ms)]);
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
