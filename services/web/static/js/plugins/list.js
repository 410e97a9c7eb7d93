// The list of plugins: searched by name, title or tag as one types.

const field = document.getElementById("find-plugin");
const rows = [...document.querySelectorAll("[data-find]")];
const none = document.getElementById("no-plugin");

export function wireList() {
  if (!field) return;
  const show = () => {
    const wanted = field.value.trim().toLowerCase().split(/\s+/).filter(Boolean);
    let left = 0;
    for (const row of rows) {
      row.hidden = !wanted.every((word) => row.dataset.find.includes(word));
      if (!row.hidden) left += 1;
    }
    none.hidden = left > 0;
  };
  field.addEventListener("input", show);
  // The browser may have kept what was typed.
  show();
}
