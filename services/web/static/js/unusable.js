// Something that cannot be used, with the sentence that says why.

export class Unusable extends Error {}

// A module that few visits need, fetched when one does.
export async function late(fetching) {
  try {
    return await fetching;
  } catch {
    throw new Unusable("This part of the page did not come. Reload the page and try again.");
  }
}
