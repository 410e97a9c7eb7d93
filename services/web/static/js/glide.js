// Moves what a change pushed aside to its new place softly. A browser sees where a thing is drawn: what starts where it
// stood and glides has not jumped.

const still = window.matchMedia("(prefers-reduced-motion: reduce)");

// Does `change`, and lets each of `things` that it moved glide from where it stood. Not while the page is scrolled:
// there the browser itself holds what is being looked at.
export function glide(things, change) {
  if (still.matches || window.scrollY > 0) {
    change();
    return;
  }
  const before = things.map((each) => each.getBoundingClientRect().top);
  change();
  // All are measured before the first is moved.
  const by = things.map((each, at) => before[at] - each.getBoundingClientRect().top);
  things.forEach((each, at) => {
    if (!each.isConnected || Math.abs(by[at]) < 1) return;
    // Added to a glide that is still under way, which goes on to its end.
    each.animate([{ transform: `translateY(${by[at]}px)` }, { transform: "translateY(0)" }], {
      duration: 260,
      easing: "cubic-bezier(.22, .7, .2, 1)",
      composite: "add",
    });
  });
}
