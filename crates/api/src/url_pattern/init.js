/**
 * URLPatternInit: the components that are given one by one.
 * https://urlpattern.spec.whatwg.org/#urlpatterninit-processing
 * @module
 */

import { url_components } from "isolde:ops";
import { primordials } from "../primordials.js";
import { toDictionary, toUSVString } from "../webidl/webidl.js";
import {
  COMPONENTS,
  HASH,
  HOSTNAME,
  OPAQUE_PATHNAME,
  PASSWORD,
  PATHNAME,
  PORT,
  PROTOCOL,
  SEARCH,
  USERNAME,
  canonicalize,
  matchComponent,
} from "./component.js";
import { escapePattern } from "./generate.js";
import { shortened } from "./tokenizer.js";

const {
  StringPrototypeEndsWith,
  StringPrototypeLastIndexOf,
  StringPrototypeSlice,
  StringPrototypeStartsWith,
  TypeError,
} = primordials;

/** The special schemes and their ports. https://url.spec.whatwg.org/#special-scheme */
const SPECIAL_SCHEMES = ["ftp", "file", "http", "https", "ws", "wss"];
const DEFAULT_PORTS = {
  __proto__: null, ftp: "21", file: "", http: "80", https: "443", ws: "80", wss: "443",
};

const member = (key) => ({ __proto__: null, key, convert: toUSVString });

/** https://urlpattern.spec.whatwg.org/#dictdef-urlpatterninit */
const INIT_MEMBERS = [
  member("baseURL"), member("hash"), member("hostname"), member("password"), member("pathname"),
  member("port"), member("protocol"), member("search"), member("username"),
];

/** @param {any} v @param {string} what @returns {Record<string, string>} */
export function toInit(v, what) {
  return toDictionary(v, INIT_MEMBERS, what);
}

/** Whether the port of a protocol need not be said. @param {string} protocol @param {string} port
 * @returns {boolean} */
export function isDefaultPort(protocol, port) {
  return port !== "" && DEFAULT_PORTS[protocol] === port;
}

const isSpecial = (protocol) => DEFAULT_PORTS[protocol] !== undefined;

/** https://urlpattern.spec.whatwg.org/#protocol-component-matches-a-special-scheme-string
 * @param {import('./component.js').Component} protocol @returns {boolean} */
export function matchesSpecialScheme(protocol) {
  for (let i = 0; i < SPECIAL_SCHEMES.length; i++) {
    if (matchComponent(protocol, SPECIAL_SCHEMES[i]) !== undefined) return true;
  }
  return false;
}

/** https://urlpattern.spec.whatwg.org/#is-an-absolute-pathname */
function isAbsolute(pathname, isPattern) {
  if (StringPrototypeStartsWith(pathname, "/")) return true;
  return (
    isPattern &&
    (StringPrototypeStartsWith(pathname, "\\/") || StringPrototypeStartsWith(pathname, "{/"))
  );
}

/** Takes the components of the base that are not given, up to the first that is.
 * https://urlpattern.spec.whatwg.org/#process-a-urlpatterninit, step 4 */
function inherit(result, init, base, isPattern) {
  const take = (component) => {
    // https://urlpattern.spec.whatwg.org/#process-a-base-url-string
    const value = isPattern ? escapePattern(base[component]) : base[component];
    result[COMPONENTS[component]] = value;
  };
  const { protocol, username, password, hostname, port, pathname, search, hash } = init;
  if (protocol !== undefined) return;
  take(PROTOCOL);
  // A pattern does not ask for the credentials of its base.
  const hasHost = hostname !== undefined || port !== undefined;
  if (!isPattern && !hasHost && username === undefined) {
    take(USERNAME);
    if (password === undefined) take(PASSWORD);
  }
  if (hostname !== undefined) return;
  take(HOSTNAME);
  if (port !== undefined) return;
  take(PORT);
  if (pathname !== undefined) return;
  take(PATHNAME);
  if (search !== undefined) return;
  take(SEARCH);
  if (hash === undefined) take(HASH);
}

/** The pathname that is given, behind the folder of the base where it is relative to that. */
function joinPathname(pathname, base, isPattern) {
  // The last item tells whether the path is a list.
  if (base === undefined || base[8] === "" || isAbsolute(pathname, isPattern)) return pathname;
  const path = isPattern ? escapePattern(base[PATHNAME]) : base[PATHNAME];
  const folder = StringPrototypeSlice(path, 0, StringPrototypeLastIndexOf(path, "/") + 1);
  return folder + pathname;
}

const withoutPrefix = (text, mark) =>
  StringPrototypeStartsWith(text, mark) ? StringPrototypeSlice(text, 1) : text;

const withoutColon = (text) =>
  StringPrototypeEndsWith(text, ":") ? StringPrototypeSlice(text, 0, text.length - 1) : text;

/** https://urlpattern.spec.whatwg.org/#process-a-urlpatterninit
 * @param {Record<string, string>} init @param {boolean} isPattern whether its members are patterns,
 * which stay as they are
 * @returns {Record<string, string | undefined>} the components */
export function processInit(init, isPattern) {
  const result = { __proto__: null };
  let base;
  if (init.baseURL !== undefined) {
    base = url_components(init.baseURL, undefined);
    if (base === undefined) {
      throw new TypeError(`The base '${shortened(init.baseURL)}' is not a valid URL.`);
    }
    inherit(result, init, base, isPattern);
  }
  const take = (component, text, protocol = "") => {
    result[COMPONENTS[component]] = isPattern ? text : canonicalize(component, text, protocol);
  };
  const { protocol, username, password, hostname, port, pathname, search, hash } = init;
  if (protocol !== undefined) take(PROTOCOL, withoutColon(protocol));
  if (username !== undefined) take(USERNAME, username);
  if (password !== undefined) take(PASSWORD, password);
  if (hostname !== undefined) take(HOSTNAME, hostname);
  const scheme = result.protocol ?? "";
  if (port !== undefined) take(PORT, port, scheme);
  if (pathname !== undefined) {
    const joined = joinPathname(pathname, base, isPattern);
    if (isPattern) result.pathname = joined;
    else {
      const kind = scheme === "" || isSpecial(scheme) ? PATHNAME : OPAQUE_PATHNAME;
      result.pathname = canonicalize(kind, joined);
    }
  }
  if (search !== undefined) take(SEARCH, withoutPrefix(search, "?"));
  if (hash !== undefined) take(HASH, withoutPrefix(hash, "#"));
  return result;
}
