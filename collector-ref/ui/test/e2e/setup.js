// Waits until the load has run for a while: a picture of the last minute needs a minute.

/** How long the load must have run, and how long to wait for that. */
const NEEDED_MS = 62_000;
const PATIENCE_MS = 180_000;

export default async function setup() {
  const base = process.env.SCOUTER_URL;
  if (!base) return;
  const until = Date.now() + PATIENCE_MS;
  for (;;) {
    const toUs = (Date.now() - NEEDED_MS) * 1000;
    const query = new URLSearchParams({ from_unix_us: '0', to_unix_us: String(toUs), count_only: '1' });
    const answer = await fetch(`${base}/api/v1/xlogs?${query}`).catch(() => null);
    if (answer?.ok && (await answer.json()).total > 0) return;
    if (Date.now() > until) throw new Error(`${base} has no transaction older than ${NEEDED_MS / 1000} s: is it under load?`);
    await new Promise(done => { setTimeout(done, 1_000); });
  }
}
