/**
 * TextEncoder (https://encoding.spec.whatwg.org/#interface-textencoder).
 * @module
 */

import { utf8_encode, utf8_encode_into } from "isolde:ops";
import { primordials } from "../primordials.js";
import {
  defineInterface,
  illegalInvocation,
  isObject,
  requireArguments,
  toDOMString,
  typedArrayName,
} from "../webidl/webidl.js";

const { StringPrototypeSlice, TypeError, TypedArrayPrototypeGetLength, Uint32Array } = primordials;

/** What `encodeInto` read and wrote, as the native side leaves it. */
const counts = new Uint32Array(2);

const ENCODE = "Failed to execute 'encode' on 'TextEncoder': parameter 1";
const ENCODE_INTO = "Failed to execute 'encodeInto' on 'TextEncoder'";

export class TextEncoder {
  #brand;

  /** The brand check of all members. */
  static #check(receiver) {
    if (!isObject(receiver) || !(#brand in receiver)) illegalInvocation();
  }

  get encoding() {
    TextEncoder.#check(this);
    return "utf-8";
  }

  // https://encoding.spec.whatwg.org/#dom-textencoder-encode
  encode(input = "") {
    TextEncoder.#check(this);
    return utf8_encode(toDOMString(input, ENCODE));
  }

  // https://encoding.spec.whatwg.org/#dom-textencoder-encodeinto
  encodeInto(source, destination) {
    TextEncoder.#check(this);
    requireArguments(arguments.length, 2, ENCODE_INTO);
    let text = toDOMString(source, `${ENCODE_INTO}: parameter 1`);
    if (typedArrayName(destination) !== "Uint8Array") {
      throw new TypeError(`${ENCODE_INTO}: parameter 2 is not of type 'Uint8Array'.`);
    }
    // A code unit takes a byte at least. Cutting here is what keeps a long text that is encoded
    // piece by piece from being copied as a whole for each piece. Half a surrogate pair at the cut
    // is no harm: one byte is left for it, too few for the U+FFFD that would take its place.
    const room = TypedArrayPrototypeGetLength(destination);
    if (text.length > room) text = StringPrototypeSlice(text, 0, room);
    utf8_encode_into(text, counts, destination);
    return { read: counts[0], written: counts[1] };
  }
}

defineInterface(TextEncoder);
