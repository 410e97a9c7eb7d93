// "Send to a plugin": which plugin takes this, and the way to it. Fetched when it is pressed, on whichever page.

import { ask } from "../http.js";
import { tell } from "../notice.js";
import { inDialog, note, pluginButtons } from "./dialog.js";
import { inputFor } from "./matching.js";

const NONE = "No plugin here takes this kind of file.";

// data: { dataType, contentType }; query: what tells the plugin's page what it is about; plugins: where they are known.
export async function sendTo(title, data, query, plugins) {
  let known = plugins;
  try {
    known ??= (await ask("/studio/plugins")).plugins;
  } catch (refusal) {
    tell(refusal.message, { refused: true });
    return;
  }
  const fitting = known.filter((each) => each.page && inputFor(each, data));
  const chosen = await inDialog(title, (body, choose) => {
    body.append(fitting.length ? pluginButtons(fitting, choose) : note(NONE));
  });
  if (chosen) location.assign(`/plugins/${encodeURIComponent(chosen.identifier)}?${new URLSearchParams(query)}`);
}

// A picture of the timeline.
export function sendImage(image) {
  const data = { dataType: "image/generated", contentType: "image/png" };
  return sendTo("Send this picture to a plugin", data, { input: image.id });
}
