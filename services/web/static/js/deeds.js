// What can be done to pictures and tasks on the server. What cannot be undone is asked for first.

import { confirm } from "./confirm.js";
import { ask } from "./http.js";
import { tell } from "./notice.js";

// As many as the server deletes at one request, and packs into one archive.
const MOST_DELETED = 100;
const MOST_PACKED = 1000;

export class Deeds {
  #store;

  constructor(store) {
    this.#store = store;
  }

  cancel(task) {
    return this.#do(async () => {
      this.#store.put([await ask(`/studio/tasks/${task.id}/cancel`, { method: "POST" })]);
    });
  }

  publish(task, image) {
    return this.#do(async () => {
      this.#store.put([await ask(published(task, image), { method: "PUT" })]);
      tell("It hangs in the gallery now, with its prompt and settings.");
    });
  }

  unpublish(task, image) {
    return this.#do(async () => {
      this.#store.put([await ask(published(task, image), { method: "DELETE" })]);
      tell("It is no longer in the gallery.");
    });
  }

  // images: some of any tasks. Tells whether they were deleted.
  async remove(images) {
    const count = images.length;
    const many = count > 1;
    const shown = images.filter((image) => image.published).length;
    const text = [
      `The ${many ? "files are" : "file is"} gone for good; ${many ? "they stay" : "it stays"} charged.`,
      shown && (many ? `${shown} of them leave the gallery too.` : "It leaves the gallery too."),
    ];
    const title = many ? `Delete ${count} pictures?` : "Delete this picture?";
    if (!(await confirm({ title, text: text.filter(Boolean).join(" "), action: "Delete" }))) return false;
    return this.#do(async () => {
      const ids = images.map((image) => image.id);
      for (let at = 0; at < ids.length; at += MOST_DELETED) {
        const body = { images: ids.slice(at, at + MOST_DELETED) };
        this.#store.put((await ask("/studio/images/delete", { method: "POST", body })).tasks);
      }
      tell(many ? `${count} pictures are deleted.` : "The picture is deleted.");
    });
  }

  // The browser saves it by itself: no page ever holds a whole archive.
  pack(images) {
    if (images.length > MOST_PACKED) {
      const most = MOST_PACKED.toLocaleString("en");
      tell(`A ZIP holds ${most} pictures at most. All of yours are in your account, under Archive.`, { refused: true });
      return;
    }
    const form = document.getElementById("pack");
    form.elements.images.value = images.map((image) => image.id).join(",");
    form.submit();
  }

  async #do(deed) {
    try {
      await deed();
      return true;
    } catch (refusal) {
      tell(refusal.message, { refused: true });
      return false;
    }
  }
}

function published(task, image) {
  return `/studio/tasks/${task.id}/images/${image.id}/published`;
}
