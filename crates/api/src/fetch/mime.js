/**
 * MIME types: parsing, serializing, and extraction from a `Content-Type` header.
 * https://mimesniff.spec.whatwg.org/
 * @module
 */

import { primordials } from "../primordials.js";

const {
  StringPrototypeCharCodeAt,
  StringPrototypeIndexOf,
  StringPrototypeSlice,
  StringPrototypeToLowerCase,
  Uint8Array,
} = primordials;

const SLASH = 0x2f;
const SEMICOLON = 0x3b;
const EQUALS_SIGN = 0x3d;
const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COMMA = 0x2c;

/** 1 for every HTTP token code point. */
const TOKEN_CHARACTERS = new Uint8Array(256);
{
  const characters =
    "!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
  for (let i = 0; i < characters.length; i++) {
    TOKEN_CHARACTERS[StringPrototypeCharCodeAt(characters, i)] = 1;
  }
}

/**
 * https://mimesniff.spec.whatwg.org/#http-token-code-point
 * @param {string} text @returns {boolean} false for the empty string too
 */
export function isToken(text) {
  const length = text.length;
  if (length === 0) return false;
  for (let i = 0; i < length; i++) {
    if (TOKEN_CHARACTERS[StringPrototypeCharCodeAt(text, i)] !== 1) return false;
  }
  return true;
}

/** https://fetch.spec.whatwg.org/#http-whitespace @param {number} code */
export function isHttpWhitespace(code) {
  return code === 0x20 || code === 0x09 || code === 0x0a || code === 0x0d;
}

/**
 * Strips HTTP whitespace from both ends.
 * @param {string} text @returns {string} the same string where there is nothing to strip
 */
export function trimHttpWhitespace(text) {
  let start = 0;
  let end = text.length;
  while (start < end && isHttpWhitespace(StringPrototypeCharCodeAt(text, start))) start++;
  while (end > start && isHttpWhitespace(StringPrototypeCharCodeAt(text, end - 1))) end--;
  return end - start === text.length ? text : StringPrototypeSlice(text, start, end);
}

/** Strips only trailing HTTP whitespace. */
function trimEnd(text) {
  let end = text.length;
  while (end > 0 && isHttpWhitespace(StringPrototypeCharCodeAt(text, end - 1))) end--;
  return StringPrototypeSlice(text, 0, end);
}

/** https://mimesniff.spec.whatwg.org/#http-quoted-string-token-code-point */
function isQuotedStringText(text) {
  for (let i = 0; i < text.length; i++) {
    const code = StringPrototypeCharCodeAt(text, i);
    if (code !== 0x09 && (code < 0x20 || code === 0x7f || code > 0xff)) return false;
  }
  return true;
}

/** ASCII lower-casing; other letters, as the Kelvin sign, stay. */
export function asciiLowercase(text) {
  let ascii = true;
  let upper = false;
  for (let i = 0; i < text.length; i++) {
    const code = StringPrototypeCharCodeAt(text, i);
    if (code > 0x7f) ascii = false;
    else if (code >= 0x41 && code <= 0x5a) upper = true;
  }
  if (!upper) return text;
  if (ascii) return StringPrototypeToLowerCase(text);
  let result = "";
  for (let i = 0; i < text.length; i++) {
    const character = text[i];
    result += character <= "\x7f" ? StringPrototypeToLowerCase(character) : character;
  }
  return result;
}

/** Where the first of two characters is, from `start`; the end of the text where neither is. */
function indexOfEither(text, a, b, start) {
  for (let i = start; i < text.length; i++) {
    const code = StringPrototypeCharCodeAt(text, i);
    if (code === a || code === b) return i;
  }
  return text.length;
}

/** Where a quoted string ended that `quotedString` has read. */
let quotedEnd = 0;

/**
 * https://fetch.spec.whatwg.org/#collect-an-http-quoted-string with the extract-value flag
 * @param {string} text @param {number} start the place of the opening quotation mark
 */
function quotedString(text, start) {
  let value = "";
  let i = start + 1;
  for (; i < text.length; i++) {
    const code = StringPrototypeCharCodeAt(text, i);
    if (code === QUOTE) break;
    if (code === BACKSLASH) {
      if (i + 1 >= text.length) {
        value += "\\";
        continue;
      }
      i++;
    }
    value += text[i];
  }
  quotedEnd = i + 1;
  return value;
}

/**
 * @typedef {object} MimeType
 * @property {string} type lower-case
 * @property {string} subtype lower-case
 * @property {Record<string, string>} parameters null-prototype, in order, with lower-case names
 * @property {string[]} names the parameters' names in order
 */

