/**
 * The tokens of a pattern. https://urlpattern.spec.whatwg.org/#tokenizing
 *
 * Positions count code units: no token but a name or an invalid character has a character of two.
 * @module
 */

import { internal } from "../internal.js";
import { primordials } from "../primordials.js";

const {
  ArrayPrototypePush,
  RegExpPrototypeExec,
  StringFromCodePoint,
  StringPrototypeCharCodeAt,
  StringPrototypeCodePointAt,
  StringPrototypeSlice,
  TypeError,
} = primordials;

/** The types of tokens. https://urlpattern.spec.whatwg.org/#token-type */
export const OPEN = 0;
export const CLOSE = 1;
export const REGEXP = 2;
export const NAME = 3;
export const CHAR = 4;
export const ESCAPED_CHAR = 5;
export const OTHER_MODIFIER = 6;
export const ASTERISK = 7;
export const END = 8;
export const INVALID_CHAR = 9;

const PLUS = 0x2b;
const STAR = 0x2a;
const QUESTION_MARK = 0x3f;
const COLON = 0x3a;
const LEFT_PARENTHESIS = 0x28;
const RIGHT_PARENTHESIS = 0x29;
const LEFT_BRACE = 0x7b;
const RIGHT_BRACE = 0x7d;
const BACKSLASH = 0x5c;
const DOLLAR = 0x24;
const UNDERSCORE = 0x5f;

/** https://urlpattern.spec.whatwg.org/#token */
export class Token {
  /** @param {number} type @param {number} index of its first code unit @param {string} value */
  constructor(type, index, value) {
    this.type = type;
    this.index = index;
    this.value = value;
  }
}
internal(Token);

class Tokenizer {
  index = 0;
  tokens = [];

  /** @param {string} input @param {boolean} lenient */
  constructor(input, lenient) {
    this.input = input;
    this.lenient = lenient;
  }
}
internal(Tokenizer);

const IDENTIFIER_START = /^\p{ID_Start}$/u;
const IDENTIFIER_PART = /^[\p{ID_Continue}\u200C\u200D]$/u;

const isDigit = (code) => code >= 0x30 && code <= 0x39;
const isLetter = (code) => (code | 0x20) >= 0x61 && (code | 0x20) <= 0x7a;

/** https://urlpattern.spec.whatwg.org/#is-a-valid-name-code-point
 * @param {number} code a code point @param {boolean} isFirst @returns {boolean} */
export function isNameCodePoint(code, isFirst) {
  if (code < 0x80) {
    return (
      isLetter(code) || code === DOLLAR || code === UNDERSCORE || (!isFirst && isDigit(code))
    );
  }
  const pattern = isFirst ? IDENTIFIER_START : IDENTIFIER_PART;
  return RegExpPrototypeExec(pattern, StringFromCodePoint(code)) !== null;
}

/** How many code units the character at a position has. */
const unitsAt = (text, at) => (StringPrototypeCodePointAt(text, at) > 0xffff ? 2 : 1);

/** https://urlpattern.spec.whatwg.org/#add-a-token */
function add(tokenizer, type, next, valueStart, valueEnd) {
  const value = StringPrototypeSlice(tokenizer.input, valueStart, valueEnd);
  ArrayPrototypePush(tokenizer.tokens, new Token(type, tokenizer.index, value));
  tokenizer.index = next;
}

/** https://urlpattern.spec.whatwg.org/#process-a-tokenizing-error */
function fail(tokenizer, next, valueStart) {
  if (!tokenizer.lenient) {
    throw new TypeError(
      `Invalid pattern '${shortened(tokenizer.input)}': wrong syntax at ${tokenizer.index}.`,
    );
  }
  add(tokenizer, INVALID_CHAR, next, valueStart, next);
}

/** A text as a message shows it. @param {string} text @returns {string} */
export function shortened(text) {
  return text.length > 100 ? `${StringPrototypeSlice(text, 0, 100)}...` : text;
}

function addEscaped(tokenizer) {
  const { index, input } = tokenizer;
  if (index === input.length - 1) {
    fail(tokenizer, index + 1, index);
    return;
  }
  const next = index + 1 + unitsAt(input, index + 1);
  add(tokenizer, ESCAPED_CHAR, next, index + 1, next);
}

function addName(tokenizer) {
  const { index, input } = tokenizer;
  const start = index + 1;
  let at = start;
  while (at < input.length) {
    const code = StringPrototypeCodePointAt(input, at);
    if (!isNameCodePoint(code, at === start)) break;
    at += code > 0xffff ? 2 : 1;
  }
  if (at === start) fail(tokenizer, start, index);
  else add(tokenizer, NAME, at, start, at);
}

/** Where the regular expression ends that begins at `start`: at its `)`; -1 where it has no right
 * end. */
function endOfRegExp(input, start) {
  let depth = 1;
  for (let at = start; at < input.length; at++) {
    const code = StringPrototypeCharCodeAt(input, at);
    if (code > 0x7f || (at === start && code === QUESTION_MARK)) return -1;
    if (code === BACKSLASH) {
      at++;
      // What is escaped must be there, and be ASCII.
      if (at === input.length || StringPrototypeCharCodeAt(input, at) > 0x7f) return -1;
    } else if (code === RIGHT_PARENTHESIS) {
      depth--;
      if (depth === 0) return at === start ? -1 : at;
    } else if (code === LEFT_PARENTHESIS) {
      depth++;
      // Groups must not capture.
      const isLast = at === input.length - 1;
      if (isLast || StringPrototypeCharCodeAt(input, at + 1) !== QUESTION_MARK) return -1;
    }
  }
  return -1;
}

function addRegExp(tokenizer) {
  const { index, input } = tokenizer;
  const end = endOfRegExp(input, index + 1);
  if (end === -1) fail(tokenizer, index + 1, index);
  else add(tokenizer, REGEXP, end + 1, index + 1, end);
}

/** https://urlpattern.spec.whatwg.org/#tokenize
 * @param {string} input @param {boolean} lenient whether a wrong character is a token too
 * @returns {Token[]} */
export function tokenize(input, lenient) {
  const tokenizer = new Tokenizer(input, lenient);
  while (tokenizer.index < input.length) {
    const { index } = tokenizer;
    const code = StringPrototypeCharCodeAt(input, index);
    const addOne = (type) => add(tokenizer, type, index + 1, index, index + 1);
    if (code === STAR) addOne(ASTERISK);
    else if (code === PLUS || code === QUESTION_MARK) addOne(OTHER_MODIFIER);
    else if (code === BACKSLASH) addEscaped(tokenizer);
    else if (code === LEFT_BRACE) addOne(OPEN);
    else if (code === RIGHT_BRACE) addOne(CLOSE);
    else if (code === COLON) addName(tokenizer);
    else if (code === LEFT_PARENTHESIS) addRegExp(tokenizer);
    else {
      const next = index + unitsAt(input, index);
      add(tokenizer, CHAR, next, index, next);
    }
  }
  add(tokenizer, END, input.length, input.length, input.length);
  return tokenizer.tokens;
}
