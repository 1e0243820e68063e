/**
 * URLPattern (https://urlpattern.spec.whatwg.org/#urlpattern-class): patterns of URLs, as routers
 * use them. V8's regular expressions match; what stands in a URL is what `URL` makes of it.
 * @module
 */

import { url_components } from "isolde:ops";
import { showAttributes } from "../console/shown.js";
import { internal } from "../internal.js";
import { primordials } from "../primordials.js";
import {
  defineInterface,
  illegalInvocation,
  isObject,
  toBoolean,
  toDictionary,
  toUSVString,
} from "../webidl/webidl.js";
import {
  COMPONENTS,
  ComponentOptions,
  HASH,
  HOSTNAME,
  IPV6_HOSTNAME,
  OPAQUE_PATHNAME,
  PASSWORD,
  PATHNAME,
  PORT,
  PROTOCOL,
  SEARCH,
  USERNAME,
  compileComponent,
  componentResult,
  matchComponent,
} from "./component.js";
import { parseConstructorString } from "./constructor_string.js";
import { isDefaultPort, matchesSpecialScheme, processInit, toInit } from "./init.js";

const { ArrayPrototypePush, StringPrototypeStartsWith, TypeError } = primordials;

const CONSTRUCTOR = "Failed to construct 'URLPattern'";

const OPTIONS = [{ __proto__: null, key: "ignoreCase", convert: toBoolean, default: false }];

/** URLPatternInput: an object and what is absent are a dictionary, everything else is a string. */
function toInput(v, what) {
  return v === undefined || v === null || isObject(v) ? toInit(v, what) : toUSVString(v, what);
}

/** The arguments of the constructor, which is overloaded. */
class Arguments {
  baseURL = undefined;
  ignoreCase = false;

  constructor(input, second, third, count) {
    this.input = toInput(input, `${CONSTRUCTOR}: parameter 1`);
    // The second one is the base unless it can be the options, and there is no third.
    const isBase = count > 2 || !(second === undefined || second === null || isObject(second));
    if (isBase) this.baseURL = toUSVString(second, `${CONSTRUCTOR}: parameter 2`);
    const options = isBase ? third : second;
    const what = `${CONSTRUCTOR}: parameter ${isBase ? 3 : 2}`;
    this.ignoreCase = toDictionary(options, OPTIONS, what).ignoreCase;
  }
}
internal(Arguments);

/** https://urlpattern.spec.whatwg.org/#url-pattern-create, the first steps. */
function initOf({ input, baseURL }) {
  if (typeof input === "string") {
    const init = parseConstructorString(input);
    if (baseURL === undefined && init.protocol === undefined) {
      throw new TypeError(`${CONSTRUCTOR}: a relative pattern needs a base URL.`);
    }
    if (baseURL !== undefined) init.baseURL = baseURL;
    return init;
  }
  if (baseURL !== undefined) {
    throw new TypeError(`${CONSTRUCTOR}: a base URL goes with a string only.`);
  }
  return input;
}

/** https://urlpattern.spec.whatwg.org/#hostname-pattern-is-an-ipv6-address */
function isIpv6(hostname) {
  return (
    hostname.length >= 2 &&
    (StringPrototypeStartsWith(hostname, "[") ||
      StringPrototypeStartsWith(hostname, "{[") ||
      StringPrototypeStartsWith(hostname, "\\["))
  );
}

/** https://urlpattern.spec.whatwg.org/#url-pattern-create
 * @returns {import('./component.js').Component[]} */
function createComponents(args) {
  const init = processInit(initOf(args), true);
  const pattern = (component) => init[COMPONENTS[component]] ?? "*";
  const protocolPattern = pattern(PROTOCOL);
  const portPattern = pattern(PORT);
  const { ignoreCase } = args;
  const plain = new ComponentOptions("", "", false);
  const cased = ignoreCase ? new ComponentOptions("", "", true) : plain;
  const domain = new ComponentOptions(".", "", false);
  const hostname = pattern(HOSTNAME);
  const protocol = compileComponent(protocolPattern, PROTOCOL, plain);
  const components = [
    protocol,
    compileComponent(pattern(USERNAME), USERNAME, plain),
    compileComponent(pattern(PASSWORD), PASSWORD, plain),
    compileComponent(hostname, isIpv6(hostname) ? IPV6_HOSTNAME : HOSTNAME, domain),
    compileComponent(isDefaultPort(protocolPattern, portPattern) ? "" : portPattern, PORT, plain),
  ];
  const path = matchesSpecialScheme(protocol)
    ? compileComponent(pattern(PATHNAME), PATHNAME, new ComponentOptions("/", "/", ignoreCase))
    : compileComponent(pattern(PATHNAME), OPAQUE_PATHNAME, cased);
  ArrayPrototypePush(components, path);
  ArrayPrototypePush(components, compileComponent(pattern(SEARCH), SEARCH, cased));
  ArrayPrototypePush(components, compileComponent(pattern(HASH), HASH, cased));
  return components;
}

