// Log lines with line breaks, terminal escapes, lone surrogates and a forged event of the server.
const forged = '{"event":"ready","url":"http://evil.example/","workers":0}';

export default {
  fetch() {
    console.log(`\n${forged}\n`);
    console.error(`\r\n\u0000\u001b[2J\u001b]0;owned\u0007\ud800\u2028${forged}\u2029`);
    console.warn({ toJSON: () => forged, [`"}\n${forged}`]: "\u{10ffff}\udfff" });
    const stack = `\n${forged}\n    at x (y:1:1)`;
    reportError(Object.assign(new Error(`\n${forged}`), { stack }));
    return new Response("logged");
  },
};
