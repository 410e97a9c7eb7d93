// The LoRAs that are drawn with, each with its weight.

const id = (name) => document.getElementById(name);
const MOST = 4;
const MOST_WEIGHT = 2;

export class Loras {
  #names = [];
  #chosen = new Map();
  #onChange;

  constructor({ onChange }) {
    this.#onChange = onChange;
    id("lora-add").addEventListener("change", ({ target }) => {
      const name = target.value;
      if (!name) return;
      this.#add(name, 1);
      this.#tell();
      this.#chosen.get(name).number.focus();
    });
  }

  // The model's own; what is chosen and not among them goes.
  limit(names) {
    this.#names = names;
    id("loras").hidden = !names.length;
    for (const name of [...this.#chosen.keys()]) if (!names.includes(name)) this.#remove(name);
    this.#show();
  }

  // [{ name, weight }]
  get value() {
    return [...this.#chosen].map(([name, { number }]) => ({ name, weight: weightOf(number) }));
  }

  set value(adapters) {
    for (const name of [...this.#chosen.keys()]) this.#remove(name);
    for (const { name, weight = 1 } of adapters) {
      if (this.#names.includes(name) && this.#chosen.size < MOST) this.#add(name, weight);
    }
    this.#show();
  }

  get problem() {
    const wrong = this.value.find(({ weight }) => !(Math.abs(weight) <= MOST_WEIGHT));
    return wrong ? `${wrong.name}: −${MOST_WEIGHT} to ${MOST_WEIGHT}` : null;
  }

  #add(name, weight) {
    const row = id("lora-template").content.firstElementChild.cloneNode(true);
    const [range, number] = row.querySelectorAll("input");
    row.querySelector("[data-part=name]").textContent = name;
    range.ariaLabel = `Weight of ${name}`;
    number.ariaLabel = `Weight of ${name}, as a number`;
    for (const input of [range, number]) input.value = Math.min(MOST_WEIGHT, Math.max(-MOST_WEIGHT, weight));
    range.addEventListener("input", () => {
      number.value = range.value;
      this.#tell();
    });
    number.addEventListener("input", () => {
      range.value = number.value;
      number.setAttribute("aria-invalid", String(!(Math.abs(weightOf(number)) <= MOST_WEIGHT)));
      this.#tell();
    });
    const remove = row.querySelector("button");
    Object.assign(remove, { ariaLabel: `Leave out ${name}`, title: `Leave out ${name}` });
    remove.addEventListener("click", () => {
      this.#remove(name);
      this.#tell();
      id("lora-add").focus();
    });
    id("lora-rows").append(row);
    this.#chosen.set(name, { row, number });
  }

  #remove(name) {
    this.#chosen.get(name).row.remove();
    this.#chosen.delete(name);
  }

  #tell() {
    this.#show();
    this.#onChange();
  }

  #show() {
    const left = this.#names.filter((name) => !this.#chosen.has(name));
    const full = this.#chosen.size >= MOST;
    const first = full ? `${MOST} are the most` : left.length ? "Add a LoRA…" : "All are in use";
    id("lora-add").replaceChildren(new Option(first, ""), ...left.map((name) => new Option(name, name)));
    id("lora-add").disabled = full || !left.length;
  }
}

function weightOf(number) {
  return number.value === "" ? NaN : Number(number.value);
}
