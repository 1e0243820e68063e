// What the fuzz target `url_pattern` runs in an isolate: it throws what it finds.
const attempt = (make) => {
  try {
    return make();
  } catch (error) {
    if (error instanceof TypeError) return undefined;
    throw error;
  }
};

const COMPONENTS = [
  "protocol", "username", "password", "hostname", "port", "pathname", "search", "hash",
];

globalThis.fuzz = (patternBytes, inputBytes) => {
  const decoder = new TextDecoder();
  const [text, input] = [patternBytes, inputBytes].map((b) => decoder.decode(new Uint8Array(b)));
  const base = "https://example.com/a/b?c#d";
  const pattern = attempt(() => new URLPattern(text, base));
  if (pattern !== undefined) {
    if (pattern.test(input, base) !== (pattern.exec(input, base) !== null)) {
      throw new Error("test and exec do not agree");
    }
    // Writing a component may make dots of it that are a segment. After that it stays as it is.
    for (const key of COMPONENTS) {
      const mark = { search: "?", hash: "#" }[key] ?? "";
      const again = (text) =>
        new URLPattern({ protocol: pattern.protocol, [key]: mark + text })[key];
      const [second, third] = [again(pattern[key]), again(again(pattern[key]))];
      if (second !== third) throw new Error(`${key} ${second} reads back as ${third}`);
    }
  }
  for (const key of COMPONENTS) {
    const one = attempt(() => new URLPattern({ [key]: text }));
    if (one !== undefined) one.test({ [key]: input });
  }
};
