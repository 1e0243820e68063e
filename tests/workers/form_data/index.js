/** FormData: parsed from a request, and sent in a response. */
export default {
  async fetch(request) {
    if (request.method === "GET") {
      const form = new FormData();
      form.append("field", "value with \"quotes\"");
      form.append("file", new File(["content"], "na\"me.txt", { type: "text/plain" }));
      form.append("blob", new Blob(["raw"]));
      const response = new Response(form);
      const type = response.headers.get("content-type");
      const copy = new Response(await response.text(), { headers: { "content-type": type } });
      const back = await copy.formData();
      return Response.json({ type: type.replace(/=.*/, "=…"), entries: await entries(back) });
    }
    try {
      return Response.json(await entries(await request.formData()));
    } catch (error) {
      return new Response(`${error.name}: ${error.message}\n`, { status: 400 });
    }
  },
};

async function entries(form) {
  const list = [];
  for (const [name, value] of form) {
    if (typeof value === "string") list.push([name, value]);
    else {
      const { type, size } = value;
      list.push([name, value.name, type, size, await value.text(), value instanceof File]);
    }
  }
  return list;
}
