/**
 * Components: what their text becomes, and a pattern of one as it matches.
 * https://urlpattern.spec.whatwg.org/#components
 * @module
 */

import { url_component } from "isolde:ops";
import { internal } from "../internal.js";
import { primordials } from "../primordials.js";
import { patternString, regExpSource, segmentWildcardRegExp } from "./generate.js";
import { FIXED_TEXT, NO_MODIFIER, REGEXP_PART, parsePattern } from "./parser.js";
import { shortened } from "./tokenizer.js";

const {
  ArrayPrototypePush,
  ObjectDefineProperty,
  RegExp,
  RegExpPrototypeExec,
  TypeError,
} = primordials;

/** The components, in their order. */
export const COMPONENTS = [
  "protocol", "username", "password", "hostname", "port", "pathname", "search", "hash",
];

/** Their positions; those of `ops.rs`. */
export const PROTOCOL = 0;
export const USERNAME = 1;
export const PASSWORD = 2;
export const HOSTNAME = 3;
export const PORT = 4;
export const PATHNAME = 5;
export const SEARCH = 6;
export const HASH = 7;
export const OPAQUE_PATHNAME = 8;
export const IPV6_HOSTNAME = 9;

/** In code units. A request's URL is no longer either. */
const PATTERN_LENGTH_MAX = 16384;
const PARTS_MAX = 2048;

/** https://urlpattern.spec.whatwg.org/#options */
export class ComponentOptions {
  /** @param {string} delimiter @param {string} prefix a character or none
   * @param {boolean} ignoreCase */
  constructor(delimiter, prefix, ignoreCase) {
    this.segmentWildcard = segmentWildcardRegExp(delimiter);
    this.prefix = prefix;
    this.ignoreCase = ignoreCase;
  }
}
internal(ComponentOptions);

/** The text of a component in its canonical form. https://urlpattern.spec.whatwg.org/#canon
 * @param {number} component @param {string} text @param {string} [protocol] for a port
 * @returns {string} */
export function canonicalize(component, text, protocol = "") {
  if (text === "") return "";
  const canonical = url_component(component, text, protocol);
  if (canonical === undefined) {
    const name = COMPONENTS[component] ?? (component === IPV6_HOSTNAME ? "hostname" : "pathname");
    throw new TypeError(`'${shortened(text)}' is not a valid ${name}.`);
  }
  return canonical;
}

/** https://urlpattern.spec.whatwg.org/#component */
export class Component {
  /** The text that matches, where it is one alone; undefined otherwise. @type {string | undefined}
   * */
  text = undefined;
  /** What matches otherwise. @type {RegExp | undefined} */
  regExp = undefined;
  names = [];
  hasRegExpGroups = false;
  pattern = "";
}
internal(Component);

/** How a part list matches.
 * @param {Component} component @param {import('./parser.js').Part[]} parts
 * @param {ComponentOptions} options */
function setMatcher(component, parts, options) {
  for (let i = 0; i < parts.length; i++) {
    const part = parts[i];
    if (part.type !== FIXED_TEXT) ArrayPrototypePush(component.names, part.name);
    if (part.type === REGEXP_PART) component.hasRegExpGroups = true;
  }
  if (parts.length === 0) {
    component.text = "";
    return;
  }
  const { modifier, type, value } = parts[0];
  if (parts.length === 1 && type === FIXED_TEXT && modifier === NO_MODIFIER) {
    // V8 knows what is the same text in other letters.
    if (!options.ignoreCase) {
      component.text = value;
      return;
    }
  }
  try {
    component.regExp = new RegExp(regExpSource(parts, options), options.ignoreCase ? "vi" : "v");
  } catch {
    throw new TypeError(
      `The pattern '${shortened(component.pattern)}' has a regular expression that is not valid.`,
    );
  }
}

/** https://urlpattern.spec.whatwg.org/#compile-a-component
 * @param {string} input @param {number} kind of its text, as `canonicalize` has it
 * @param {ComponentOptions} options @returns {Component} */
export function compileComponent(input, kind, options) {
  if (input.length > PATTERN_LENGTH_MAX) {
    throw new TypeError(`A pattern has more than ${PATTERN_LENGTH_MAX} characters.`);
  }
  const parts = parsePattern(input, (text) => canonicalize(kind, text), options);
  if (parts.length > PARTS_MAX) throw new TypeError(`A pattern has more than ${PARTS_MAX} parts.`);
  const component = new Component();
  component.pattern = patternString(parts, options);
  setMatcher(component, parts, options);
  return component;
}

/** The groups of a match: undefined where there is none, null where there are no groups.
 * @param {Component} component @param {string} input @returns {any[] | null | undefined} */
export function matchComponent(component, input) {
  const { text, regExp } = component;
  if (text !== undefined) return text === input ? null : undefined;
  return RegExpPrototypeExec(regExp, input) ?? undefined;
}

/** https://urlpattern.spec.whatwg.org/#create-a-component-match-result
 * @param {Component} component @param {string} input @param {any[] | null} match
 * @returns {{ input: string, groups: Record<string, string | undefined> }} */
export function componentResult({ names }, input, match) {
  const groups = {};
  for (let i = 0; i < names.length; i++) {
    // Not set: a name may be that of a setter on Object.prototype.
    ObjectDefineProperty(groups, names[i], {
      __proto__: null,
      value: match[i + 1],
      writable: true,
      enumerable: true,
      configurable: true,
    });
  }
  return { groups, input };
}
