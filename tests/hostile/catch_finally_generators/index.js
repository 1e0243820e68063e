// Generators, async generators and finally blocks that each start the loop again when they are
// left.
function* clinging() {
  try {
    for (;;) yield 1;
  } catch {
    yield* clinging();
  } finally {
    for (const one of clinging()) if (one > 1) break;
  }
}

async function* clingingLater() {
  try {
    for (const one of clinging()) if (one > 1) yield one;
  } finally {
    yield* clingingLater();
  }
}

export default {
  async fetch() {
    for await (const one of clingingLater()) if (one > 2) break;
    return new Response("came out");
  },
};
