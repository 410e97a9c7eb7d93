// Width and height together: presets, lock, swap, and never more pixels than the model holds.

export class Shapes {
  #width;
  #height;
  #lock;
  #radios;
  #limits = null;
  #area = 256 * 256;
  #ratio = 1;

  constructor({ width, height, form, onChange }) {
    this.#width = width;
    this.#height = height;
    this.#lock = form.querySelector("#lock");
    this.#radios = [...form.querySelectorAll('[name="shape"]')];
    const changed = () => {
      this.#mark();
      onChange();
    };
    width.onInput((value) => {
      if (this.locked) height.value = this.#snap(value / this.#ratio);
      this.#fit(width, height);
      changed();
    });
    height.onInput((value) => {
      if (this.locked) width.value = this.#snap(value * this.#ratio);
      this.#fit(height, width);
      changed();
    });
    for (const radio of this.#radios) {
      radio.addEventListener("change", () => {
        [width.value, height.value] = this.#sized(radio.value);
        this.#ratio = width.value / height.value;
        changed();
      });
    }
    this.#lock.addEventListener("click", () => {
      this.locked = !this.locked;
      this.#ratio = width.value / height.value;
      onChange();
    });
    form.querySelector("#swap").addEventListener("click", () => {
      [width.value, height.value] = [height.value, width.value];
      this.#ratio = width.value / height.value;
      changed();
    });
  }

  get locked() {
    return this.#lock.getAttribute("aria-pressed") === "true";
  }

  set locked(value) {
    this.#lock.setAttribute("aria-pressed", String(value));
  }

  // The model's limits; the area of its own size is what presets keep to.
  limit(limits, defaults) {
    this.#limits = limits;
    this.#area = defaults.width * defaults.height;
    const { min_size: min, max_size: max, size_multiple: step } = limits;
    this.#width.limit({ min, max, step });
    this.#height.limit({ min, max, step });
  }

  set(width, height) {
    this.#width.value = width;
    this.#height.value = height;
    this.#fit(this.#width, this.#height);
    this.#ratio = this.#width.value / this.#height.value;
    this.#mark();
  }

  #snap(pixels) {
    const { size_multiple: step, min_size: min, max_size: max } = this.#limits;
    return Math.min(max, Math.max(min, Math.round(pixels / step) * step));
  }

  #sized(shape) {
    const [across, down] = shape.split(":").map(Number);
    const width = this.#snap(Math.sqrt((this.#area * across) / down));
    return [width, this.#snap((width * down) / across)];
  }

  // Lowers the side that was not touched until both fit.
  #fit(touched, other) {
    const most = this.#limits?.max_pixels;
    if (!most || touched.value * other.value <= most) return;
    const { size_multiple: step, min_size: min } = this.#limits;
    other.value = Math.max(min, Math.floor(most / touched.value / step) * step);
  }

  #mark() {
    if (!this.#limits) return;
    for (const radio of this.#radios) {
      const [across, down] = radio.value.split(":").map(Number);
      // Sides snap to the model's multiple, so a preset is met when the other side could not be nearer.
      const meant = this.#snap((this.#width.value * down) / across);
      radio.checked = meant === this.#height.value;
      if (radio.checked) break;
    }
  }
}
