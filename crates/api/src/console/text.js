/**
 * Pieces of text that `console` is made of: quoted strings, property keys, indentation.
 *
 * Nothing here uses regular expressions or methods that look symbols up, which a Worker may have
 * redefined.
 * @module
 */

import { primordials } from "../primordials.js";

const {
  NumberPrototypeToString,
  StringPrototypeCharCodeAt,
  StringPrototypeIncludes,
  StringPrototypeIndexOf,
  StringPrototypePadStart,
  StringPrototypeSlice,
  SymbolPrototypeToString,
} = primordials;

/** Characters of a string that is a member of something; the rest is counted. */
const MAX_STRING_LENGTH = 10_000;

/** By character code. */
const SHORT_ESCAPES = {
  __proto__: null,
  8: "\\b",
  9: "\\t",
  10: "\\n",
  12: "\\f",
  13: "\\r",
  92: "\\\\",
};

/** The quotation mark that the text itself needs least. */
function quoteFor(text) {
  if (!StringPrototypeIncludes(text, "'")) return "'";
  if (!StringPrototypeIncludes(text, '"')) return '"';
  if (!StringPrototypeIncludes(text, "`") && !StringPrototypeIncludes(text, "${")) return "`";
  return "'";
}

/** A control character, or half of a surrogate pair without the other. */
function needsHex(text, i, code) {
  if (code < 0x20 || (code >= 0x7f && code <= 0x9f)) return true;
  if (code < 0xd800 || code > 0xdfff) return false;
  if (code < 0xdc00) {
    const next = i + 1 < text.length ? StringPrototypeCharCodeAt(text, i + 1) : 0;
    return next < 0xdc00 || next > 0xdfff;
  }
  const before = i > 0 ? StringPrototypeCharCodeAt(text, i - 1) : 0;
  return before < 0xd800 || before > 0xdbff;
}

function hexEscape(code) {
  const hex = NumberPrototypeToString(code, 16);
  return code < 0x100
    ? `\\x${StringPrototypePadStart(hex, 2, "0")}`
    : `\\u${StringPrototypePadStart(hex, 4, "0")}`;
}

/**
 * A string as a literal.
 * @param {string} whole
 * @returns {string}
 */
export function quote(whole) {
  const excess = whole.length - MAX_STRING_LENGTH;
  const text = excess > 0 ? StringPrototypeSlice(whole, 0, MAX_STRING_LENGTH) : whole;
  const mark = quoteFor(text);
  const markCode = StringPrototypeCharCodeAt(mark, 0);
  let out = mark;
  let start = 0;
  for (let i = 0; i < text.length; i++) {
    const code = StringPrototypeCharCodeAt(text, i);
    let escape = SHORT_ESCAPES[code];
    if (escape === undefined && code === markCode) escape = `\\${mark}`;
    if (escape === undefined && needsHex(text, i, code)) escape = hexEscape(code);
    if (escape === undefined) continue;
    out += StringPrototypeSlice(text, start, i) + escape;
    start = i + 1;
  }
  out += StringPrototypeSlice(text, start) + mark;
  return excess > 0 ? `${out}... ${excess} more character${excess === 1 ? "" : "s"}` : out;
}

const isLetter = (code) =>
  (code >= 97 && code <= 122) || (code >= 65 && code <= 90) || code === 95 || code === 36;
const isDigit = (code) => code >= 48 && code <= 57;

function isIdentifier(text) {
  if (text.length === 0 || isDigit(StringPrototypeCharCodeAt(text, 0))) return false;
  for (let i = 0; i < text.length; i++) {
    const code = StringPrototypeCharCodeAt(text, i);
    if (!isLetter(code) && !isDigit(code)) return false;
  }
  return true;
}

/**
 * A property key as it is written in an object literal.
 * @param {string | symbol} key
 * @param {boolean} hidden not enumerable: in brackets
 */
export function keyText(key, hidden) {
  if (typeof key === "symbol") return `[${SymbolPrototypeToString(key)}]`;
  if (hidden) return `[${key}]`;
  return isIdentifier(key) ? key : quote(key);
}

/**
 * Puts `pad` behind each line break.
 * @param {string} text
 * @param {string} pad
 */
export function indentLines(text, pad) {
  let at = StringPrototypeIndexOf(text, "\n");
  if (at === -1 || pad === "") return text;
  let out = "";
  let start = 0;
  while (at !== -1) {
    out += StringPrototypeSlice(text, start, at + 1) + pad;
    start = at + 1;
    at = StringPrototypeIndexOf(text, "\n", start);
  }
  return out + StringPrototypeSlice(text, start);
}

/** @param {string} text */
export function hasLineBreak(text) {
  return StringPrototypeIncludes(text, "\n");
}
