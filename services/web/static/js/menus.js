// The menus behind “more”: every act of a picture, or of a task, made when the menu is opened.

import { clone } from "./picture.js";

// button: the one that opens it; task and image: what it is about, image only on a tile.
export function fillMenu(button, { task, image }) {
  const { root, part } = clone(image ? "picture-menu-template" : "task-menu-template");
  if (image) {
    part("download").href = `${image.url}?download`;
    part("download").setAttribute("download", "");
    part("publish").hidden = image.published;
    part("unpublish").hidden = !image.published;
    part("ruled").hidden = !image.hidden;
    // What was not drawn here cannot be drawn again.
    for (const act of ["variant", "reuse"]) part(act).hidden = Boolean(task.imported_from);
  } else {
    part("delete").hidden = !task.images.length;
    part("variant").hidden = Boolean(task.imported_from);
  }
  button.nextElementSibling.replaceChildren(...root.children);
}
