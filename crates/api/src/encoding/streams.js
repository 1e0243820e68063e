/**
 * TextEncoderStream and TextDecoderStream
 * (https://encoding.spec.whatwg.org/#interface-textdecoderstream), transform streams whose
 * algorithms are ours and run without a controller object.
 * @module
 */

import { utf8_encode } from "isolde:ops";
import { primordials } from "../primordials.js";
import { readableFace } from "../streams/readable_stream.js";
import { createTransform, enqueueTransformed } from "../streams/transform_operations.js";
import { writableFace } from "../streams/writable_stream.js";
import { defineInterface, illegalInvocation, isObject, toDOMString } from "../webidl/webidl.js";
import { createDecoderState, decodeBytes, toAllowSharedBufferSource } from "./text_decoder.js";

const { StringPrototypeCharCodeAt, StringPrototypeSlice } = primordials;

/** https://encoding.spec.whatwg.org/#interface-textdecoderstream */
export class TextDecoderStream {
  #state;
  #record;

  /** The brand check of all members. */
  static #check(receiver) {
    if (!isObject(receiver) || !(#state in receiver)) illegalInvocation();
  }

  constructor(label = undefined, options = undefined) {
    const state = createDecoderState(label, options, "Failed to construct 'TextDecoderStream'");
    this.#state = state;
    const decode = (record, bytes, stream) => {
      const text = decodeBytes(state, bytes, stream);
      if (text !== "") enqueueTransformed(record, text);
    };
    this.#record = createTransform(
      (record, chunk) => {
        const what = "The chunk written to a TextDecoderStream";
        decode(record, toAllowSharedBufferSource(chunk, what), true);
      },
      (record) => decode(record, undefined, false),
    );
  }

  get encoding() {
    TextDecoderStream.#check(this);
    return this.#state.encoding;
  }

  get fatal() {
    TextDecoderStream.#check(this);
    return this.#state.fatal;
  }

  get ignoreBOM() {
    TextDecoderStream.#check(this);
    return this.#state.ignoreBOM;
  }

  get readable() {
    TextDecoderStream.#check(this);
    return readableFace(this.#record.readable);
  }

  get writable() {
    TextDecoderStream.#check(this);
    return writableFace(this.#record.writable);
  }
}

const isLeadSurrogate = (code) => (code & 0xfc00) === 0xd800;

/** https://encoding.spec.whatwg.org/#interface-textencoderstream */
export class TextEncoderStream {
  #record;

  /** The brand check of all members. */
  static #check(receiver) {
    if (!isObject(receiver) || !(#record in receiver)) illegalInvocation();
  }

  constructor() {
    // The first half of a surrogate pair at the end of a chunk waits for the second.
    let lead = "";
    this.#record = createTransform(
      (record, chunk) => {
        const piece = toDOMString(chunk, "The chunk written to a TextEncoderStream");
        if (piece === "") return;
        let text = lead + piece;
        lead = "";
        if (isLeadSurrogate(StringPrototypeCharCodeAt(text, text.length - 1))) {
          lead = StringPrototypeSlice(text, text.length - 1);
          text = StringPrototypeSlice(text, 0, text.length - 1);
        }
        if (text !== "") enqueueTransformed(record, utf8_encode(text));
      },
      (record) => {
        if (lead !== "") enqueueTransformed(record, utf8_encode(lead));
      },
    );
  }

  get encoding() {
    TextEncoderStream.#check(this);
    return "utf-8";
  }

  get readable() {
    TextEncoderStream.#check(this);
    return readableFace(this.#record.readable);
  }

  get writable() {
    TextEncoderStream.#check(this);
    return writableFace(this.#record.writable);
  }
}

defineInterface(TextDecoderStream);
defineInterface(TextEncoderStream);
