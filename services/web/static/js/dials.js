// A dial: a slider and a number. The number is what counts; the slider is a coarse way to set it.

export class Dial {
  #range;
  #number;
  #listeners = [];
  #limits = { min: 1, max: 1, step: 1 };
  #label;

  constructor(form, name) {
    this.#range = form.querySelector(`[data-dial="${name}"]`);
    this.#number = form.elements[name];
    this.#label = form.querySelector(`label[for="${this.#range.id}"]`).textContent;
    this.#range.addEventListener("input", () => {
      this.#number.value = this.#range.value;
      this.#tell();
    });
    // What cannot be is left as it was typed, marked and not sent: a number in its place would be one nobody chose.
    this.#number.addEventListener("input", () => {
      if (!this.problem) this.#range.value = this.#number.value;
      this.#tell();
    });
  }

  // Hears of every change, also of those to a value that cannot be.
  onInput(listener) {
    this.#listeners.push(listener);
  }

  // step is what values must be multiples of, null where any will do; coarse is the slider's own.
  limit({ min, max, step, coarse = step }) {
    this.#limits = { min, max, step };
    for (const input of [this.#range, this.#number]) Object.assign(input, { min, max });
    this.#range.step = coarse;
    this.#number.step = step ?? 0.1;
  }

  // Why the number cannot be, in words for the button; null when it can.
  get problem() {
    const { min, max, step } = this.#limits;
    const value = this.value;
    if (value >= min && value <= max && (step === null || (value - min) % step === 0)) return null;
    return `${this.#label}: ${min} to ${max}${step > 1 ? ` by ${step}` : ""}`;
  }

  // NaN while there is no number at all.
  get value() {
    return this.#number.value === "" ? NaN : Number(this.#number.value);
  }

  // Moves what the model cannot hold to the nearest that it can; the person sees it move.
  set value(wanted) {
    const { min, max, step } = this.#limits;
    const near = step === null ? Number(wanted) : min + Math.round((wanted - min) / step) * step;
    const most = step === null ? max : min + Math.floor((max - min) / step) * step;
    this.#number.value = Math.min(most, Math.max(min, near));
    this.#range.value = this.#number.value;
  }

  #tell() {
    for (const listener of this.#listeners) listener(this.value);
  }
}
