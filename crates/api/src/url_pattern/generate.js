/**
 * From parts to a regular expression, and back to a pattern.
 * https://urlpattern.spec.whatwg.org/#converting-part-lists-to-regular-expressions
 * https://urlpattern.spec.whatwg.org/#converting-part-lists-to-pattern-strings
 * @module
 */

import { primordials } from "../primordials.js";
import {
  FIXED_TEXT,
  FULL_WILDCARD,
  FULL_WILDCARD_REGEXP,
  NO_MODIFIER,
  OPTIONAL,
  REGEXP_PART,
  SEGMENT_WILDCARD,
} from "./parser.js";
import { isNameCodePoint } from "./tokenizer.js";

const { StringPrototypeCharCodeAt, StringPrototypeCodePointAt, StringPrototypeSlice } = primordials;

/** A set of ASCII characters, by their codes. */
function charSet(characters) {
  const set = { __proto__: null };
  for (let i = 0; i < characters.length; i++) {
    set[StringPrototypeCharCodeAt(characters, i)] = true;
  }
  return set;
}

/** What regular expressions and patterns have a meaning for. */
const REGEXP_SYNTAX = charSet(".+*?^${}()[]|/\\");
const PATTERN_SYNTAX = charSet("+*?:{}()\\");

function escape(text, syntax) {
  let escaped = "";
  let start = 0;
  for (let i = 0; i < text.length; i++) {
    if (syntax[StringPrototypeCharCodeAt(text, i)] === undefined) continue;
    escaped += `${StringPrototypeSlice(text, start, i)}\\`;
    start = i;
  }
  return start === 0 ? escaped + text : escaped + StringPrototypeSlice(text, start);
}

/** https://urlpattern.spec.whatwg.org/#escape-a-regexp-string
 * @param {string} text @returns {string} */
export function escapeRegExp(text) {
  return escape(text, REGEXP_SYNTAX);
}

/** https://urlpattern.spec.whatwg.org/#escape-a-pattern-string
 * @param {string} text @returns {string} */
export function escapePattern(text) {
  return escape(text, PATTERN_SYNTAX);
}

/** https://urlpattern.spec.whatwg.org/#generate-a-segment-wildcard-regexp
 * @param {string} delimiter a character, or none @returns {string} */
export function segmentWildcardRegExp(delimiter) {
  return `[^${escapeRegExp(delimiter)}]+?`;
}

/** The regular expression of one part with a name. */
function sourceOfGroup(part, options) {
  const { modifier, type } = part;
  let value = part.value;
  if (type === SEGMENT_WILDCARD) value = options.segmentWildcard;
  else if (type === FULL_WILDCARD) value = FULL_WILDCARD_REGEXP;
  const isOnce = modifier === NO_MODIFIER || modifier === OPTIONAL;
  if (part.prefix === "" && part.suffix === "") {
    return isOnce ? `(${value})${modifier}` : `((?:${value})${modifier})`;
  }
  const prefix = escapeRegExp(part.prefix);
  const suffix = escapeRegExp(part.suffix);
  if (isOnce) return `(?:${prefix}(${value})${suffix})${modifier}`;
  const many = `(?:${prefix}((?:${value})(?:${suffix}${prefix}(?:${value}))*)${suffix})`;
  return modifier === "*" ? `${many}?` : many;
}

/** https://urlpattern.spec.whatwg.org/#generate-a-regular-expression-and-name-list
 * @param {import('./parser.js').Part[]} parts
 * @param {import('./component.js').ComponentOptions} options @returns {string} */
export function regExpSource(parts, options) {
  let source = "^";
  for (let i = 0; i < parts.length; i++) {
    const part = parts[i];
    if (part.type !== FIXED_TEXT) source += sourceOfGroup(part, options);
    else if (part.modifier === NO_MODIFIER) source += escapeRegExp(part.value);
    else source += `(?:${escapeRegExp(part.value)})${part.modifier}`;
  }
  return `${source}$`;
}

/** Whether a text begins with a character that a name may go on with. */
const continuesName = (text) =>
  text !== "" && isNameCodePoint(StringPrototypeCodePointAt(text, 0), false);

/** Whether a name was given by a number. */
function isNumbered(part) {
  const code = StringPrototypeCharCodeAt(part.name, 0);
  return code >= 0x30 && code <= 0x39;
}

/** Whether a part needs braces to be read as it is. */
function needsGrouping(part, previous, next, options) {
  const { prefix, suffix } = part;
  if (suffix !== "" || (prefix !== "" && prefix !== options.prefix)) return true;
  const isName =
    !isNumbered(part) && part.type === SEGMENT_WILDCARD && part.modifier === NO_MODIFIER;
  if (isName && next !== undefined && next.prefix === "" && next.suffix === "") {
    // What follows would be read as a part of the name.
    if (next.type === FIXED_TEXT ? continuesName(next.value) : isNumbered(next)) return true;
  }
  if (prefix !== "" || previous === undefined || previous.type !== FIXED_TEXT) return false;
  // What stands before would be read as its prefix.
  const { value } = previous;
  return (
    options.prefix !== "" && StringPrototypeSlice(value, value.length - 1) === options.prefix
  );
}

/** What matches, as it is written. */
function patternOfMatcher(part, previous, grouped, options) {
  const { type } = part;
  const numbered = isNumbered(part);
  if (type === REGEXP_PART) return `(${part.value})`;
  if (type === SEGMENT_WILDCARD) return numbered ? `(${options.segmentWildcard})` : "";
  const isFree =
    previous === undefined ||
    previous.type === FIXED_TEXT ||
    previous.modifier !== NO_MODIFIER ||
    grouped ||
    part.prefix !== "";
  return numbered && isFree ? "*" : `(${FULL_WILDCARD_REGEXP})`;
}

function patternOfGroup(part, previous, next, options) {
  const grouped = needsGrouping(part, previous, next, options);
  const numbered = isNumbered(part);
  let pattern = escapePattern(part.prefix);
  if (!numbered) pattern += `:${part.name}`;
  pattern += patternOfMatcher(part, previous, grouped, options);
  if (part.type === SEGMENT_WILDCARD && !numbered && continuesName(part.suffix)) pattern += "\\";
  pattern += escapePattern(part.suffix);
  return grouped ? `{${pattern}}${part.modifier}` : pattern + part.modifier;
}

/** https://urlpattern.spec.whatwg.org/#generate-a-pattern-string
 * @param {import('./parser.js').Part[]} parts
 * @param {import('./component.js').ComponentOptions} options @returns {string} */
export function patternString(parts, options) {
  let pattern = "";
  for (let i = 0; i < parts.length; i++) {
    const part = parts[i];
    if (part.type !== FIXED_TEXT) {
      pattern += patternOfGroup(part, parts[i - 1], parts[i + 1], options);
    } else if (part.modifier === NO_MODIFIER) {
      pattern += escapePattern(part.value);
    } else {
      pattern += `{${escapePattern(part.value)}}${part.modifier}`;
    }
  }
  return pattern;
}
