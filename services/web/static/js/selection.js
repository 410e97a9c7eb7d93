// Pictures that were picked, to be saved or deleted together. Kept here and not in the tiles: far ones are given up.

const id = (name) => document.getElementById(name);

export class Selection {
  #pages;
  #on = false;
  #picked = new Set();
  #last = null;
  #listeners = [];
  #list = id("cards");

  // onPack(images) and onDelete(images) do what the two buttons say.
  constructor(store, { pages, onPack, onDelete }) {
    this.#pages = pages;
    id("select").addEventListener("click", () => (this.#on ? this.stop() : this.#start()));
    id("picked-all").addEventListener("click", () => this.#set(this.#all.map((image) => image.id), true));
    id("picked-pack").addEventListener("click", () => onPack(this.#images));
    id("picked-delete").addEventListener("click", () => onDelete(this.#images));
    id("picked-stop").addEventListener("click", () => this.stop());
    this.#list.addEventListener("click", (event) => this.#ticked(event));
    document.addEventListener("keydown", (event) => {
      const elsewhere = document.querySelector("dialog[open], .dropdown-menu.show");
      if (event.key === "Escape" && this.#on && !elsewhere) this.stop();
    });
    store.onChange(() => this.#on && this.#prune());
    pages.onChange(() => this.#on && this.#prune());
  }

  // listener hears that ticks were set or taken away.
  onChange(listener) {
    this.#listeners.push(listener);
  }

  has(imageId) {
    return this.#picked.has(imageId);
  }

  pick(image) {
    this.#set([image.id], true);
    this.#last = image.id;
  }

  stop() {
    const places = [id("picked"), this.#list];
    // A button that was disabled while it was pressed has let the keyboard go.
    const focused = document.activeElement;
    const held = focused === document.body || places.some((each) => each.contains(focused));
    this.#on = false;
    this.#picked.clear();
    this.#last = null;
    this.#show();
    if (held) id("select").focus();
  }

  #start() {
    this.#on = true;
    this.#show();
  }

  // Every picture of the timeline, in the order it hangs there.
  get #all() {
    return this.#pages.tasks.flatMap((task) => task.images);
  }

  get #images() {
    return this.#all.filter((image) => this.#picked.has(image.id));
  }

  #ticked(event) {
    const label = event.target.closest(".dd-tile-check");
    if (!label) return;
    const tick = label.querySelector("input");
    if (event.target !== tick) {
      // Not every browser passes a press with a key on from a label to its box.
      event.preventDefault();
      tick.checked = !tick.checked;
    }
    const picked = label.closest("[data-image]").dataset.image;
    this.#set(event.shiftKey && this.#last ? this.#between(this.#last, picked) : [picked], tick.checked);
    this.#last = picked;
  }

  #between(one, other) {
    const ids = this.#all.map((image) => image.id);
    const [from, to] = [ids.indexOf(one), ids.indexOf(other)].sort((a, b) => a - b);
    return from < 0 ? [other] : ids.slice(from, to + 1);
  }

  #set(ids, wanted) {
    this.#on = true;
    for (const each of ids) {
      if (wanted) this.#picked.add(each);
      else this.#picked.delete(each);
    }
    this.#show();
  }

  // What is gone, or not shown any more, cannot be picked.
  #prune() {
    const there = new Set(this.#all.map((image) => image.id));
    for (const each of this.#picked) if (!there.has(each)) this.#picked.delete(each);
    this.#show();
  }

  #show() {
    id("select").setAttribute("aria-pressed", String(this.#on));
    this.#list.classList.toggle("is-picking", this.#on);
    id("picked").hidden = !this.#on;
    const count = this.#picked.size;
    const all = this.#all.length;
    const words = this.#on ? `${count} of ${all}${this.#pages.more ? " shown so far" : ""} picked` : "";
    if (id("picked-count").textContent !== words) id("picked-count").textContent = words;
    for (const name of ["picked-pack", "picked-delete"]) id(name).disabled = !count;
    for (const listener of this.#listeners) listener();
  }
}
