// The quiet hint under the prompt: which of its words the model does not know. It is no error and stops nothing.

import { hint, strangers } from "./words.js";

// Not while a word is half typed.
const PAUSE_MS = 700;

export class Lexicon {
  #line = document.getElementById("prompt-unknown");
  #words = this.#line.querySelector("span");
  #link = this.#line.querySelector("a");
  #timer = 0;
  #next = "";

  // Says what of `prompt` is strange to `model`, after a pause in typing.
  show(prompt, model) {
    const found = model ? strangers(prompt, model.known_words) : [];
    const sentence = found.length ? hint(model.title, found) : "";
    // Asked again at every event of a task; only what was typed begins the pause anew.
    if (sentence === this.#next) return;
    this.#next = sentence;
    clearTimeout(this.#timer);
    if (!sentence) this.#say("");
    else this.#timer = setTimeout(() => this.#say(sentence), PAUSE_MS);
  }

  #say(sentence) {
    // Told once: the same sentence again would be read out again.
    if (this.#words.textContent !== sentence) this.#words.textContent = sentence;
    this.#link.hidden = !sentence;
  }
}
