// The line to a plugin's page. It hears the window of its own frame, and only while a page of the host is in it; what
// is too large or comes too often is passed over, and said once in a while.

import { weight } from "./weight.js";

const MOST_BYTES = 10 * 2 ** 20;
const MOST_A_SECOND = 200;
const SAID_EVERY = 10_000;
const TOO_OFTEN = "This plugin says too much at once; some of it was passed over.";
const TOO_LARGE = "This plugin sent a message that is too large; it was passed over.";

export class Channel {
  #window;
  #origin;
  #onMessage;
  #onDropped;
  #second = 0;
  #count = 0;
  #saidAt = -SAID_EVERY;

  // frame() gives the frame as it is now, or null. onMessage(type, data) hears what comes, data {} for a plain string;
  // onDropped(sentence) of what was passed over.
  constructor(frame, origin, { onMessage, onDropped }) {
    this.#window = () => frame()?.contentWindow ?? null;
    this.#origin = origin;
    this.#onMessage = onMessage;
    this.#onDropped = onDropped;
    window.addEventListener("message", (event) => this.#hear(event));
  }

  say(message) {
    this.#window()?.postMessage(message, this.#origin);
  }

  #hear({ source, origin, data }) {
    if (source === null || source !== this.#window() || origin !== this.#origin) return;
    const now = performance.now();
    if (now - this.#second >= 1000) [this.#second, this.#count] = [now, 0];
    this.#count += 1;
    if (this.#count > MOST_A_SECOND) this.#drop(now, TOO_OFTEN);
    else if (weight(data, MOST_BYTES) > MOST_BYTES) this.#drop(now, TOO_LARGE);
    else if (typeof data === "string") this.#onMessage(data, {});
    else if (typeof data?.type === "string") this.#onMessage(data.type, data);
  }

  #drop(now, sentence) {
    if (now - this.#saidAt < SAID_EVERY) return;
    this.#saidAt = now;
    this.#onDropped(sentence);
  }
}
