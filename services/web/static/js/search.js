// The search box over the timeline, and the button and the scrolling that bring older tasks.

import { tell } from "./notice.js";

// Not while a word is half typed.
const PAUSE_MS = 250;
// Older tasks are asked for this long before the end comes into view.
const AHEAD = "1800px 0px";
const id = (name) => document.getElementById(name);

export class Search {
  #pages;
  #timer = 0;
  #field = id("find");
  #watch = new IntersectionObserver((entries) => entries.at(-1).isIntersecting && this.#older(), { rootMargin: AHEAD });

  constructor(pages) {
    this.#pages = pages;
    this.#field.addEventListener("input", () => {
      clearTimeout(this.#timer);
      this.#timer = setTimeout(() => this.#find(), PAUSE_MS);
    });
    id("find-form").addEventListener("submit", (event) => {
      event.preventDefault();
      clearTimeout(this.#timer);
      this.#find();
    });
    id("older").addEventListener("click", () => this.#older());
    // Scrolling brings them too; who has no observer, or comes by keyboard, has the button.
    this.#watch.observe(id("older-mark"));
    pages.onChange(() => this.#show());
    this.#show();
  }

  async #find() {
    const query = this.#field.value.trim();
    try {
      await this.#pages.search(query);
      const count = this.#pages.tasks.length;
      const more = this.#pages.more ? "more than " : "";
      id("found").textContent = query ? (count ? `${more}${count} found.` : "Nothing found.") : "";
    } catch (refusal) {
      tell(refusal.message, { refused: true });
    }
  }

  async #older() {
    const button = id("older");
    if (button.disabled || !this.#pages.more) return;
    button.disabled = true;
    const held = document.activeElement === button;
    try {
      await this.#pages.older();
      // It speaks up when the end comes near, not while it stays there: one page may not have been enough.
      this.#watch.unobserve(id("older-mark"));
      this.#watch.observe(id("older-mark"));
    } catch (refusal) {
      // Asked again by the button, or by the next scroll.
      tell(refusal.message, { refused: true });
    } finally {
      button.disabled = false;
      if (held && !button.hidden) button.focus();
      else if (held) id("timeline").focus({ preventScroll: true });
    }
  }

  // The address follows, so that a reload and the other scope search for the same.
  #show() {
    const { query } = this.#pages;
    id("older").hidden = !this.#pages.more;
    id("nothing-words").textContent = `No prompt here contains “${query}”.`;
    for (const link of document.querySelectorAll("[data-scope]")) link.href = address(link.href, query);
    const here = address(location.href, query);
    if (here !== location.href) history.replaceState(null, "", here);
  }
}

function address(given, query) {
  const url = new URL(given);
  if (query) url.searchParams.set("query", query);
  else url.searchParams.delete("query");
  return url.href;
}
