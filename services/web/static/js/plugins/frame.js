// The frame that a plugin's page stands in: opened through the host's sign-in, as high as its page is, empty until that
// has come.

import { ask } from "../http.js";
import { Channel } from "./channel.js";

const LOWEST = 160;
const HIGHEST = 4000;
const COMES_WITHIN_MS = 20_000;
const id = (name) => document.getElementById(name);

export class Frame {
  #host;
  #box = id("frame");
  #view = null;
  #wanted = null;
  #anew = null;
  #again = false;
  #late = 0;
  #spoke = false;
  #height = "";

  // onMessage(type, data) hears the page; onCome() that one stands there; onTrouble(sentence) of what went wrong.
  constructor(host, { onMessage, onCome, onTrouble }) {
    this.#host = host;
    this.onCome = onCome;
    this.onTrouble = onTrouble;
    this.channel = new Channel(() => this.#view, host.origin, {
      onMessage: (type, data) => this.#heard(type, data, onMessage),
      onDropped: onTrouble,
    });
    id("frame-again").addEventListener("click", () => this.open(this.#anew));
  }

  // The path of the page that was opened last; null for none.
  get path() {
    return this.#wanted;
  }

  // Whether the keyboard is in it, which is where a click in it takes it.
  get focused() {
    return this.#view !== null && document.activeElement === this.#view;
  }

  // Opens a page of the host, by its path.
  async open(path) {
    this.#wanted = this.#anew = path;
    this.#again = false;
    await this.#signIn();
  }

  // Nothing stands there for now, and a sentence says why; `anew` is the page that a button opens, where there is one.
  rest(sentence, anew = null) {
    // It is read out once, however often the task moves meanwhile.
    if (sentence && !this.#wanted && id("frame-words").textContent === sentence) return;
    this.#wanted = null;
    this.#anew = anew;
    clearTimeout(this.#late);
    this.#close();
    this.busy(false);
    this.#say(sentence, anew && "Begin anew");
    this.#box.hidden = !sentence;
  }

  // As high as its page, within reason; "full" is most of the window.
  resize({ height, targetHeight }) {
    const full = targetHeight === "full" ? window.innerHeight * 0.8 : Number(targetHeight);
    const wanted = Math.max(Number(height) || 0, Number.isFinite(full) ? full : 0);
    if (!wanted || !this.#view) return;
    this.#view.style.height = `${Math.round(Math.min(HIGHEST, Math.max(LOWEST, wanted)))}px`;
  }

  busy(on) {
    this.#box.setAttribute("aria-busy", String(on));
  }

  async #signIn() {
    const path = this.#wanted;
    this.#say("");
    this.busy(true);
    this.#box.hidden = false;
    this.#box.classList.add("is-empty");
    try {
      const { code } = await ask("/plugins/code", { method: "POST" });
      if (path !== this.#wanted) return;
      // A new frame for each page: going Back leaves this page, and not the frame's.
      const query = new URLSearchParams({ code, next: path });
      this.#place(`${this.#host.origin}/sign-in?${query}`);
    } catch (refusal) {
      if (path === this.#wanted) this.#fail(refusal.message);
      return;
    }
    clearTimeout(this.#late);
    this.#late = setTimeout(() => this.#fail("The plugin’s page does not come."), COMES_WITHIN_MS);
  }

  #place(address) {
    this.#close();
    const view = id("frame-template").content.firstElementChild.cloneNode(true);
    view.src = address;
    // As high as the last one until it says otherwise, so that nothing jumps.
    view.style.height = this.#height;
    view.addEventListener("load", () => this.#loaded(view));
    this.#view = view;
    this.#spoke = false;
    this.#box.prepend(view);
  }

  #close() {
    this.#height = this.#view?.style.height ?? "";
    this.#view?.remove();
    this.#view = null;
  }

  #heard(type, data, onMessage) {
    if (type !== "sign-in-needed") {
      if (type === "ui-loaded") {
        this.#spoke = true;
        this.#come();
      }
      onMessage(type, data);
    } else if (this.#again || !this.#wanted) {
      this.#fail("The plugin host does not let your browser in. It may refuse cookies of frames.");
    } else {
      // A code that came too late, or a session that has ended since: one new one, and no more. What has loaded then is
      // the host's own word, and not for showing.
      this.#again = this.#spoke = true;
      this.#signIn();
    }
  }

  async #loaded(view) {
    if (this.#view !== view) return;
    // A page without the protocol's script says nothing; it is shown all the same. What a browser puts there of its own
    // where no host answers says nothing either.
    const answers = this.#spoke || (await this.#host.answers());
    if (this.#view !== view) return;
    const spoke = this.#spoke;
    this.#spoke = false;
    if (!answers) this.#fail("The plugins do not answer. Try again in a moment.");
    else if (!spoke) this.#come();
  }

  #come() {
    clearTimeout(this.#late);
    this.busy(false);
    this.#box.classList.remove("is-empty");
    this.onCome();
  }

  #fail(sentence) {
    clearTimeout(this.#late);
    this.busy(false);
    this.#close();
    this.#say(sentence);
  }

  #say(sentence, retry = "Try again") {
    id("frame-trouble").hidden = !sentence;
    id("frame-words").textContent = sentence;
    id("frame-again").hidden = !retry;
    id("frame-again").textContent = retry ?? "";
  }
}
