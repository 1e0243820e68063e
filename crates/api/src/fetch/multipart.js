/**
 * Bodies made from FormData, and back: `multipart/form-data` and
 * `application/x-www-form-urlencoded`.
 * https://html.spec.whatwg.org/#multipart-form-data and RFC 7578
 * @module
 */

import { utf8_decode, utf8_encode } from "isolde:ops";
import { primordials } from "../primordials.js";
import { bytesOfBlob, copyOf, normalizeType, typeOfBlob, viewOf } from "../blob/blob.js";
import { createFile, nameOfFile } from "../blob/file.js";
import { parseFormUrlEncoded } from "../url/search_params.js";
import { asciiLowercase, trimHttpWhitespace } from "./mime.js";

const {
  ArrayPrototypePush,
  MathFloor,
  MathRandom,
  StringPrototypeCharCodeAt,
  StringPrototypeIndexOf,
  StringPrototypeSlice,
  StringPrototypeStartsWith,
  TypedArrayPrototypeGetByteLength,
  TypedArrayPrototypeIndexOf,
  TypedArrayPrototypeSet,
  TypeError,
  Uint8Array,
} = primordials;

/** A part's headers may have at most this many bytes together. */
const MAX_PART_HEADER_BYTES = 64 * 1024;
/** Random digits in a boundary: 24 of base 36 are 124 bits. */
const BOUNDARY_DIGITS = 24;
const DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz";

const CR = 0x0d;
const LF = 0x0a;
const DASH = 0x2d;
const SPACE = 0x20;
const TAB = 0x09;

function randomBoundary() {
  let boundary = "----isoldeformboundary";
  for (let i = 0; i < BOUNDARY_DIGITS; i++) boundary += DIGITS[MathFloor(MathRandom() * 36)];
  return boundary;
}

/** Every CR, LF and CRLF becomes CRLF. */
function normalizeNewlines(text) {
  if (StringPrototypeIndexOf(text, "\n") < 0 && StringPrototypeIndexOf(text, "\r") < 0) return text;
  let result = "";
  let start = 0;
  for (let i = 0; i < text.length; i++) {
    const code = StringPrototypeCharCodeAt(text, i);
    if (code !== CR && code !== LF) continue;
    result += `${StringPrototypeSlice(text, start, i)}\r\n`;
    if (code === CR && text[i + 1] === "\n") i++;
    start = i + 1;
  }
  return result + StringPrototypeSlice(text, start);
}

/** What may not be in a quoted name. */
function escapeName(name) {
  let result = "";
  let start = 0;
  for (let i = 0; i < name.length; i++) {
    const character = name[i];
    const escape =
      character === "\n" ? "%0A" : character === "\r" ? "%0D" : character === '"' ? "%22" : "";
    if (escape === "") continue;
    result += StringPrototypeSlice(name, start, i) + escape;
    start = i + 1;
  }
  return start === 0 ? name : result + StringPrototypeSlice(name, start);
}

/** @param {Uint8Array[]} pieces @param {number} size of all together */
function concatenate(pieces, size) {
  const whole = new Uint8Array(size);
  let offset = 0;
  for (let i = 0; i < pieces.length; i++) {
    TypedArrayPrototypeSet(whole, pieces[i], offset);
    offset += TypedArrayPrototypeGetByteLength(pieces[i]);
  }
  return whole;
}

/**
 * https://html.spec.whatwg.org/#multipart/form-data-encoding-algorithm
 * @param {[string, string | File][]} entries
 * @returns {{ body: string | Uint8Array, boundary: string }} a string where there is no file
 */
export function serializeMultipart(entries) {
  const boundary = randomBoundary();
  const pieces = [];
  let size = 0;
  let text = "";
  const take = (bytes) => {
    size += TypedArrayPrototypeGetByteLength(bytes);
    ArrayPrototypePush(pieces, bytes);
  };
  for (let i = 0; i < entries.length; i++) {
    const value = entries[i][1];
    const name = escapeName(normalizeNewlines(entries[i][0]));
    text += `--${boundary}\r\nContent-Disposition: form-data; name="${name}"`;
    if (typeof value === "string") {
      text += `\r\n\r\n${normalizeNewlines(value)}\r\n`;
      continue;
    }
    const type = typeOfBlob(value) || "application/octet-stream";
    text += `; filename="${escapeName(nameOfFile(value))}"\r\nContent-Type: ${type}\r\n\r\n`;
    take(utf8_encode(text));
    take(bytesOfBlob(value));
    text = "\r\n";
  }
  text += `--${boundary}--\r\n`;
  if (pieces.length === 0) return { body: text, boundary };
  take(utf8_encode(text));
  return { body: concatenate(pieces, size), boundary };
}

