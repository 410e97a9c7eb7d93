// Every task the page knows, newest first, and who wants to hear of changes. A lower revision never replaces a higher.

export const ENDED = new Set(["SUCCEEDED", "FAILED", "CANCELLED"]);

export class Store {
  #tasks = new Map();
  #order = null;
  #listeners = [];
  #sent = 0;

  constructor(tasks) {
    for (const task of tasks) this.#tasks.set(task.id, task);
  }

  // listener hears the ids of tasks that came, changed or went.
  onChange(listener) {
    this.#listeners.push(listener);
  }

  get tasks() {
    // Sorted only when a task came or went: progress comes many times a second, and there may be hundreds.
    this.#order ??= [...this.#tasks.values()].sort(newestFirst).map((task) => task.id);
    return this.#order.map((id) => this.#tasks.get(id));
  }

  get(id) {
    return this.#tasks.get(id);
  }

  get revision() {
    return Math.max(0, ...[...this.#tasks.values()].map((task) => task.revision));
  }

  // The seed that the newest picture really had; one that was imported has none.
  get lastSeed() {
    return this.tasks.find((task) => task.images.length && !task.imported_from)?.images[0].seed;
  }

  put(tasks) {
    const changed = [];
    for (const task of tasks) {
      const known = this.#tasks.get(task.id);
      if (known && known.revision > task.revision) continue;
      // Within one revision progress only rises: an answer that was overtaken on its way must not turn it back.
      if (known && known.revision === task.revision && known.progress.percent > task.progress.percent) continue;
      if (!known) changed.push(...this.#settle(task));
      this.#set(task.id, known?.preview && !ENDED.has(task.state) ? { ...task, preview: known.preview } : task);
      changed.push(task.id);
    }
    this.#tell(changed);
  }

  move(moves) {
    const changed = [];
    for (const move of moves) {
      const known = this.#tasks.get(move.id);
      if (!known || ENDED.has(known.state)) continue;
      this.#set(move.id, { ...known, ...move });
      changed.push(move.id);
    }
    this.#tell(changed);
  }

  // What was sent and not answered yet: it takes its place from the moment of the press, so that nothing jumps when the
  // answer comes. Gives its id, for `forget`.
  begin(parameters, price) {
    this.#sent += 1;
    const id = `sending-${this.#sent}`;
    const progress = { step: 0, steps: 0, percent: 0 };
    const rest = { revision: -1, charged: 0, images: [], deleted: [], created_at: new Date().toISOString() };
    this.#set(id, { id, state: "SENDING", parameters, price, progress, ...rest });
    this.#tell([id]);
    return id;
  }

  // The answer came, with the task or without. The stream may have brought the task before it.
  forget(id, task) {
    const gone = this.#drop(id);
    if (task) this.put([task]);
    if (gone) this.#tell([id]);
  }

  // A task of the same words that nobody knew is what was sent, heard of by the stream before the answer.
  #settle(task) {
    if (ENDED.has(task.state)) return [];
    const draft = [...this.#tasks.values()].find(
      (each) => each.state === "SENDING" && each.parameters.prompt === task.parameters.prompt,
    );
    return draft && this.#drop(draft.id) ? [draft.id] : [];
  }

  #set(id, task) {
    if (!this.#tasks.has(id)) this.#order = null;
    this.#tasks.set(id, task);
  }

  #drop(id) {
    this.#order = null;
    return this.#tasks.delete(id);
  }

  #tell(ids) {
    if (ids.length) for (const listener of this.#listeners) listener(ids);
  }
}

// What was only sent stands first: this machine's clock is not the server's.
function newestFirst(a, b) {
  const sent = (b.state === "SENDING") - (a.state === "SENDING");
  if (sent || a.created_at === b.created_at) return sent;
  return a.created_at < b.created_at ? 1 : -1;
}
