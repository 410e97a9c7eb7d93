// The rows of the queue. While somebody points at them or has the keyboard among them none moves or goes: who is about
// to press "Cancel" must not hit the task below. What changes within a row is shown at once.

const id = (name) => document.getElementById(name);
const FURTHER = [" more waits behind these.", " more wait behind these."];

export class Jobs {
  #list;
  #gone = new Set();
  #total = 0;

  constructor(list) {
    this.#list = list;
    for (const [event, leaves] of [["pointerleave", () => true], ["focusout", (to) => !list.contains(to)]]) {
      list.addEventListener(event, ({ relatedTarget }) => leaves(relatedTarget) && setTimeout(() => this.#arrange()));
    }
  }

  // news: rows that are new or changed, ids of those that are gone; when it is full, whatever it does not name is gone.
  take({ full, rows, gone, total }) {
    this.#total = total;
    const named = new Set(rows.map((row) => row.id));
    for (const row of this.#list.children) if (full && !named.has(row.dataset.task)) this.#end(row.dataset.task);
    for (const task of gone) this.#end(task);
    for (const row of rows) this.#put(row);
    this.#arrange();
  }

  #find(task) {
    return [...this.#list.children].find((row) => row.dataset.task === task);
  }

  #put({ id: task, at, html }) {
    this.#gone.delete(task);
    const fresh = document.createRange().createContextualFragment(html).firstElementChild;
    const row = this.#find(task);
    if (!row) {
      this.#list.append(fresh);
      return;
    }
    row.dataset.at = at;
    row.className = fresh.className;
    for (const part of fresh.querySelectorAll("[data-live]")) {
      const shown = row.querySelector(`[data-live="${part.dataset.live}"]`);
      if (shown.innerHTML !== part.innerHTML) shown.replaceChildren(...part.childNodes);
    }
  }

  #end(task) {
    const row = this.#find(task);
    if (!row) return;
    this.#gone.add(task);
    row.classList.add("is-over");
    row.querySelector('[data-live="tells"]').textContent = "over, or further behind";
  }

  get #held() {
    return this.#list.matches(":hover") || this.#list.contains(document.activeElement);
  }

  #arrange() {
    const rows = [...this.#list.children];
    if (!this.#held) {
      for (const row of rows) if (this.#gone.has(row.dataset.task)) row.remove();
      this.#gone.clear();
      const sorted = [...this.#list.children].sort((one, other) => (one.dataset.at < other.dataset.at ? -1 : 1));
      sorted.forEach((row, at) => {
        if (this.#list.children[at] !== row) this.#list.insertBefore(row, this.#list.children[at]);
      });
    }
    const shown = this.#list.children.length - this.#gone.size;
    id("idle").hidden = this.#list.children.length > 0;
    const further = this.#total - shown;
    id("further").hidden = further <= 0;
    id("further").textContent = `${further}${FURTHER[further === 1 ? 0 : 1]} Search below to find one of them.`;
  }
}
