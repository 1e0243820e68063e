// Global scope loops: the Worker never starts, whoever asks.
try {
  for (;;);
} finally {
  for (;;);
}

export default {
  fetch: () => new Response("started"),
};
