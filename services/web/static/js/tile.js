// The tiles of a card: a place that waits, and the picture that takes it. Both have their size before anything loads.

import { clone, icon } from "./picture.js";

// The longer sides of the two thumbnails that the server keeps; none is ever larger than the picture itself.
const SMALL = 256;
const MEDIUM = 768;

export function waiting(task, index) {
  const { root, part } = clone("tile-template");
  shape(root.querySelector(".dd-tile-pic"), task);
  part("seed").textContent = task.parameters.seed < 0 ? "not drawn yet" : `seed ${task.parameters.seed + index}`;
  return root;
}

// fresh: it came while the page was looked at, and develops.
export function picture(task, image, { fresh }) {
  const { root, part } = clone("picture-template");
  const { prompt } = task.parameters;
  root.dataset.image = image.id;
  const pic = root.querySelector(".dd-tile-pic");
  shape(pic, task);
  pic.classList.toggle("is-new", fresh);
  load(part("image"), image, prompt);
  const named = task.imported_from ? prompt : `seed ${image.seed}`;
  const whole = named === prompt ? prompt : `${prompt}, ${named}`;
  root.querySelector(".dd-tile-open").setAttribute("aria-label", `Open: ${whole}`);
  part("tick").setAttribute("aria-label", `Select ${named}`);
  part("download").href = `${image.url}?download`;
  part("download").setAttribute("download", "");
  // What was not drawn here has no seed, and no sisters.
  const { imported_from: maker } = task;
  part("seed").textContent = maker ? `${image.width} × ${image.height}` : image.seed;
  part("variant").hidden = Boolean(maker);
  part("more").setAttribute("aria-label", `More for ${named}`);
  mark(root, image);
  return root;
}

// Whether it is in the gallery, which may change under a picture that stays.
export function mark(root, { published, hidden }) {
  const box = root.querySelector('[data-part="mark"]');
  box.hidden = !published;
  if (!published) return;
  const words = hidden ? "published, hidden by staff" : "published";
  const said = Object.assign(document.createElement("span"), { className: "visually-hidden", textContent: words });
  box.title = hidden ? "Published, hidden by staff" : "Published";
  box.replaceChildren(icon(hidden ? "ban" : "globe"), said);
}

// A picture whose file did not come, for the line was down, is asked for again.
export function reload(root) {
  for (const image of root.querySelectorAll("img")) {
    if (image.complete && !image.naturalWidth && image.src) image.src = `${image.src}`;
  }
}

// A picture that is still on its way to a card that was given up would only keep others waiting.
export function drop(image) {
  if (image.complete) return;
  image.removeAttribute("srcset");
  image.removeAttribute("src");
}

function load(element, image, prompt) {
  const { width, height } = image;
  Object.assign(element, { width, height, alt: prompt, decoding: "async", loading: "lazy" });
  const longer = Math.max(width, height);
  if (longer > SMALL) {
    const across = (side) => Math.round(width * Math.min(1, side / longer));
    // A browser that cannot tell the size of the tile by itself takes the widest that there is.
    element.sizes = "auto, (max-width: 767px) 46vw, 200px";
    element.srcset = `${image.thumbnail_url} ${across(SMALL)}w, ${image.medium_url} ${across(MEDIUM)}w`;
  }
  element.src = image.thumbnail_url;
}

function shape(pic, task) {
  const aspect = task.parameters.width / task.parameters.height;
  pic.style.setProperty("--dd-aspect", aspect);
  // In a low picture the quick buttons would lie where one presses to open it.
  pic.classList.toggle("is-low", aspect > 1.3);
}
