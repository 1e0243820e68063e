/** Runs the data vectors of web-platform-tests that are posted to it and answers with what failed. */

/** Code units that no header value can have. */
const NOT_IN_HEADERS = /[\0\r\n]|[^\0-\xFF]/;
/** A header is a list: what is behind a comma is another media type. */
const LIST = /,/;

async function mimeType({ input, output }) {
  if (LIST.test(input)) return "skipped";
  let response;
  try {
    response = new Response("", { headers: { "content-type": input } });
  } catch (error) {
    return error instanceof TypeError && NOT_IN_HEADERS.test(input) ? "skipped" : String(error);
  }
  const { type } = await response.blob();
  return type === (output ?? "") ? "passed" : `${type}, not ${output}`;
}

async function dataUrl([input, type, bytes]) {
  let response;
  try {
    response = await fetch(input);
  } catch (error) {
    return type === null && error instanceof TypeError ? "passed" : String(error);
  }
  if (type === null) return "it was fetched";
  const found = response.headers.get("content-type");
  if (found !== type) return `${found}, not ${type}`;
  const body = new Uint8Array(await response.arrayBuffer());
  return body.join() === bytes.join() ? "passed" : `the bytes are ${body}`;
}

/** Media types do not matter here: without one it is that of all data URLs without one. */
function base64([input, bytes]) {
  const type = bytes === null ? null : "text/plain;charset=US-ASCII";
  return dataUrl([`data:;base64,${input}`, type, bytes]);
}

const checks = { "/mime-types": mimeType, "/data-urls": dataUrl, "/base64": base64 };

export default {
  async fetch(request) {
    const check = checks[new URL(request.url).pathname];
    // Text between the vectors is a comment.
    const vectors = (await request.json()).filter((vector) => typeof vector === "object");
    const summary = { passed: 0, skipped: 0, failed: [] };
    for (const vector of vectors) {
      const outcome = await check(vector);
      if (outcome in summary && outcome !== "failed") summary[outcome] += 1;
      else summary.failed.push([vector, outcome]);
    }
    return Response.json(summary);
  },
};
