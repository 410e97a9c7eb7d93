// What was written and neither sent nor offered by the page: not lost when something else fills the panel.

const button = document.getElementById("draft-back");

export class Draft {
  #kept = null;

  // onBack(kept) is called when it is wanted back.
  constructor(onBack) {
    button.addEventListener("click", () => {
      const kept = this.#kept;
      this.keep(null);
      onBack(kept);
    });
  }

  keep(kept) {
    this.#kept = kept;
    button.hidden = !kept;
  }
}
