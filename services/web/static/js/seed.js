// A seed's field: −1 draws one.

export class Seed {
  #field;
  #label;
  #onInput;

  // onInput hears of every change by hand.
  constructor(field, label, onInput) {
    this.#field = field;
    this.#label = label;
    this.#onInput = onInput;
    field.addEventListener("input", onInput);
  }

  // A button that puts the seed there that seed() gives.
  offer(name, seed) {
    document.getElementById(name).addEventListener("click", () => {
      this.value = seed();
      this.#onInput();
    });
  }

  // NaN while there is no number at all.
  get value() {
    return this.#field.value === "" ? NaN : Number(this.#field.value);
  }

  set value(seed) {
    this.#field.value = seed;
  }

  // Why it cannot be, in words for the button; null when it can.
  get problem() {
    if (this.value > Number.MAX_SAFE_INTEGER) return `${this.#label}: that is too large`;
    return Number.isInteger(this.value) && this.value >= -1 ? null : `${this.#label}: −1 or 0, 1, 2, …`;
  }
}
