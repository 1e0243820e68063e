/**
 * `request.cf`: what a server knows of a client, and what a Worker tells about a subrequest.
 *
 * It travels as JSON text and becomes an object for who reads it. So each Request has one of its
 * own, as on the platform: a change is not seen by the Request that it was copied from.
 * https://developers.cloudflare.com/workers/runtime-apis/request/#incomingrequestcfproperties
 * @module
 */

import { primordials } from "../primordials.js";
import { isObject } from "../webidl/webidl.js";

const { JSONParse, JSONStringify, ObjectFreeze, ObjectKeys, TypeError } = primordials;

/**
 * Of a request about which the native side says nothing. A member that would have to be invented
 * (where the client is, who its provider is) is not there.
 */
export const INBOUND_CF = '{"httpProtocol":"HTTP/1.1"}';

/** Freezes what came from JSON. */
function freeze(value) {
  if (!isObject(value)) return value;
  const keys = ObjectKeys(value);
  for (let i = 0; i < keys.length; i++) freeze(value[keys[i]]);
  return ObjectFreeze(value);
}

/**
 * @param {string} text JSON @param {boolean} frozen as that of a request that came in
 * @returns {any}
 */
export function parseCf(text, frozen) {
  const value = JSONParse(text);
  // Only a `toJSON` of the Worker's makes something else.
  if (!isObject(value)) return undefined;
  return frozen ? freeze(value) : value;
}

/**
 * The text for what a Worker gives as `cf`, so that later changes of its object are not seen.
 * @param {any} value @param {string} what @returns {string | undefined}
 */
export function cfText(value, what) {
  if (value === undefined) return undefined;
  if (!isObject(value)) throw new TypeError(`${what}: member 'cf' is not an object.`);
  return JSONStringify(value);
}
