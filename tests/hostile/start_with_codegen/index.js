// Global scope may make code from text: it makes ever more of it, nested as deep as a parser goes.
const made = [];
for (let i = 0; ; i += 1) {
  try {
    const nested = "(".repeat(5000) + i + ")".repeat(5000);
    made.push(new Function(`return ${"() => ".repeat(1000)} [${nested}, \`${"x".repeat(i)}\`]`)());
    eval(`${"{".repeat(100_000)}`);
  } catch (error) {
    if (!(error instanceof SyntaxError || error instanceof RangeError)) throw error;
  }
}

export default {
  fetch: () => new Response("started"),
};
