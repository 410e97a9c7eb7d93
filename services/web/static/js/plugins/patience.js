// When a plugin's page may ask for a dialog again, so that none holds a person who keeps closing it: not for a moment
// after one was dismissed, longer each time, and only soon after the person did something here or in the page.

const FIRST_MS = 2000;
const LONGEST_MS = 32_000;
// Dismissals further apart than this have nothing to do with each other.
const APART_MS = 60_000;

export class Patience {
  #hold = 0;
  #since = -APART_MS;

  allows() {
    // A click within a frame counts for the page round it; a browser that does not tell is believed.
    const acted = navigator.userActivation?.isActive ?? true;
    return acted && performance.now() - this.#since >= this.#hold;
  }

  // A dialog has closed; `chosen`: with a choice.
  answered(chosen) {
    const now = performance.now();
    if (chosen) this.#hold = 0;
    else if (this.#hold && now - this.#since < APART_MS) this.#hold = Math.min(this.#hold * 2, LONGEST_MS);
    else this.#hold = FIRST_MS;
    this.#since = now;
  }
}
