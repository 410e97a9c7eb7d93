// More of the gallery as one nears its end. The link below the pictures is what this presses: without script it leads
// to the next page, and after a few pages by itself it waits for a press, so that the end of the page can be reached.

const BY_ITSELF = 4;
const list = document.getElementById("gallery");
const more = document.getElementById("more");
const said = document.getElementById("gallery-said");
let pages = 0;

async function next() {
  if (more.ariaBusy === "true") return;
  more.ariaBusy = "true";
  more.textContent = "One moment …";
  try {
    const answer = await fetch(more.href, { headers: { Accept: "text/html" } });
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    const pictures = answer.ok ? [...page.querySelectorAll("#gallery > li")] : [];
    if (!pictures.length) throw new Error("no page of the gallery");
    list.append(...pictures.map((each) => document.importNode(each, true)));
    said.textContent = pictures.length === 1 ? "1 more picture" : `${pictures.length} more pictures`;
    pages += 1;
    history.replaceState({ ...history.state, pages }, "");
    const following = page.getElementById("more");
    more.textContent = "Show more";
    if (following) more.href = following.getAttribute("href");
    else finish(pictures[0]);
  } catch {
    said.textContent = "The gallery does not answer. Press Show more to try again.";
    more.textContent = "Show more";
    near.disconnect();
  } finally {
    more.ariaBusy = "false";
  }
}

// The link is gone with what it led to; whoever stood on it goes on at the first picture that it brought.
function finish(first) {
  near.disconnect();
  if (document.activeElement === more) first.querySelector("a").focus();
  more.hidden = true;
}

const near = new IntersectionObserver(
  (entries) => {
    if (!entries.some((entry) => entry.isIntersecting)) return;
    if (pages >= BY_ITSELF) near.disconnect();
    // What came may still leave the end in view; an observer tells of changes only, so it is asked anew.
    else next().then(() => !more.hidden && (near.unobserve(more), near.observe(more)));
  },
  { rootMargin: "600px" },
);

// Back from a picture leads to where one was: as many pages are fetched again as had been, then the place is found.
async function restore({ pages: had = 0, place = 0 }) {
  while (pages < had && !more.hidden) {
    const before = pages;
    await next();
    if (pages === before) break;
  }
  window.scrollTo({ top: place, behavior: "instant" });
}

if (more) {
  const left = history.state || {};
  if (left.pages) history.scrollRestoration = "manual";
  window.addEventListener("pagehide", () => history.replaceState({ ...history.state, place: window.scrollY }, ""));
  more.addEventListener("click", (event) => {
    event.preventDefault();
    next();
  });
  const ready = left.pages ? restore(left) : Promise.resolve();
  ready.then(() => !more.hidden && near.observe(more));
}
