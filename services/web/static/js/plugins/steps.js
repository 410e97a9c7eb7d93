// The steps of a task that asks more than once, above the frame; the one that waits opens in it.

const list = document.getElementById("steps");

// first: what the plugin's own form is called. Shows nothing for a task of one step. Tells whether some stood there.
export function showSteps(steps, { first, ended }) {
  // There is no list where no plugin is chosen.
  if (!list) return false;
  const stood = !list.hidden;
  const named = Array.isArray(steps) ? steps : [];
  list.hidden = !named.length;
  const others = named.map((each, at) => ({ words: words(each.stepId, at), cleared: each.cleared }));
  const all = [{ words: first, cleared: true }, ...others];
  const made = all.map(({ words: said, cleared }) => {
    const item = Object.assign(document.createElement("li"), { textContent: said });
    if (cleared || ended) item.className = "is-done";
    else item.setAttribute("aria-current", "step");
    return item;
  });
  list.replaceChildren(...made);
  return stood;
}

// `edit-list` is how programs name a step, and `2.edit` one within another.
function words(stepId, at) {
  const said = String(stepId ?? "").replace(/[-_.]+/g, " ").trim().slice(0, 60);
  return said ? said[0].toUpperCase() + said.slice(1) : `Step ${at + 2}`;
}
