// Talking to the sandbox's control endpoints.

/** POST; the answer as JSON. Throws Error with the sentence that the sandbox gave. */
export async function post(what, body) {
  const answer = await fetch(`/sandbox/${what}`, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(body),
  });
  const read = await answer.json();
  if (!read.ok) throw new Error(read.message || read.error);
  return read;
}

/** Everything that `user` sees in a place. */
export async function snapshot({ user, channel, thread }) {
  const query = new URLSearchParams({ user, channel });
  if (thread) query.set("thread_ts", thread);
  const answer = await fetch(`/sandbox/snapshot?${query}`);
  if (!answer.ok) throw new Error(`snapshot: ${answer.status}`);
  return answer.json();
}

/** Resolves when something changed after `version`. */
export async function changed(version, signal) {
  const answer = await fetch(`/sandbox/wait?since=${version}`, { signal });
  return (await answer.json()).version;
}
