// The two texts: how long they may be, how long they are, and what the empty one suggests.

const MOST_CHARACTERS = 512;
const FALLBACK_IDEAS = ["A red house under a yellow sun", "A blue boat on a calm sea", "Three yellow rings on dark blue"];
const still = window.matchMedia("(prefers-reduced-motion: reduce)");

// What a model is good at, in its own words where it has some.
export function ideasOf(model) {
  const own = model?.example_prompts || [];
  return own.length >= 3 ? own : FALLBACK_IDEAS;
}

export class Prompts {
  #form;
  #most = MOST_CHARACTERS;
  #ideas;

  // ideas() gives the prompts that take turns in the empty field.
  constructor({ form, ideas }) {
    this.#form = form;
    this.#ideas = ideas;
    setInterval(() => still.matches || this.turn(), 8000);
  }

  limit({ max_prompt_chars: most }) {
    this.#most = Math.min(MOST_CHARACTERS, most || MOST_CHARACTERS);
  }

  get values() {
    const { prompt, negative_prompt: negative } = this.#form.elements;
    return { prompt: prompt.value.trim(), negative_prompt: negative.value.trim() };
  }

  get problems() {
    const { prompt, negative_prompt: negative } = this.values;
    const found = new Map();
    if (length(prompt) > this.#most) found.set("prompt", tooMany(length(prompt) - this.#most));
    if (length(negative) > this.#most) {
      found.set("negative_prompt", `Negative prompt: ${tooMany(length(negative) - this.#most)}`);
    }
    return found;
  }

  show() {
    const { prompt } = this.values;
    const count = document.getElementById("prompt-count");
    count.textContent = `${length(prompt)} / ${this.#most}`;
    count.classList.toggle("is-over", length(prompt) > this.#most);
    const words = document.getElementById("dock-words");
    words.textContent = prompt || "Write a prompt…";
    words.classList.toggle("is-blank", !prompt);
  }

  // The next suggestion, while nothing is written or being written.
  turn() {
    const { prompt } = this.#form.elements;
    if (prompt.value || document.activeElement === prompt) return;
    const ideas = this.#ideas();
    prompt.placeholder = ideas[(ideas.indexOf(prompt.placeholder) + 1) % ideas.length];
  }
}

// Characters as the server counts them: one for a letter outside the basic plane too.
function length(words) {
  return [...words].length;
}

function tooMany(count) {
  return count === 1 ? "1 character too many" : `${count} characters too many`;
}
