// Every task the page knows, newest first, and who wants to hear of changes. A lower revision never replaces a higher.

export const ENDED = new Set(["SUCCEEDED", "FAILED", "CANCELLED"]);

export class Store {
  #tasks = new Map();
  #listeners = [];

  constructor(tasks) {
    for (const task of tasks) this.#tasks.set(task.id, task);
  }

  onChange(listener) {
    this.#listeners.push(listener);
  }

  get tasks() {
    return [...this.#tasks.values()].sort((a, b) => (a.created_at < b.created_at ? 1 : -1));
  }

  get(id) {
    return this.#tasks.get(id);
  }

  get revision() {
    return Math.max(0, ...[...this.#tasks.values()].map((task) => task.revision));
  }

  // The seed that the newest finished picture really had.
  get lastSeed() {
    return this.tasks.find((task) => task.images.length)?.images[0].seed;
  }

  put(tasks) {
    const changed = [];
    for (const task of tasks) {
      const known = this.#tasks.get(task.id);
      if (known && known.revision > task.revision) continue;
      // Within one revision progress only rises: an answer that was overtaken on its way must not turn it back.
      if (known && known.revision === task.revision && known.progress.percent > task.progress.percent) continue;
      this.#tasks.set(task.id, known?.preview && !ENDED.has(task.state) ? { ...task, preview: known.preview } : task);
      changed.push(task.id);
    }
    this.#tell(changed);
  }

  move(moves) {
    const changed = [];
    for (const move of moves) {
      const known = this.#tasks.get(move.id);
      if (!known || ENDED.has(known.state)) continue;
      this.#tasks.set(move.id, { ...known, ...move });
      changed.push(move.id);
    }
    this.#tell(changed);
  }

  #tell(ids) {
    if (ids.length) for (const listener of this.#listeners) listener(ids);
  }
}
