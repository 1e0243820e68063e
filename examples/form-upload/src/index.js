/** A form with a file: shows it, and tells what arrived. */

const PAGE = `<!doctype html>
<title>Upload</title>
<form method="post" enctype="multipart/form-data">
  <input name="title" placeholder="title">
  <input name="file" type="file" multiple>
  <button>Send</button>
</form>
`;

export default {
  /** @param {Request} request */
  async fetch(request) {
    if (request.method !== "POST") {
      return new Response(PAGE, { headers: { "content-type": "text/html; charset=utf-8" } });
    }
    let form;
    try {
      form = await request.formData();
    } catch (error) {
      return Response.json({ error: error.message }, { status: 400 });
    }
    const fields = {};
    const files = [];
    for (const [name, value] of form) {
      if (value instanceof File) {
        files.push(await describe(name, value));
      } else {
        fields[name] = value;
      }
    }
    return Response.json({ fields, files });
  },
};

/** What a file is, with its SHA-256 as proof that every byte arrived. */
async function describe(field, file) {
  const digest = await crypto.subtle.digest("SHA-256", await file.arrayBuffer());
  const bytes = [...new Uint8Array(digest)];
  const sha256 = bytes.map((byte) => byte.toString(16).padStart(2, "0")).join("");
  return { field, name: file.name, type: file.type, size: file.size, sha256 };
}
