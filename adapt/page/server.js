// Talks to the server. Changes wait in a queue until the server has taken them, so that none is lost while it is away.

export const queue = [];
let sending = false;

async function answer(path, options) {
  const reply = await fetch(path, options);
  const told = await reply.json();
  return { status: reply.status, told };
}

export async function read(path) {
  const { status, told } = await answer(path);
  if (status !== 200) throw new Error(told.problem);
  return told;
}

export function post(path, value) {
  return answer(path, { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(value) });
}

// Sends what waits, in order. `taken` gets the state after each, `refused` what the server does not want and why.
export async function send(taken, refused, failed) {
  if (sending) return;
  sending = true;
  try {
    while (queue.length) {
      const { status, told } = await post("change", queue[0]);
      if (status >= 500 && status !== 507) throw new Error("the server failed");
      const sent = queue.shift();
      if (status === 200 || status === 507) taken(told, sent);
      else refused(told.problem, sent);
    }
    failed("");
  } catch {
    failed(`The server does not answer; ${queue.length} change(s) wait in this page and are sent again. Keep it open.`);
    setTimeout(() => send(taken, refused, failed), 2000);
  } finally {
    sending = false;
  }
}

addEventListener("beforeunload", event => { if (queue.length) event.preventDefault(); });
