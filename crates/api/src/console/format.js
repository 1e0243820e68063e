/**
 * The Formatter of the Console Standard: format strings with `%s` and the like.
 * https://console.spec.whatwg.org/#formatter
 * @module
 */

import { primordials } from "../primordials.js";
import { inspect } from "./inspect.js";

const {
  JSONStringify,
  NumberParseFloat,
  NumberParseInt,
  StringPrototypeCharCodeAt,
  StringPrototypeIncludes,
  StringPrototypeSlice,
  SymbolPrototypeToString,
} = primordials;

const PERCENT_SIGN = 37;
const SHORT = { __proto__: null, depth: 0 };

/** How `%s` shows a value: text as it is, objects in short. */
function asString(value) {
  if (typeof value === "string") return value;
  if (typeof value === "symbol") return SymbolPrototypeToString(value);
  return inspect(value, SHORT);
}

/** How `%d`, `%i` and `%f` show a value. */
function asNumber(value, convert) {
  if (typeof value === "symbol" || (typeof value === "object" && value !== null)) return "NaN";
  if (typeof value === "bigint") return `${value}n`;
  return inspect(convert(value));
}

function asJSON(value) {
  try {
    return `${JSONStringify(value)}`;
  } catch {
    return "[Circular]";
  }
}

const asPlainNumber = (value) => +value;
const toInteger = (value) => NumberParseInt(`${value}`, 10);
const toFloat = (value) => NumberParseFloat(`${value}`);

/** By the character behind the percent sign. */
const SPECIFIERS = {
  __proto__: null,
  s: asString,
  d: (value) => asNumber(value, asPlainNumber),
  i: (value) => asNumber(value, toInteger),
  f: (value) => asNumber(value, toFloat),
  j: asJSON,
  o: (value) => inspect(value, { __proto__: null, depth: 4, showHidden: true }),
  O: (value) => inspect(value),
  // Style sheets mean nothing in a log.
  c: () => "",
};

/**
 * @param {any[]} args of `console.log`
 * @returns {string}
 */
export function format(args) {
  const first = args[0];
  let out = "";
  let used = 0;
  if (typeof first === "string") {
    used = 1;
    out = first;
    if (args.length > 1 && StringPrototypeIncludes(first, "%")) {
      const result = substitute(first, args);
      out = result.text;
      used = result.used;
    }
  }
  for (let i = used; i < args.length; i++) {
    if (i > 0) out += " ";
    out += typeof args[i] === "string" ? args[i] : inspect(args[i]);
  }
  return out;
}

function substitute(pattern, args) {
  let text = "";
  let start = 0;
  let used = 1;
  for (let i = 0; i + 1 < pattern.length; i++) {
    if (StringPrototypeCharCodeAt(pattern, i) !== PERCENT_SIGN) continue;
    const character = pattern[i + 1];
    const specifier = SPECIFIERS[character];
    if (character !== "%" && (specifier === undefined || used >= args.length)) continue;
    text += StringPrototypeSlice(pattern, start, i);
    text += character === "%" ? "%" : specifier(args[used++]);
    i++;
    start = i + 1;
  }
  return { __proto__: null, text: text + StringPrototypeSlice(pattern, start), used };
}
