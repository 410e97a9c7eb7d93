// What the panel held, kept in this browser for the person who is signed in, and forgotten at sign-out.

import { keep, recall } from "./kept.js";

export class Memory {
  #key;

  constructor(user) {
    this.#key = `dd-panel-${user}`;
  }

  // null for nothing, and for what cannot be read.
  read() {
    try {
      return JSON.parse(recall(this.#key));
    } catch {
      return null;
    }
  }

  write(values) {
    keep(this.#key, JSON.stringify(values));
  }
}
