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

const COMPONENTS = [
  "protocol", "username", "password", "hostname", "port", "pathname", "search", "hash",
];

/** Which other components, when they are given, make one a wildcard and not that of the base. */
const BEFORE = {
  protocol: [],
  hostname: ["protocol"],
  port: ["protocol", "hostname"],
  pathname: ["protocol", "hostname", "port"],
  search: ["protocol", "hostname", "port", "pathname"],
  hash: ["protocol", "hostname", "port", "pathname", "search"],
};

/** The pattern of a component that a vector expects: it leaves out what goes without saying. */
function expectedPattern({ pattern, expected_obj: expected, exactly_empty_components: empty }, key) {
  if (expected?.[key] !== undefined) return expected[key];
  if (empty?.includes(key)) return "";
  const [input, second] = pattern;
  if (typeof input === "object" && input[key]) return input[key];
  const isCut = typeof input === "object" && (BEFORE[key] ?? []).some((other) => other in input);
  const base = input?.baseURL || (typeof second === "string" ? second : undefined);
  if (isCut || base === undefined || BEFORE[key] === undefined) return "*";
  const value = new URL(base)[key];
  if (key === "protocol") return value.slice(0, -1);
  return key === "search" || key === "hash" ? value.slice(1) : value;
}

function expectedResult({ expected_match: match, exactly_empty_components: empty }, key) {
  if (match[key] !== undefined) return match[key];
  return { input: "", groups: empty?.includes(key) ? {} : { 0: "" } };
}

/** Groups that have not matched are undefined, which JSON has no word for. */
const sorted = ({ groups, input }) =>
  JSON.stringify([input, Object.entries(groups).sort().map(([name, v]) => [name, v ?? null])]);

function urlPattern(vector) {
  const { pattern: args, inputs, expected_obj: expected, expected_match: match } = vector;
  let pattern;
  try {
    pattern = new URLPattern(...args);
  } catch (error) {
    return expected === "error" && error instanceof TypeError ? "passed" : String(error);
  }
  if (expected === "error") return "it is a pattern";
  for (const key of COMPONENTS) {
    const wanted = expectedPattern(vector, key);
    if (pattern[key] !== wanted) return `${key} is ${pattern[key]}, not ${wanted}`;
  }
  try {
    if (pattern.test(...inputs) !== Boolean(match)) return "test gives something else";
    const result = pattern.exec(...inputs);
    if (match === "error") return "it does not fail";
    if (!match) return result === null ? "passed" : "it matches";
    for (const key of COMPONENTS) {
      const [found, wanted] = [sorted(result[key]), sorted(expectedResult(vector, key))];
      if (found !== wanted) return `${key} is ${found}, not ${wanted}`;
    }
    const wanted = JSON.stringify(match.inputs ?? inputs);
    return result.inputs.length === JSON.parse(wanted).length ? "passed" : "other inputs";
  } catch (error) {
    return match === "error" && error instanceof TypeError ? "passed" : String(error);
  }
}

const checks = {
  "/mime-types": mimeType,
  "/data-urls": dataUrl,
  "/base64": base64,
  "/url-patterns": urlPattern,
};

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
