// Which tasks the timeline shows: as far back as was asked for, and in a search those whose prompt has the words. The
// server finds; what comes by the live line afterwards is looked at here.

import { ask } from "./http.js";

export class Pages {
  #store;
  #scope;
  #whole;
  #search = null;
  #asking = null;
  #wanted = null;
  #listeners = [];

  // tasks and cursor: the newest page; found: the newest page of the search for `query`, where there is one.
  constructor(store, { scope, tasks, cursor, query, found }) {
    this.#store = store;
    this.#scope = scope;
    this.#whole = { query: "", found: new Set(), ...reach({ tasks, cursor }) };
    if (query) this.#take(query, found);
  }

  // listener hears that other tasks are shown now.
  onChange(listener) {
    this.#listeners.push(listener);
  }

  get query() {
    return this.#search?.query ?? "";
  }

  get tasks() {
    const { floor, query, found } = this.#current;
    const words = query.toLowerCase();
    return this.#store.tasks.filter(
      ({ id, state, created_at: asked, parameters }) =>
        // What is older than the last page may be known by chance, and would hang there without its neighbours.
        (state === "SENDING" || asked >= floor) &&
        (found.has(id) || parameters.prompt.toLowerCase().includes(words)),
    );
  }

  get more() {
    return this.#current.cursor !== null;
  }

  // The next page. One at a time; whoever asks meanwhile waits for the same one.
  older() {
    if (!this.more) return Promise.resolve();
    this.#asking ??= this.#next().finally(() => (this.#asking = null));
    return this.#asking;
  }

  // Shows what has the words in its prompt; everything for none. An answer that another search overtook says nothing.
  async search(query) {
    if (query === this.query && !this.#wanted) return;
    this.#wanted = query;
    const found = query ? await this.#ask({ query }) : null;
    if (this.#wanted !== query) return;
    this.#wanted = null;
    if (found) this.#take(query, found);
    else this.#search = null;
    this.#tell();
  }

  get #current() {
    return this.#search ?? this.#whole;
  }

  async #next() {
    const current = this.#current;
    const page = await this.#ask({ query: current.query, cursor: current.cursor });
    for (const task of page.tasks) current.found.add(task.id);
    Object.assign(current, reach(page));
    this.#store.put(page.tasks);
    this.#tell();
  }

  #take(query, page) {
    this.#search = { query, found: new Set(page.tasks.map((task) => task.id)), ...reach(page) };
    this.#store.put(page.tasks);
  }

  #ask(what) {
    const named = Object.entries({ ...what, scope: this.#scope }).filter(([, value]) => value);
    return ask(`/studio/tasks?${new URLSearchParams(named)}`);
  }

  #tell() {
    for (const listener of this.#listeners) listener();
  }
}

// How far back a page leads, and where the next one begins.
function reach({ tasks, cursor }) {
  return { cursor, floor: cursor ? (tasks.at(-1)?.created_at ?? "") : "" };
}
