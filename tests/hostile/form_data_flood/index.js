// A form of ever more fields is written as multipart again after each one.
export default {
  async fetch() {
    const form = new FormData();
    const file = new File(["x".repeat(10_000)], 'n"a\r\nme', { type: "a/b\u0000c" });
    for (let i = 0; ; i += 1) {
      form.append(`field${i}`, file);
      form.append("same", "y".repeat(10_000));
      const text = await new Response(form).text();
      if (!text.includes("same")) return new Response("no field");
    }
  },
};
