// Native text functions (normalize, upper case, collation, word breaks) on texts of many
// megabytes.
export default {
  fetch() {
    let length = 0;
    const words = new Intl.Segmenter("th", { granularity: "word" });
    const text = "\u0344\u0e01\u00df".repeat(300_000);
    for (let i = 0; i < 1000; i += 1) {
      length += text.normalize("NFD").length + text.toLocaleUpperCase("tr").length;
      length += text.localeCompare(`${text}a`, "de");
      for (const { index } of words.segment(text)) length += index;
    }
    return new Response(String(length));
  },
};
