// What is wrong in the panel, marked where it stands: by the page's own look, or by what the server refused.

export class Marks {
  #form;
  #refused = new Map();

  constructor(form) {
    this.#form = form;
  }

  // fields: [{ field, detail }] as the server gave them; an empty list takes the marks away.
  refuse(fields) {
    this.#refused = new Map(fields.map(({ field, detail }) => [field, detail]));
  }

  // problems: names of fields that the page itself knows to be wrong; the button says why.
  show(problems) {
    for (const field of this.#form.elements) {
      if (!field.name || field.type === "radio") continue;
      const wrong = problems.has(field.name) || this.#refused.has(field.name);
      field.classList.toggle("is-invalid", wrong);
      if (wrong) field.setAttribute("aria-invalid", "true");
      else field.removeAttribute("aria-invalid");
      note(field, this.#refused.get(field.name));
    }
  }

  get first() {
    return this.#form.querySelector('[aria-invalid="true"]');
  }
}

// The sentence under a field, and the field's word that it belongs to it.
function note(field, sentence) {
  const id = `wrong-${field.name}`;
  if ((document.getElementById(id)?.textContent ?? undefined) === sentence) return;
  const described = (field.getAttribute("aria-describedby") || "").split(" ").filter((each) => each && each !== id);
  document.getElementById(id)?.remove();
  if (sentence) {
    const box = Object.assign(document.createElement("p"), { id, className: "dd-wrong", textContent: sentence });
    (field.closest(".dd-dial") || field.closest(".dd-seed")?.parentElement || field.parentElement).append(box);
    described.push(id);
  }
  field.setAttribute("aria-describedby", described.join(" "));
}