/** @param {Uint8Array} bytes @param {number} at @param {Uint8Array} pattern */
function matchesAt(bytes, at, pattern) {
  const length = TypedArrayPrototypeGetByteLength(pattern);
  if (at + length > TypedArrayPrototypeGetByteLength(bytes)) return false;
  for (let i = 0; i < length; i++) {
    if (bytes[at + i] !== pattern[i]) return false;
  }
  return true;
}

/** Where a line begins with the delimiter next; -1 for nowhere. On the platform a line may end with
 * LF alone. */
function findDelimiter(bytes, from, delimiter) {
  let at = from;
  for (;;) {
    at = TypedArrayPrototypeIndexOf(bytes, LF, at) + 1;
    if (at === 0) return -1;
    if (matchesAt(bytes, at, delimiter)) return at;
  }
}

/** Where the content ends of which a delimiter follows on the next line. */
function contentEnd(bytes, start, delimiterAt) {
  const lineFeed = delimiterAt - 1;
  return lineFeed > start && bytes[lineFeed - 1] === CR ? lineFeed - 1 : lineFeed;
}

/** How many bytes of a line end are at a place: 0, 1 or 2. */
function lineEndAt(bytes, at) {
  if (bytes[at] === LF) return 1;
  return bytes[at] === CR && bytes[at + 1] === LF ? 2 : 0;
}

/**
 * Where a quoted name ends. Browsers write `%22` for a quotation mark in it, other clients `\"`.
 * To browsers a backslash means nothing, so one at the end of a name escapes nothing.
 */
function quotedNameEnd(value, start) {
  for (let i = start; ; i++) {
    i = StringPrototypeIndexOf(value, '"', i);
    if (i < 0) return value.length;
    const next = value[i + 1];
    if (i === start || value[i - 1] !== "\\" || next === undefined || next === ";") return i;
  }
}

/** The names' escapes. A backslash that escapes no quotation mark is one: paths have them. */
function unescapeName(name) {
  let result = "";
  let start = 0;
  for (;;) {
    const at = StringPrototypeIndexOf(name, '\\"', start);
    if (at < 0) return unescapePercent(result + StringPrototypeSlice(name, start));
    result += StringPrototypeSlice(name, start, at);
    start = at + 1;
  }
}

/** What browsers escape. */
function unescapePercent(name) {
  let result = "";
  let start = 0;
  for (;;) {
    const at = StringPrototypeIndexOf(name, "%", start);
    if (at < 0) return result + StringPrototypeSlice(name, start);
    const code = asciiLowercase(StringPrototypeSlice(name, at + 1, at + 3));
    const character = code === "0a" ? "\n" : code === "0d" ? "\r" : code === "22" ? '"' : "";
    result += StringPrototypeSlice(name, start, at) + (character === "" ? "%" : character);
    start = character === "" ? at + 1 : at + 3;
  }
}

/** One parameter of Content-Disposition, or null. */
function dispositionParameter(value, wanted) {
  let i = StringPrototypeIndexOf(value, ";");
  while (i >= 0 && i < value.length) {
    i++;
    const equals = StringPrototypeIndexOf(value, "=", i);
    if (equals < 0) return null;
    const key = asciiLowercase(trimHttpWhitespace(StringPrototypeSlice(value, i, equals)));
    let text;
    if (value[equals + 1] === '"') {
      const end = quotedNameEnd(value, equals + 2);
      text = unescapeName(StringPrototypeSlice(value, equals + 2, end));
      i = StringPrototypeIndexOf(value, ";", end);
    } else {
      const next = StringPrototypeIndexOf(value, ";", equals);
      const end = next < 0 ? value.length : next;
      text = trimHttpWhitespace(StringPrototypeSlice(value, equals + 1, end));
      i = next;
    }
    if (key === wanted) return text;
  }
  return null;
}

