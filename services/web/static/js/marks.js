// What is wrong in the panel, marked where it stands: by the page's own look, or by what the server refused.

export class Marks {
  #form;
  #refused = new Map();

  constructor(form) {
    this.#form = form;
  }

  // What the server refused: its sentence, and fields: [{ field, detail }]. An empty sentence takes all of it away.
  refuse(message, fields = []) {
    const box = document.getElementById("refusal");
    box.hidden = !message;
    box.querySelector("div").textContent = message;
    // `adapters.0.name` is wrong with the LoRAs.
    this.#refused = new Map(fields.map(({ field, detail }) => [field.split(".")[0], detail]));
  }

  // problems: names of fields that the page itself knows to be wrong; the button says why.
  show(problems) {
    for (const field of this.#form.elements) {
      if (!field.name || field.type === "radio") continue;
      const wrong = problems.has(field.name) || this.#refused.has(field.name);
      field.classList.toggle("is-invalid", wrong);
      if (wrong) field.setAttribute("aria-invalid", "true");
      else field.removeAttribute("aria-invalid");
      note(field, field.name, this.#refused.get(field.name));
    }
    // What is set by more than one field says so on their group.
    for (const group of this.#form.querySelectorAll("[data-field]")) {
      const { field } = group.dataset;
      group.classList.toggle("is-invalid", this.#refused.has(field));
      note(group, field, this.#refused.get(field));
    }
  }

  // Leads to the first that is wrong, also where it is folded away. Tells whether there is one.
  focusFirst() {
    const first = this.#form.querySelector('[aria-invalid="true"], [data-field].is-invalid');
    first?.closest("details")?.setAttribute("open", "");
    const place = first?.matches("[data-field]") ? first.querySelector("button:not([hidden]), select") : first;
    place?.focus();
    return Boolean(place);
  }
}

// The sentence under a field, and the field's word that it belongs to it.
function note(field, name, sentence) {
  const id = `wrong-${name}`;
  if ((document.getElementById(id)?.textContent ?? undefined) === sentence) return;
  const described = (field.getAttribute("aria-describedby") || "").split(" ").filter((each) => each && each !== id);
  document.getElementById(id)?.remove();
  if (sentence) {
    const box = Object.assign(document.createElement("p"), { id, className: "dd-wrong", textContent: sentence });
    placeOf(field).append(box);
    described.push(id);
  }
  if (described.length) field.setAttribute("aria-describedby", described.join(" "));
  else field.removeAttribute("aria-describedby");
}

function placeOf(field) {
  if (field.matches("[data-field]")) return field;
  return field.closest(".dd-dial") || field.closest(".dd-seed")?.parentElement || field.parentElement;
}
