// A link with data-more="#rows" to a list's next page puts that page's rows under those that are shown, and takes its
// foot (data-more-foot), which may hold the next such link. Without this script it leads to the page itself.

import { localTimes } from "./times.js";
import { toTheDoor } from "./http.js";

async function pageAt(address) {
  const answer = await fetch(address, { headers: { Accept: "text/html" } });
  // Whoever is no longer signed in is led to the door, with all that is around it.
  if (new URL(answer.url).pathname !== new URL(address).pathname) return toTheDoor();
  if (!answer.ok) throw new Error(`status ${answer.status}`);
  return new DOMParser().parseFromString(await answer.text(), "text/html");
}

async function extend(link) {
  const { more, moreFoot } = link.dataset;
  const page = await pageAt(link.href);
  if (!page) return;
  const list = document.querySelector(more);
  const rows = [...page.querySelectorAll(`${more} > *`)].map((row) => document.adoptNode(row));
  for (const row of rows) localTimes(row);
  list.append(...rows);
  document.querySelector(moreFoot).replaceWith(document.adoptNode(page.querySelector(moreFoot)));
  for (const count of document.querySelectorAll("[data-more-count]")) count.textContent = list.children.length;
  // The link is gone from under whoever pressed it: they go on where the new rows begin.
  rows[0]?.querySelector("a, button")?.focus();
}

document.addEventListener("click", async (event) => {
  const link = event.target.closest("[data-more]");
  if (!link || event.metaKey || event.ctrlKey || event.shiftKey || event.button) return;
  event.preventDefault();
  if (link.getAttribute("aria-busy")) return;
  link.setAttribute("aria-busy", "true");
  try {
    await extend(link);
  } catch {
    // What this script cannot fetch, the browser tells in its own words.
    location.assign(link.href);
  }
});
