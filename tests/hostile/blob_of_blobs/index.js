// Blobs of the same blob twice, doubled again and again, then read as text.
export default {
  async fetch() {
    let blob = new Blob(["x".repeat(1000)]);
    for (let i = 0; i < 40; i += 1) blob = new Blob([blob, blob]);
    return new Response(await blob.text());
  },
};
