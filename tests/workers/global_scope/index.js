/** What global scope may not do, and what it may. */
const attempts = {
  fetch: () => fetch("http://127.0.0.1/"),
  setTimeout: () => setTimeout(() => {}, 0),
  setInterval: () => setInterval(() => {}, 1),
  "scheduler.wait": () => scheduler.wait(1),
  "crypto.getRandomValues": () => crypto.getRandomValues(new Uint8Array(4)),
  "crypto.randomUUID": () => crypto.randomUUID(),
  "AbortSignal.timeout": () => AbortSignal.timeout(1),
};

const results = [];
for (const [name, attempt] of Object.entries(attempts)) {
  try {
    await attempt();
    results.push(`${name}: allowed`);
  } catch (error) {
    results.push(`${name}: ${error.name}: ${error.message}`);
  }
}
results.push(`Math.random: ${typeof Math.random()}`);
results.push(`Date.now: ${Date.now()}`);
results.push(`performance.now: ${performance.now()}`);
results.push(`digest: ${(await crypto.subtle.digest("SHA-256", new Uint8Array())).byteLength}`);
results.push(`URL: ${new URL("https://example.com").host}`);
results.push(`Response: ${await new Response("made early").text()}`);
results.push(`structuredClone: ${structuredClone({ a: 1 }).a}`);

export default {
  fetch() {
    return new Response(`${results.join("\n")}\n`);
  },
};
