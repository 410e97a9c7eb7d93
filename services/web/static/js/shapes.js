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
  #area = 1;
  #ratio = 1;
  #onChange;

  constructor({ width, height, form, onChange }) {
    this.#width = width;
    this.#height = height;
    this.#lock = form.querySelector("#lock");
    this.#radios = [...form.querySelectorAll('[name="shape"]')];
    this.#onChange = onChange;
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
    this.#area = defaults.width * defaults.height;
    const { min_size: min, max_size: max, size_multiple: step } = limits;
    this.#width.limit({ min, max, step });
    this.#height.limit({ min, max, step });
    this.#presets.clear();
    for (const radio of this.#radios) {
      const pair = nearest(radio.value, limits, this.#area);
      radio.closest("label").hidden = pair === null;
      if (pair) this.#presets.set(radio.value, pair);
    }
  }

  // What is larger than the model holds becomes smaller in both sides: the shape is what a picture is composed in.
  set(width, height) {
    const { max_size: max, max_pixels: most } = this.#limits;
    const scale = Math.min(1, max / Math.max(width, height), most ? Math.sqrt(most / (width * height)) : 1);
    this.#width.value = width * scale;
    this.#height.value = height * scale;
    this.#fit(this.#width, this.#height);
    this.#remember();
    this.#mark();
  }

  // Takes the shape of a picture: its own sides where the model holds them, or else the nearest shape of a usual size.
  nearTo(width, height) {
    this.set(...(fits(width, height, this.#limits) ? [width, height] : close(width / height, this.#limits, this.#area)));
    this.#onChange();
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

// Every two sides that the model holds.
function* pairs({ min_size: min, max_size: max, size_multiple: step, max_pixels: most }) {
  for (let width = min; width <= max; width += step) {
    for (let height = min; height <= max; height += step) {
      if (most && width * height > most) break;
      yield [width, height];
    }
  }
}

// The two sides that come nearest to a shape, of several such the pair nearest to the area; null when none comes near.
function nearest(shape, limits, area) {
  const [across, down] = shape.split(":").map(Number);
  let best = null;
  for (const pair of pairs(limits)) {
    const [width, height] = pair;
    const error = Math.abs(Math.log((width * down) / (height * across)));
    const off = Math.abs(Math.log((width * height) / area));
    // Equal shapes differ in the last bits of their logarithms.
    if (!best || error < best.error - 1e-9 || (error < best.error + 1e-9 && off < best.off)) best = { pair, error, off };
  }
  return best && best.error <= WORST_ERROR ? best.pair : null;
}

function fits(width, height, limits) {
  for (const pair of pairs(limits)) if (pair[0] === width && pair[1] === height) return true;
  return false;
}

// The two sides that come near to both a ratio and an area. The ratio counts for more: what does not fit is cut off.
function close(ratio, limits, area) {
  let best = null;
  for (const pair of pairs(limits)) {
    const [width, height] = pair;
    const off = 4 * Math.abs(Math.log(width / height / ratio)) + Math.abs(Math.log((width * height) / area));
    if (!best || off < best.off) best = { pair, off };
  }
  return best.pair;
}