/** Reads the headers of one part. Names are compared without case.
 * @param {string} text the header lines */
function parsePartHeaders(text) {
  let name = null;
  let filename = null;
  let type = "text/plain";
  let start = 0;
  while (start < text.length) {
    let end = StringPrototypeIndexOf(text, "\n", start);
    if (end < 0) end = text.length;
    const line = StringPrototypeSlice(text, start, end);
    start = end + 1;
    const colon = StringPrototypeIndexOf(line, ":");
    if (colon < 0) throw new TypeError("A part of the multipart/form-data body has a bad header.");
    const key = asciiLowercase(trimHttpWhitespace(StringPrototypeSlice(line, 0, colon)));
    const value = trimHttpWhitespace(StringPrototypeSlice(line, colon + 1));
    if (key === "content-disposition") {
      if (!StringPrototypeStartsWith(asciiLowercase(value), "form-data")) break;
      name = dispositionParameter(value, "name");
      filename = dispositionParameter(value, "filename");
    } else if (key === "content-type") {
      type = value;
    }
  }
  if (name === null) {
    throw new TypeError("A part of the multipart/form-data body has no name.");
  }
  return { name, filename, type };
}

/** Where the line that starts with a delimiter at `at` ends; -1 for the last one. */
function afterDelimiter(bytes, at, delimiter) {
  let i = at + TypedArrayPrototypeGetByteLength(delimiter);
  if (bytes[i] === DASH && bytes[i + 1] === DASH) return -1;
  while (bytes[i] === SPACE || bytes[i] === TAB) i++;
  const lineEnd = lineEndAt(bytes, i);
  if (lineEnd === 0) {
    throw new TypeError("The multipart/form-data body has a bad boundary line.");
  }
  return i + lineEnd;
}

/** The end of a part's headers: the place of the empty line. */
function findHeaderEnd(bytes, from) {
  let at = from;
  while (lineEndAt(bytes, at) === 0) {
    at = TypedArrayPrototypeIndexOf(bytes, LF, at) + 1;
    if (at === 0 || at - from > MAX_PART_HEADER_BYTES) {
      throw new TypeError("A part of the multipart/form-data body has no end of its headers.");
    }
  }
  return at;
}

/**
 * https://fetch.spec.whatwg.org/#body-mixin, the first case of formData()
 * @param {Uint8Array} bytes @param {string} boundary
 * @returns {[string, string | File][]}
 */
export function parseMultipart(bytes, boundary) {
  const delimiter = utf8_encode(`--${boundary}`);
  const entries = [];
  let at = 0;
  if (!matchesAt(bytes, 0, delimiter)) {
    at = findDelimiter(bytes, 0, delimiter);
    if (at < 0) throw new TypeError("The multipart/form-data body does not contain its boundary.");
  }
  for (;;) {
    const start = afterDelimiter(bytes, at, delimiter);
    if (start < 0) return entries;
    const headerEnd = findHeaderEnd(bytes, start);
    const headerText = utf8_decode(viewOf(bytes, start, headerEnd - start), false, true);
    const { name, filename, type } = parsePartHeaders(headerText);
    const bodyStart = headerEnd + lineEndAt(bytes, headerEnd);
    at = findDelimiter(bytes, bodyStart, delimiter);
    if (at < 0) throw new TypeError("The multipart/form-data body ends within a part.");
    const bodyEnd = contentEnd(bytes, bodyStart, at);
    const content = viewOf(bytes, bodyStart, bodyEnd - bodyStart);
    // A form's file input that nobody has used sends an empty name; to the platform that is text.
    const value =
      filename === null || filename === ""
        ? utf8_decode(content, false, true)
        : createFile(copyOf(content), filename, normalizeType(type));
    ArrayPrototypePush(entries, [name, value]);
  }
}

/**
 * The entries of an `application/x-www-form-urlencoded` body.
 * @param {Uint8Array} bytes @returns {[string, string][]}
 */
export function parseUrlEncodedBytes(bytes) {
  return parseFormUrlEncoded(utf8_decode(bytes, false, true));
}
