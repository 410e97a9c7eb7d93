// The timeline: which cards there are, in which order, and which of them are near enough to the window to be filled.

import { Card } from "./card.js";
import { glide } from "./glide.js";
import { fillMenu } from "./menus.js";
import { ENDED } from "./store.js";

// Cards this near to the window are filled: more than a screen ahead of whoever scrolls.
const NEAR = "1200px 0px";
// As many are filled before the first paint as any window holds.
const AT_ONCE = 8;
const id = (name) => document.getElementById(name);

export class Timeline {
  #store;
  #pages;
  #acts;
  #selection;
  #cards = new Map();
  #near = new Set();
  #list = id("cards");
  #painted = false;
  #watch = new IntersectionObserver((entries) => this.#looked(entries), { rootMargin: NEAR });

  // acts: by the names that the templates give them in data-act, each called with the task and, on a tile, its image.
  constructor(store, { pages, acts, selection }) {
    this.#store = store;
    this.#pages = pages;
    this.#acts = acts;
    this.#selection = selection;
    this.#list.addEventListener("click", (event) => this.#pressed(event));
    // A menu is made when it is opened: hundreds of them would weigh more than the pictures.
    this.#list.addEventListener("show.bs.dropdown", ({ target }) => fillMenu(target, this.#about(target)));
    this.#list.addEventListener("focusout", () => setTimeout(() => this.#tidy()));
    store.onChange((ids) => this.#changed(ids));
    pages.onChange(() => this.#show([]));
    selection.onChange(() => this.#refill(this.#near));
    this.#show([]);
    this.#painted = true;
  }

  // Asks again for pictures that did not come while the line was down.
  reload() {
    for (const card of this.#cards.values()) card.reload();
  }

  // Where the keyboard goes when it comes back from a picture: to its tile, which may have to be made first.
  focus(taskId, imageId) {
    const card = this.#cards.get(taskId);
    const task = this.#store.get(taskId);
    if (card && task) this.#fill(card, task);
    const tile = card?.root.querySelector(`[data-image="${imageId}"] .dd-tile-open`);
    (tile ?? id("timeline")).focus({ preventScroll: !tile });
  }

  // Cards that come, end or go push others aside; progress moves nothing, and comes too often to be measured.
  #changed(ids) {
    const moves = ids.some((each) => !this.#cards.has(each) || ENDED.has(this.#store.get(each)?.state ?? "SUCCEEDED"));
    const near = [...this.#near].map((each) => this.#cards.get(each).root);
    if (moves) glide(near, () => this.#show(ids));
    else this.#show(ids);
  }

  // ids: the tasks that changed. What is shown at all may have changed with them.
  #show(ids) {
    const tasks = this.#pages.tasks;
    const wanted = new Set(tasks.map((task) => task.id));
    for (const key of this.#cards.keys()) if (!wanted.has(key)) this.#drop(key);
    let at = this.#list.firstElementChild;
    tasks.forEach((task, place) => {
      const card = this.#cards.get(task.id) ?? this.#make(task, place);
      if (card.root === at) at = at.nextElementSibling;
      else this.#list.insertBefore(card.root, at);
    });
    this.#refill(ids.filter((each) => this.#cards.get(each)?.filled));
    const searching = this.#pages.query !== "";
    id("wall").hidden = !tasks.length && !searching;
    id("empty").hidden = tasks.length > 0 || searching;
    id("nothing").hidden = tasks.length > 0 || !searching;
  }

  #make(task, place) {
    const card = new Card(task);
    this.#cards.set(task.id, card);
    this.#watch.observe(card.root);
    // What has just come stands at the top, and is looked at.
    if (place < AT_ONCE) {
      this.#near.add(task.id);
      this.#fill(card, task);
    }
    return card;
  }

  #drop(key) {
    const { root } = this.#cards.get(key);
    this.#watch.unobserve(root);
    root.remove();
    this.#cards.delete(key);
    this.#near.delete(key);
  }

  #fill(card, task) {
    card.fill(task, { picked: (image) => this.#selection.has(image), fresh: this.#painted });
  }

  #refill(ids) {
    for (const each of ids) {
      const [card, task] = [this.#cards.get(each), this.#store.get(each)];
      if (card && task) this.#fill(card, task);
    }
  }

  #looked(entries) {
    for (const { target, isIntersecting } of entries) {
      const key = target.dataset.task;
      const [card, task] = [this.#cards.get(key), this.#store.get(key)];
      if (!card || !task) continue;
      if (isIntersecting) {
        this.#near.add(key);
        this.#fill(card, task);
      } else {
        this.#near.delete(key);
      }
    }
    this.#tidy();
  }

  #tidy() {
    for (const [key, card] of this.#cards) {
      if (card.filled && !this.#near.has(key) && !card.needed) card.clear(this.#store.get(key));
    }
  }

  #about(element) {
    const task = this.#store.get(element.closest("[data-task]")?.dataset.task);
    const key = element.closest("[data-image]")?.dataset.image;
    return { task, image: task?.images.find((each) => each.id === key) };
  }

  #pressed(event) {
    const act = event.target.closest("[data-act]")?.dataset.act;
    const { task, image } = this.#about(event.target);
    if (act && task) this.#acts[act](task, image);
  }
}