/** The components of what is matched; undefined where it is no URL.
 * https://urlpattern.spec.whatwg.org/#url-pattern-match, the first steps */
function componentsOf(input, baseURL, what) {
  if (typeof input === "string") return url_components(input, baseURL);
  if (baseURL !== undefined) {
    throw new TypeError(`${what}: a base URL goes with a string only.`);
  }
  let init;
  try {
    init = processInit(input, false);
  } catch {
    // A component is not valid.
    return undefined;
  }
  const values = [];
  for (let i = 0; i < COMPONENTS.length; i++) {
    ArrayPrototypePush(values, init[COMPONENTS[i]] ?? "");
  }
  return values;
}

/** The inputs of a result, as objects of the Worker's. */
function inputsOf(input, baseURL) {
  if (typeof input === "string") return baseURL === undefined ? [input] : [input, baseURL];
  return [{ ...input }];
}

export class URLPattern {
  /** By the numbers of components. */
  #components;

  /** The brand check of all members. */
  static #check(receiver) {
    if (!isObject(receiver) || !(#components in receiver)) illegalInvocation();
  }

  // https://urlpattern.spec.whatwg.org/#dom-urlpattern-urlpattern
  constructor(input = undefined, baseURLOrOptions = undefined, options = undefined) {
    const args = new Arguments(input, baseURLOrOptions, options, arguments.length);
    this.#components = createComponents(args);
  }

  /** Matches each component. @returns {any[] | null} the matches; null when one does not match */
  #match(values) {
    const components = this.#components;
    const matches = [];
    for (let i = 0; i < components.length; i++) {
      const match = matchComponent(components[i], values[i]);
      if (match === undefined) return null;
      ArrayPrototypePush(matches, match);
    }
    return matches;
  }

  // https://urlpattern.spec.whatwg.org/#dom-urlpattern-test
  test(input = undefined, baseURL = undefined) {
    const what = "Failed to execute 'test' on 'URLPattern'";
    URLPattern.#check(this);
    const converted = toInput(input, `${what}: parameter 1`);
    const base = baseURL === undefined ? undefined : toUSVString(baseURL, `${what}: parameter 2`);
    const values = componentsOf(converted, base, what);
    return values !== undefined && this.#match(values) !== null;
  }

  // https://urlpattern.spec.whatwg.org/#dom-urlpattern-exec
  exec(input = undefined, baseURL = undefined) {
    const what = "Failed to execute 'exec' on 'URLPattern'";
    URLPattern.#check(this);
    const converted = toInput(input, `${what}: parameter 1`);
    const base = baseURL === undefined ? undefined : toUSVString(baseURL, `${what}: parameter 2`);
    const values = componentsOf(converted, base, what);
    if (values === undefined) return null;
    const matches = this.#match(values);
    if (matches === null) return null;
    const components = this.#components;
    const of = (i) => componentResult(components[i], values[i], matches[i]);
    // Dictionaries have their members in this order.
    return {
      hash: of(HASH),
      hostname: of(HOSTNAME),
      inputs: inputsOf(converted, base),
      password: of(PASSWORD),
      pathname: of(PATHNAME),
      port: of(PORT),
      protocol: of(PROTOCOL),
      search: of(SEARCH),
      username: of(USERNAME),
    };
  }

  get protocol() {
    URLPattern.#check(this);
    return this.#components[PROTOCOL].pattern;
  }

  get username() {
    URLPattern.#check(this);
    return this.#components[USERNAME].pattern;
  }

  get password() {
    URLPattern.#check(this);
    return this.#components[PASSWORD].pattern;
  }

  get hostname() {
    URLPattern.#check(this);
    return this.#components[HOSTNAME].pattern;
  }

  get port() {
    URLPattern.#check(this);
    return this.#components[PORT].pattern;
  }

  get pathname() {
    URLPattern.#check(this);
    return this.#components[PATHNAME].pattern;
  }

  get search() {
    URLPattern.#check(this);
    return this.#components[SEARCH].pattern;
  }

  get hash() {
    URLPattern.#check(this);
    return this.#components[HASH].pattern;
  }

  // https://urlpattern.spec.whatwg.org/#dom-urlpattern-hasregexpgroups
  get hasRegExpGroups() {
    URLPattern.#check(this);
    const components = this.#components;
    for (let i = 0; i < components.length; i++) {
      if (components[i].hasRegExpGroups) return true;
    }
    return false;
  }
}

defineInterface(URLPattern);
showAttributes(URLPattern, [
  "protocol", "username", "password", "hostname", "port", "pathname", "search", "hash",
  "hasRegExpGroups",
]);
