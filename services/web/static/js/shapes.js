// Width and height together: presets, lock, swap, and never more pixels than the model holds.

// A preset further from its name than this is no such shape, and is not offered.
const WORST_ERROR = Math.log(1.08);

export class Shapes {
  #width;
  #height;
  #lock;
  #radios;
  #presets = new Map();
  #limits = null;
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
    const follow = (touched, other, wanted) => () => {
      if (touched.problem === null) {
        if (this.locked) other.value = wanted();
        this.#fit(touched, other);
      }
      changed();
    };
    width.onInput(follow(width, height, () => width.value / this.#ratio));
    height.onInput(follow(height, width, () => height.value * this.#ratio));
    for (const radio of this.#radios) {
      radio.addEventListener("change", () => {
        [width.value, height.value] = this.#presets.get(radio.value);
        this.#remember();
        changed();
      });
    }
    this.#lock.addEventListener("click", () => {
      this.locked = !this.locked;
      this.#remember();
      onChange();
    });
    form.querySelector("#swap").addEventListener("click", () => {
      if (width.problem || height.problem) return;
      [width.value, height.value] = [height.value, width.value];
      this.#remember();
      changed();
    });
  }

  get locked() {
    return this.#lock.getAttribute("aria-pressed") === "true";
  }

  set locked(value) {
    this.#lock.setAttribute("aria-pressed", String(value));
  }

  // The model's limits; the area of its own size is what presets come nearest to.
  limit(limits, defaults) {
    this.#limits = limits;
    const { min_size: min, max_size: max, size_multiple: step } = limits;
    this.#width.limit({ min, max, step });
    this.#height.limit({ min, max, step });
    this.#presets.clear();
    for (const radio of this.#radios) {
      const pair = nearest(radio.value, limits, defaults.width * defaults.height);
      radio.closest("label").hidden = pair === null;
      if (pair) this.#presets.set(radio.value, pair);
    }
  }

  set(width, height) {
    this.#width.value = width;
    this.#height.value = height;
    this.#fit(this.#width, this.#height);
    this.#remember();
    this.#mark();
  }

  #remember() {
    const ratio = this.#width.value / this.#height.value;
    if (ratio > 0) this.#ratio = ratio;
  }

  // Lowers the side that was not touched until both fit.
  #fit(touched, other) {
    const most = this.#limits?.max_pixels;
    if (!most || !(touched.value * other.value > most)) return;
    const { size_multiple: step, min_size: min } = this.#limits;
    other.value = Math.max(min, Math.floor(most / touched.value / step) * step);
  }

  // A preset is marked only where its own two sides stand.
  #mark() {
    for (const radio of this.#radios) {
      const [width, height] = this.#presets.get(radio.value) || [];
      radio.checked = width === this.#width.value && height === this.#height.value;
    }
  }
}

// The two sides that come nearest to a shape, of several such the pair nearest to the area; null when none comes near.
function nearest(shape, { min_size: min, max_size: max, size_multiple: step, max_pixels: most }, area) {
  const [across, down] = shape.split(":").map(Number);
  let best = null;
  for (let width = min; width <= max; width += step) {
    for (let height = min; height <= max; height += step) {
      if (most && width * height > most) break;
      const error = Math.abs(Math.log((width * down) / (height * across)));
      const off = Math.abs(Math.log((width * height) / area));
      // Equal shapes differ in the last bits of their logarithms.
      if (!best || error < best.error - 1e-9 || (error < best.error + 1e-9 && off < best.off)) {
        best = { pair: [width, height], error, off };
      }
    }
  }
  return best && best.error <= WORST_ERROR ? best.pair : null;
}
