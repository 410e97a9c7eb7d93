// One task of the host, followed to its end: by its stream, and by asking now and then where that breaks off.

const FIRST_WAIT = 1000;
const LONGEST_WAIT = 8000;

// onTask(task) hears every state; onTrouble(sentence) that the line is down, with "" when it is back; onGone() that
// there is no such task any more. Gives a function that stops it.
export function follow(host, path, { onTask, onTrouble, onGone }) {
  const line = new AbortController();
  run(host, path, line.signal, { onTask, onTrouble, onGone });
  return () => line.abort();
}

async function run(host, path, signal, { onTask, onTrouble, onGone }) {
  let wait = FIRST_WAIT;
  const heard = (task) => {
    wait = FIRST_WAIT;
    onTrouble("");
    onTask(task);
    return task.status !== "PENDING";
  };
  while (!signal.aborted) {
    try {
      // Asked first: it tells apart a task that is gone from a line that is down.
      if (heard(await host.json(path, { signal }))) return;
      if (await streamed(host, path, signal, heard)) return;
    } catch (refusal) {
      if (signal.aborted) return;
      if (refusal.status === 404) {
        onGone();
        return;
      }
      if (!refusal.quiet) onTrouble("The line to the plugin host broke off. Trying again; nothing is lost.");
    }
    await pause(wait, signal);
    wait = Math.min(wait * 2, LONGEST_WAIT);
  }
}

// Tells whether the task's end was heard.
async function streamed(host, path, signal, heard) {
  let answer;
  try {
    answer = await host.fetch(`${path}events`, { signal, headers: { Accept: "text/event-stream" } });
  } catch (error) {
    // The task itself was told a moment ago: without a stream it is asked for again, and nobody is troubled.
    if (error.status !== 404) error.quiet = true;
    throw error;
  }
  for await (const { name, data } of events(answer.body)) {
    if (name === "task" && heard(JSON.parse(data))) return true;
  }
  return false;
}

async function* events(body) {
  const [reader, decoder] = [body.getReader(), new TextDecoder()];
  let rest = "";
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    const blocks = (rest + decoder.decode(value, { stream: true })).split("\n\n");
    rest = blocks.pop();
    for (const block of blocks) {
      const event = { name: "message", data: "" };
      for (const line of block.split("\n")) {
        if (line.startsWith("event: ")) event.name = line.slice(7);
        else if (line.startsWith("data: ")) event.data += line.slice(6);
      }
      yield event;
    }
  }
}

function pause(milliseconds, signal) {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, milliseconds);
    signal.addEventListener("abort", () => (clearTimeout(timer), resolve()), { once: true });
  });
}
