/**
 * Web IDL conversions: from whatever a Worker passes to the type that an interface declares.
 *
 * Every function takes the value and `what`, the beginning of the message of the TypeError that a
 * bad value gives, for example `"Failed to execute 'append' on 'Headers': parameter 1"`.
 * @module
 */

import { primordials } from "../primordials.js";

const {
  ArrayIsArray,
  ArrayPrototypeIncludes,
  ArrayPrototypePush,
  MathFloor,
  MathPow,
  MathTrunc,
  NumberIsFinite,
  NumberMAX_SAFE_INTEGER,
  NumberMIN_SAFE_INTEGER,
  ReflectApply,
  ReflectGetOwnPropertyDescriptor,
  ReflectOwnKeys,
  StringPrototypeCharCodeAt,
  StringPrototypeToWellFormed,
  SymbolIterator,
  TypeError,
} = primordials;

/**
 * @param {number} count the number of arguments present
 * @param {number} needed the number of required ones
 * @param {string} what without a parameter, for example `"Failed to execute 'get' on 'Headers'"`
 */
export function requireArguments(count, needed, what) {
  if (count >= needed) return;
  throw new TypeError(
    `${what}: ${needed} argument${needed === 1 ? "" : "s"} required, but only ${count} present.`,
  );
}

/** https://webidl.spec.whatwg.org/#js-DOMString
 * @param {any} v @param {string} what @returns {string} */
export function toDOMString(v, what) {
  if (typeof v === "string") return v;
  if (typeof v === "symbol") {
    throw new TypeError(`${what} is a symbol, which cannot be converted to a string.`);
  }
  return `${v}`;
}

/** https://webidl.spec.whatwg.org/#js-USVString
 * @param {any} v @param {string} what @returns {string} */
export function toUSVString(v, what) {
  return StringPrototypeToWellFormed(toDOMString(v, what));
}

/** https://webidl.spec.whatwg.org/#js-ByteString
 * @param {any} v @param {string} what @returns {string} */
export function toByteString(v, what) {
  const text = toDOMString(v, what);
  for (let i = 0; i < text.length; i++) {
    const code = StringPrototypeCharCodeAt(text, i);
    if (code > 255) {
      throw new TypeError(
        `${what} is not a ByteString: character ${i} has the value ${code}, more than 255.`,
      );
    }
  }
  return text;
}

/** ToNumber, with our message for the two types that have no number. */
function toNumber(v, what) {
  if (typeof v === "number") return v;
  if (typeof v === "symbol" || typeof v === "bigint") {
    throw new TypeError(`${what} is a ${typeof v}, which cannot be converted to a number.`);
  }
  return +v;
}

/** Rounds halves to the even neighbour, as [Clamp] asks. */
function roundHalfToEven(x) {
  const floor = MathFloor(x);
  const rest = x - floor;
  if (rest < 0.5) return floor;
  if (rest > 0.5) return floor + 1;
  return floor % 2 === 0 ? floor : floor + 1;
}

/**
 * Makes the conversion to one integer type.
 * https://webidl.spec.whatwg.org/#abstract-opdef-converttoint
 */
function integerConversion(bits, signed, typeName) {
  const modulus = MathPow(2, bits);
  let low = signed ? -modulus / 2 : 0;
  let high = signed ? modulus / 2 - 1 : modulus - 1;
  if (bits === 64) {
    // A Number cannot hold all 64 bits: the standard stops at the safe integers.
    low = signed ? NumberMIN_SAFE_INTEGER : 0;
    high = NumberMAX_SAFE_INTEGER;
  }
  return (v, what, mode) => {
    let x = toNumber(v, what);
    if (mode === "enforceRange") {
      if (!NumberIsFinite(x)) {
        throw new TypeError(`${what} is not a finite number.`);
      }
      x = MathTrunc(x) + 0;
      if (x < low || x > high) {
        throw new TypeError(`${what} is outside of the range of ${typeName}: ${low} to ${high}.`);
      }
      return x;
    }
    if (mode === "clamp") {
      if (x !== x) return 0;
      if (x <= low) return low;
      if (x >= high) return high;
      return roundHalfToEven(x) + 0;
    }
    if (!NumberIsFinite(x)) return 0;
    x = MathTrunc(x) + 0;
    if (x >= low && x <= high) return x;
    x %= modulus;
    if (x < 0) x += modulus;
    return signed && x >= modulus / 2 ? x - modulus : x;
  };
}

/** Integer conversions `(v, what, mode)`; `mode` is undefined, `"enforceRange"` or `"clamp"`. */
export const toOctet = integerConversion(8, false, "octet");
export const toShort = integerConversion(16, true, "short");
export const toUnsignedShort = integerConversion(16, false, "unsigned short");
export const toLong = integerConversion(32, true, "long");
export const toUnsignedLong = integerConversion(32, false, "unsigned long");
export const toLongLong = integerConversion(64, true, "long long");
export const toUnsignedLongLong = integerConversion(64, false, "unsigned long long");

/** https://webidl.spec.whatwg.org/#js-double
 * @param {any} v @param {string} what @returns {number} */
export function toDouble(v, what) {
  const x = toNumber(v, what);
  if (!NumberIsFinite(x)) throw new TypeError(`${what} is not a finite number.`);
  return x;
}

/** https://webidl.spec.whatwg.org/#js-unrestricted-double
 * @param {any} v @param {string} what @returns {number} */
