// What a browser keeps for the page. One that refuses to, or is full, is no reason to stop: the page then forgets.

export const recall = (key, store = "localStorage") => trying(() => window[store].getItem(key));
export const keep = (key, value, store = "localStorage") => trying(() => window[store].setItem(key, value));
export const forget = (key, store = "localStorage") => trying(() => window[store].removeItem(key));

function trying(deed) {
  try {
    return deed();
  } catch {
    return null;
  }
}
