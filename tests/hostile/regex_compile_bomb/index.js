// Regular expressions whose compiled form is far larger than their text, one after the other.
export default {
  fetch() {
    let matches = 0;
    for (let i = 0; ; i += 1) {
      let set = "";
      for (let c = 0; c < 20_000; c += 1) set += String.fromCharCode(0x3000 + 2 * c + (i % 2));
      try {
        const expression = new RegExp(`(?:[${set}]{1,50}[^${set}]?){1,50}${i}`, "iu");
        matches += expression.test("\u3001x") ? 1 : 0;
      } catch (error) {
        if (!(error instanceof SyntaxError)) throw error;
      }
    }
    return new Response(String(matches));
  },
};
