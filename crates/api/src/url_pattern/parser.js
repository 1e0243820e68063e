/**
 * From a pattern to its parts. https://urlpattern.spec.whatwg.org/#parsing-pattern-strings
 * @module
 */

import { internal } from "../internal.js";
import { primordials } from "../primordials.js";
import {
  ASTERISK,
  CHAR,
  CLOSE,
  END,
  ESCAPED_CHAR,
  NAME,
  OPEN,
  OTHER_MODIFIER,
  REGEXP,
  shortened,
  tokenize,
} from "./tokenizer.js";

const { ArrayPrototypePush, TypeError } = primordials;

/** Types of parts. https://urlpattern.spec.whatwg.org/#part-type */
export const FIXED_TEXT = 0;
export const REGEXP_PART = 1;
export const SEGMENT_WILDCARD = 2;
export const FULL_WILDCARD = 3;

/** https://urlpattern.spec.whatwg.org/#full-wildcard-regexp-value */
export const FULL_WILDCARD_REGEXP = ".*";

/** The modifiers of parts, as they are written. */
export const NO_MODIFIER = "";
export const OPTIONAL = "?";

/** https://urlpattern.spec.whatwg.org/#part */
export class Part {
  name = "";
  prefix = "";
  suffix = "";

  /** @param {number} type @param {string} value of fixed text and regular expressions
   * @param {string} modifier */
  constructor(type, value, modifier) {
    this.type = type;
    this.value = value;
    this.modifier = modifier;
  }
}
internal(Part);

class PatternParser {
  index = 0;
  parts = [];
  /** Text that is no part yet. */
  pending = "";
  nextNumber = 0;
  names = { __proto__: null };

  constructor(input, encode, options) {
    this.input = input;
    this.tokens = tokenize(input, false);
    this.encode = encode;
    this.options = options;
  }
}
internal(PatternParser);

/** https://urlpattern.spec.whatwg.org/#try-to-consume-a-token
 * @returns {import('./tokenizer.js').Token | null} */
function tryToken(parser, type) {
  const token = parser.tokens[parser.index];
  if (token.type !== type) return null;
  // Nothing comes behind the end.
  if (type !== END) parser.index++;
  return token;
}

/** https://urlpattern.spec.whatwg.org/#consume-a-required-token */
function requireToken(parser, type) {
  if (tryToken(parser, type) !== null) return;
  const { index } = parser.tokens[parser.index];
  throw new TypeError(
    `Invalid pattern '${shortened(parser.input)}': something else is expected at ${index}.`,
  );
}

/** https://urlpattern.spec.whatwg.org/#try-to-consume-a-modifier-token */
function tryModifier(parser) {
  const token = tryToken(parser, OTHER_MODIFIER) ?? tryToken(parser, ASTERISK);
  return token === null ? NO_MODIFIER : token.value;
}

/** https://urlpattern.spec.whatwg.org/#try-to-consume-a-regexp-or-wildcard-token */
function tryRegExpOrWildcard(parser, name) {
  const token = tryToken(parser, REGEXP);
  return token === null && name === null ? tryToken(parser, ASTERISK) : token;
}

/** https://urlpattern.spec.whatwg.org/#consume-text */
function consumeText(parser) {
  let text = "";
  for (;;) {
    const token = tryToken(parser, CHAR) ?? tryToken(parser, ESCAPED_CHAR);
    if (token === null) return text;
    text += token.value;
  }
}

function encode(parser, text) {
  return (0, parser.encode)(text);
}

/** https://urlpattern.spec.whatwg.org/#maybe-add-a-part-from-the-pending-fixed-value */
function addPending(parser) {
  const { pending } = parser;
  if (pending === "") return;
  parser.pending = "";
  ArrayPrototypePush(parser.parts, new Part(FIXED_TEXT, encode(parser, pending), NO_MODIFIER));
}

/** The part without its name, prefix and suffix. */
function makePart(parser, wildcard, modifier) {
  if (wildcard === null) return new Part(SEGMENT_WILDCARD, "", modifier);
  if (wildcard.type === ASTERISK) return new Part(FULL_WILDCARD, "", modifier);
  const { value } = wildcard;
  if (value === parser.options.segmentWildcard) return new Part(SEGMENT_WILDCARD, "", modifier);
  if (value === FULL_WILDCARD_REGEXP) return new Part(FULL_WILDCARD, "", modifier);
  return new Part(REGEXP_PART, value, modifier);
}

/** https://urlpattern.spec.whatwg.org/#add-a-part */
function addPart(parser, prefix, name, wildcard, suffix, modifier) {
  if (name === null && wildcard === null && modifier === NO_MODIFIER) {
    parser.pending += prefix;
    return;
  }
  addPending(parser);
  if (name === null && wildcard === null) {
    if (prefix === "") return;
    ArrayPrototypePush(parser.parts, new Part(FIXED_TEXT, encode(parser, prefix), modifier));
    return;
  }
  const part = makePart(parser, wildcard, modifier);
  part.name = name === null ? `${parser.nextNumber++}` : name.value;
  if (parser.names[part.name] !== undefined) {
    throw new TypeError(`Invalid pattern: the name '${shortened(part.name)}' is there twice.`);
  }
  parser.names[part.name] = true;
  part.prefix = encode(parser, prefix);
  part.suffix = encode(parser, suffix);
  ArrayPrototypePush(parser.parts, part);
}

/** A group in braces. */
function parseGroup(parser) {
  const prefix = consumeText(parser);
  const name = tryToken(parser, NAME);
  const wildcard = tryRegExpOrWildcard(parser, name);
  const suffix = consumeText(parser);
  requireToken(parser, CLOSE);
  addPart(parser, prefix, name, wildcard, suffix, tryModifier(parser));
}

/** Reads the next part, or a piece of one. @returns {boolean} false at the end */
function parseNext(parser) {
  const char = tryToken(parser, CHAR);
  const name = tryToken(parser, NAME);
  const wildcard = tryRegExpOrWildcard(parser, name);
  if (name !== null || wildcard !== null) {
    let prefix = char === null ? "" : char.value;
    if (prefix !== "" && prefix !== parser.options.prefix) {
      parser.pending += prefix;
      prefix = "";
    }
    addPending(parser);
    addPart(parser, prefix, name, wildcard, "", tryModifier(parser));
    return true;
  }
  const fixed = char ?? tryToken(parser, ESCAPED_CHAR);
  if (fixed !== null) {
    parser.pending += fixed.value;
    return true;
  }
  if (tryToken(parser, OPEN) !== null) {
    parseGroup(parser);
    return true;
  }
  addPending(parser);
  requireToken(parser, END);
  return false;
}

/** https://urlpattern.spec.whatwg.org/#parse-a-pattern-string
 * @param {string} input @param {(text: string) => string} encode makes text canonical
 * @param {import('./component.js').ComponentOptions} options @returns {Part[]} */
export function parsePattern(input, encode, options) {
  const parser = new PatternParser(input, encode, options);
  while (parseNext(parser));
  return parser.parts;
}
