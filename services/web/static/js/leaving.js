// What becomes of one's tasks when one leaves the page. The server remembers it for the person; every open page agrees.

import { ask } from "./http.js";
import { tell } from "./notice.js";

const id = (name) => document.getElementById(name);

export class Leaving {
  #chosen;
  #radios = [...document.querySelectorAll('[name="leaving"]')];
  #others = window.BroadcastChannel ? new BroadcastChannel("daydream-leaving") : null;

  constructor({ user, leaving }) {
    this.#show(leaving);
    for (const radio of this.#radios) radio.addEventListener("change", () => this.#choose(user, radio.value));
    if (this.#others) this.#others.onmessage = ({ data }) => data.user === user && this.#show(data.leaving);
    // The sentence belongs to the panel's help, wherever that is switched.
    const help = id("help-switch");
    const explain = () => (id("leaving-help").hidden = help.getAttribute("aria-pressed") !== "true");
    new MutationObserver(explain).observe(help, { attributeFilter: ["aria-pressed"] });
    explain();
  }

  async #choose(user, leaving) {
    try {
      await ask("/studio/leaving", { method: "PUT", body: { leaving } });
      this.#chosen = leaving;
      this.#others?.postMessage({ user, leaving });
    } catch (refusal) {
      this.#show(this.#chosen);
      tell(`That was not remembered. ${refusal.message}`, { refused: true });
    }
  }

  #show(leaving) {
    this.#chosen = leaving;
    for (const radio of this.#radios) radio.checked = radio.value === leaving;
  }
}
