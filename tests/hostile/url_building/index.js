// Addresses and queries that double in length, each with all its setters called.
export default {
  fetch() {
    const url = new URL("http://example.com/");
    let text = "\u00e4 /../%2e%2E/?#";
    for (let i = 0; ; i += 1) {
      url.pathname = text;
      url.search = text;
      url.hash = text;
      url.searchParams.append(text, text);
      url.searchParams.sort();
      text = url.href.slice(0, 3_000_000);
    }
  },
};
