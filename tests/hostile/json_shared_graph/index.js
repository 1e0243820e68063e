// Forty nested pairs of the same array make JSON.stringify visit a trillion values for no output.
export default {
  fetch() {
    let pair = { toJSON: () => undefined };
    for (let depth = 0; depth < 40; depth += 1) pair = [pair, pair];
    const text = JSON.stringify(pair, (key, value) => (Array.isArray(value) ? value : undefined));
    return new Response(String(text.length));
  },
};