export function toUnrestrictedDouble(v, what) {
  return toNumber(v, what);
}

/** True for what ECMAScript calls an Object. @param {any} v */
export function isObject(v) {
  return (typeof v === "object" && v !== null) || typeof v === "function";
}

/** https://webidl.spec.whatwg.org/#js-object
 * @param {any} v @param {string} what @returns {object} */
export function toObject(v, what) {
  if (!isObject(v)) throw new TypeError(`${what} is not an object.`);
  return v;
}

/** https://webidl.spec.whatwg.org/#js-callback-function
 * @param {any} v @param {string} what @returns {Function} */
export function toFunction(v, what) {
  if (typeof v !== "function") throw new TypeError(`${what} is not a function.`);
  return v;
}

/** https://webidl.spec.whatwg.org/#js-enumeration
 * @param {any} v
 * @param {string[] | Record<string, any>} values allowed ones: an array, or the keys of a
 * null-prototype object whose values are not undefined
 * @param {string} what @returns {string} */
export function toEnum(v, values, what) {
  const text = toDOMString(v, what);
  const known = ArrayIsArray(values)
    ? ArrayPrototypeIncludes(values, text)
    : values[text] !== undefined;
  if (!known) throw new TypeError(`${what}: '${text}' is not a valid value of the enumeration.`);
  return text;
}

/** Reads an iterable to its end. The standard does not close the iterator when a conversion throws.
 * https://webidl.spec.whatwg.org/#js-sequence
 * @param {any} v @param {(item: any, what: string) => any} convert @param {string} what
 * @returns {any[]} */
export function toSequence(v, convert, what) {
  const method = isObject(v) ? v[SymbolIterator] : undefined;
  if (typeof method !== "function") throw new TypeError(`${what} is not iterable.`);
  return sequenceFromIterable(v, method, convert, what);
}

/** https://webidl.spec.whatwg.org/#create-sequence-from-iterable
 * For unions, where `method` (`v[Symbol.iterator]`) was read to choose the type and must not be
 * read again.
 * @param {object} v @param {Function} method @param {(item: any, what: string) => any} convert
 * @param {string} what @returns {any[]} */
export function sequenceFromIterable(v, method, convert, what) {
  if (typeof method !== "function") throw new TypeError(`${what} is not iterable.`);
  const iterator = ReflectApply(method, v, []);
  if (!isObject(iterator)) throw new TypeError(`${what}: the iterator is not an object.`);
  const next = iterator.next;
  if (typeof next !== "function") throw new TypeError(`${what}: the iterator has no next method.`);
  const list = [];
  for (;;) {
    const result = ReflectApply(next, iterator, []);
    if (!isObject(result)) throw new TypeError(`${what}: the iterator's result is not an object.`);
    if (result.done) return list;
    ArrayPrototypePush(list, convert(result.value, what));
  }
}

/** https://webidl.spec.whatwg.org/#js-record
 * @param {any} v @param {(key: any, what: string) => string} convertKey
 * @param {(value: any, what: string) => any} convertValue @param {string} what
 * @returns {[string, any][]} pairs in order; of keys that become equal the last value counts.
 * Symbols are left out, as the platform does; the standard throws for them. */
export function toRecord(v, convertKey, convertValue, what) {
  toObject(v, what);
  const pairs = [];
  const places = { __proto__: null };
  const keys = ReflectOwnKeys(v);
  for (let i = 0; i < keys.length; i++) {
    if (typeof keys[i] === "symbol") continue;
    const descriptor = ReflectGetOwnPropertyDescriptor(v, keys[i]);
    if (descriptor === undefined || !descriptor.enumerable) continue;
    const key = convertKey(keys[i], what);
    const value = convertValue(v[keys[i]], what);
    if (places[key] !== undefined) {
      pairs[places[key]][1] = value;
    } else {
      places[key] = pairs.length;
      ArrayPrototypePush(pairs, [key, value]);
    }
  }
  return pairs;
}

/**
 * @typedef {object} DictionaryMember
 * @property {string} key
 * @property {(v: any, what: string) => any} convert
 * @property {boolean} [required]
 * @property {any} [default] value of an absent member; a function is called for a fresh value
 * each time
 */

/** https://webidl.spec.whatwg.org/#js-dictionary
 * @param {any} v
 * @param {DictionaryMember[]} members in lexicographical order, those of inherited dictionaries
 * first
 * @param {string} what @returns {Record<string, any>} null-prototype, without absent members */
export function toDictionary(v, members, what) {
  const result = { __proto__: null };
  const absent = v === undefined || v === null;
  if (!absent && !isObject(v)) throw new TypeError(`${what} is not an object.`);
  for (let i = 0; i < members.length; i++) {
    const member = members[i];
    const key = member.key;
    const value = absent ? undefined : v[key];
    if (value !== undefined) {
      result[key] = (0, member.convert)(value, `${what}: member '${key}'`);
    } else if (member.default !== undefined) {
      const preset = member.default;
      result[key] = typeof preset === "function" ? preset() : preset;
    } else if (member.required) {
      throw new TypeError(`${what}: required member '${key}' is undefined.`);
    }
  }
  return result;
}

/** Converts to boolean; here so that dictionaries can name it as a `convert`. @param {any} v */
export function toBoolean(v) {
  return !!v;
}

/** The type `any`: no conversion, for dictionaries and sequences. @param {any} v */
export function toAny(v) {
  return v;
}
