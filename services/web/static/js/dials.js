// A dial: a slider and a number that always say the same.

export class Dial {
  #range;
  #number;
  #listeners = [];

  constructor(form, name) {
    this.name = name;
    this.#range = form.querySelector(`[data-dial="${name}"]`);
    this.#number = form.elements[name];
    this.#range.addEventListener("input", () => {
      this.#number.value = this.#range.value;
      this.#tell();
    });
    this.#number.addEventListener("input", () => {
      if (!this.#number.validity.valid || this.#number.value === "") return;
      this.#range.value = this.#number.value;
      this.#tell();
    });
    // What cannot be is put right when the person is done typing, not while they type.
    this.#number.addEventListener("change", () => {
      this.value = this.#number.value === "" ? this.#range.value : this.#number.value;
      this.#tell();
    });
  }

  onInput(listener) {
    this.#listeners.push(listener);
  }

  limit({ min, max, step }) {
    for (const input of [this.#range, this.#number]) {
      input.min = min;
      input.max = max;
      input.step = step;
    }
  }

  get value() {
    return Number(this.#range.value);
  }

  set value(wanted) {
    // The slider itself clamps and snaps; the number then says what the slider made of it.
    this.#range.value = wanted;
    this.#number.value = this.#range.value;
  }

  get max() {
    return Number(this.#range.max);
  }

  #tell() {
    for (const listener of this.#listeners) listener(this.value);
  }
}
