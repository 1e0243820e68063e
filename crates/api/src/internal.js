/**
 * Classes of our own that are no interfaces: records, lists, states.
 * @module
 */

import { primordials } from "./primordials.js";

const { ReflectSetPrototypeOf } = primordials;

/**
 * Takes a class off `Object.prototype`: getters and setters that a Worker defines there never meet
 * its instances. For every class that is not part of a web API and has public fields.
 * @param {Function} Class one without a parent
 */
export function internal(Class) {
  ReflectSetPrototypeOf(Class.prototype, null);
}