/** Reads the parameters, from the semicolon at `i` on, into `mime`. */
function parseParameters(text, i, mime) {
  while (i < text.length) {
    i++;
    while (i < text.length && isHttpWhitespace(StringPrototypeCharCodeAt(text, i))) i++;
    const nameEnd = indexOfEither(text, SEMICOLON, EQUALS_SIGN, i);
    const name = asciiLowercase(StringPrototypeSlice(text, i, nameEnd));
    i = nameEnd;
    if (i >= text.length) return;
    if (StringPrototypeCharCodeAt(text, i) === SEMICOLON) continue;
    i++;
    if (i >= text.length) return;
    let value;
    if (StringPrototypeCharCodeAt(text, i) === QUOTE) {
      value = quotedString(text, i);
      i = indexOfEither(text, SEMICOLON, SEMICOLON, quotedEnd);
    } else {
      const end = indexOfEither(text, SEMICOLON, SEMICOLON, i);
      value = trimEnd(StringPrototypeSlice(text, i, end));
      i = end;
      if (value === "") continue;
    }
    if (isToken(name) && isQuotedStringText(value) && mime.parameters[name] === undefined) {
      mime.parameters[name] = value;
      mime.names[mime.names.length] = name;
    }
  }
}

/**
 * https://mimesniff.spec.whatwg.org/#parse-a-mime-type
 * @param {string} input @returns {MimeType | null} null for failure
 */
export function parseMimeType(input) {
  const text = trimHttpWhitespace(input);
  const slash = StringPrototypeIndexOf(text, "/");
  if (slash < 0) return null;
  const type = StringPrototypeSlice(text, 0, slash);
  if (!isToken(type)) return null;
  const end = indexOfEither(text, SEMICOLON, SEMICOLON, slash + 1);
  const subtype = trimEnd(StringPrototypeSlice(text, slash + 1, end));
  if (!isToken(subtype)) return null;
  const mime = {
    type: asciiLowercase(type),
    subtype: asciiLowercase(subtype),
    parameters: { __proto__: null },
    names: [],
  };
  if (end < text.length) parseParameters(text, end, mime);
  return mime;
}

/** `type/subtype`. https://mimesniff.spec.whatwg.org/#mime-type-essence @param {MimeType} mime */
export function mimeEssence(mime) {
  return `${mime.type}/${mime.subtype}`;
}

/**
 * https://mimesniff.spec.whatwg.org/#serialize-a-mime-type
 * @param {MimeType} mime @returns {string}
 */
export function serializeMimeType(mime) {
  let text = mimeEssence(mime);
  const names = mime.names;
  for (let i = 0; i < names.length; i++) {
    const value = mime.parameters[names[i]];
    text += `;${names[i]}=`;
    if (isToken(value)) {
      text += value;
      continue;
    }
    text += '"';
    for (let k = 0; k < value.length; k++) {
      const character = value[k];
      if (character === '"' || character === "\\") text += "\\";
      text += character;
    }
    text += '"';
  }
  return text;
}

/**
 * Splits at commas outside of quoted strings.
 * https://fetch.spec.whatwg.org/#header-value-get-decode-and-split
 * @param {string} text @returns {string[]}
 */
export function splitHeaderValue(text) {
  const values = [];
  let start = 0;
  let i = 0;
  for (;;) {
    i = indexOfEither(text, QUOTE, COMMA, i);
    if (i < text.length && StringPrototypeCharCodeAt(text, i) === QUOTE) {
      quotedString(text, i);
      i = quotedEnd;
      continue;
    }
    values[values.length] = trimHttpWhitespace(StringPrototypeSlice(text, start, i));
    if (i >= text.length) return values;
    i++;
    start = i;
  }
}

/**
 * https://fetch.spec.whatwg.org/#concept-header-extract-mime-type
 * @param {string | null} contentType the combined value of `Content-Type`
 * @returns {MimeType | null}
 */
export function extractMimeType(contentType) {
  if (contentType === null) return null;
  if (StringPrototypeIndexOf(contentType, ",") < 0) {
    const mime = parseMimeType(contentType);
    return mime !== null && mimeEssence(mime) === "*/*" ? null : mime;
  }
  const values = splitHeaderValue(contentType);
  let charset;
  let essence = null;
  let mime = null;
  for (let i = 0; i < values.length; i++) {
    const candidate = parseMimeType(values[i]);
    if (candidate === null || mimeEssence(candidate) === "*/*") continue;
    mime = candidate;
    if (mimeEssence(candidate) !== essence) {
      charset = candidate.parameters.charset;
      essence = mimeEssence(candidate);
    } else if (candidate.parameters.charset === undefined && charset !== undefined) {
      candidate.parameters.charset = charset;
      candidate.names[candidate.names.length] = "charset";
    }
  }
  return mime;
}
