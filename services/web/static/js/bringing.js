// Files that come to the panel: dropped, pasted or chosen. On the start image they are what is begun from; anywhere else
// on the panel they are asked how they were made.

const id = (name) => document.getElementById(name);
const OVER = "is-over";

export class Bringing {
  #form;
  #onStart;
  #onSettings;

  // onStart(file) and onSettings(file) hear of what came.
  constructor({ form, onStart, onSettings }) {
    this.#form = form;
    this.#onStart = onStart;
    this.#onSettings = onSettings;
    document.addEventListener("dragover", (event) => this.#over(event));
    document.addEventListener("dragleave", (event) => !event.relatedTarget && this.#mark(null));
    document.addEventListener("drop", (event) => this.#drop(event));
    document.addEventListener("paste", (event) => this.#paste(event));
    id("settings-choose").addEventListener("click", () => id("settings-file").click());
    id("settings-file").addEventListener("change", ({ target }) => {
      if (target.files.length) this.#onSettings(target.files[0]);
      target.value = "";
    });
  }

  // Over the rest of the page too: a file let go beside the panel must not take the page's place.
  #over(event) {
    if (!event.dataTransfer?.types.includes("Files")) return;
    event.preventDefault();
    const place = this.#placeOf(event);
    event.dataTransfer.dropEffect = place ? "copy" : "none";
    this.#mark(place);
  }

  #drop(event) {
    if (!event.dataTransfer?.types.includes("Files")) return;
    event.preventDefault();
    this.#mark(null);
    const place = this.#placeOf(event);
    const file = event.dataTransfer.files[0];
    if (file && place) this.#hand(place, file);
  }

  #paste({ clipboardData, target }) {
    if (document.querySelector("dialog[open]") || !this.#form.checkVisibility()) return;
    const file = [...clipboardData.files].find((each) => each.type.startsWith("image/"));
    // Programs that copy words put a picture of them along.
    const words = clipboardData.types.includes("text/plain") && target.closest("input, textarea");
    if (file && !words) this.#onStart(file);
  }

  #hand(place, file) {
    if (place === this.#form) this.#onSettings(file);
    else this.#onStart(file);
  }

  #placeOf({ target }) {
    if (document.querySelector("dialog[open]") || !this.#form.contains(target)) return null;
    return target.closest("#start-box") || this.#form;
  }

  #mark(place) {
    for (const each of [this.#form, id("start-box")]) each.classList.toggle(OVER, each === place);
  }
}
