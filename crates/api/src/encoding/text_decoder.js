/**
 * TextDecoder (https://encoding.spec.whatwg.org/#interface-textdecoder), and the part of it that
 * TextDecoderStream shares.
 *
 * A whole text goes through one native call that keeps nothing. A native decoder is made only when
 * a text comes in pieces; it is freed with the last piece, or when the object that decodes with it
 * is collected.
 * @module
 */

import {
  decoder_close,
  decoder_open,
  decoder_push,
  encoding_name,
  legacy_decode,
  utf8_decode,
} from "isolde:ops";
import { primordials } from "../primordials.js";
import {
  defineInterface,
  illegalInvocation,
  isBufferSource,
  isObject,
  toBoolean,
  toBufferSource,
  toDictionary,
  toDOMString,
} from "../webidl/webidl.js";

const {
  DataView,
  DataViewPrototypeGetByteLength,
  FinalizationRegistry,
  FinalizationRegistryPrototypeRegister,
  FinalizationRegistryPrototypeUnregister,
  RangeError,
  Uint8Array,
} = primordials;

const DECODER_OPTIONS = [
  { __proto__: null, key: "fatal", convert: toBoolean, default: false },
  { __proto__: null, key: "ignoreBOM", convert: toBoolean, default: false },
];
const DECODE_OPTIONS = [
  { __proto__: null, key: "stream", convert: toBoolean, default: false },
];

const UTF8 = "utf-8";
const NO_DECODER = -1;

/** https://webidl.spec.whatwg.org/#AllowShared: the bytes to decode.
 * @param {any} v @param {string} what @returns {ArrayBuffer | ArrayBufferView} */
export function toAllowSharedBufferSource(v, what) {
  if (!isBufferSource(v)) {
    try {
      // Of what is neither kind of buffer there is no DataView.
      return new Uint8Array(v, 0, DataViewPrototypeGetByteLength(new DataView(v)));
    } catch {
      // It is no SharedArrayBuffer.
    }
  }
  return toBufferSource(v, what);
}

/** Frees native decoders. Made at first use, because registries have no place in a snapshot. */
let decoderRegistry;

/**
 * @typedef {object} DecoderState
 * @property {string} encoding name in lower case
 * @property {boolean} fatal
 * @property {boolean} ignoreBOM
 * @property {number} decoder number of the native decoder, or NONE
 * @property {boolean} streaming whether the last call left a text unfinished
 */

/**
 * The arguments of the constructors of TextDecoder and TextDecoderStream.
 * https://encoding.spec.whatwg.org/#dom-textdecoder
 * @param {any} label @param {any} options @param {string} what
 * @returns {DecoderState}
 */
export function createDecoderState(label, options, what) {
  const text = label === undefined ? UTF8 : toDOMString(label, `${what}: parameter 1`);
  const { fatal, ignoreBOM } = toDictionary(options, DECODER_OPTIONS, `${what}: parameter 2`);
  const encoding = text === UTF8 ? UTF8 : encoding_name(text);
  if (encoding === undefined) {
    throw new RangeError(`${what}: '${text}' is not the label of a supported encoding.`);
  }
  return { __proto__: null, encoding, fatal, ignoreBOM, decoder: NO_DECODER, streaming: false };
}

/**
 * Decodes; throws a TypeError when the state is fatal and the bytes are not valid.
 * @param {DecoderState} state
 * @param {ArrayBuffer | ArrayBufferView | undefined} bytes
 * @param {boolean} stream whether more of the text will follow
 * @returns {string}
 */
export function decodeBytes(state, bytes, stream) {
  const { fatal } = state;
  if (!stream && !state.streaming) {
    return state.encoding === UTF8
      ? utf8_decode(bytes, fatal, state.ignoreBOM)
      : legacy_decode(state.encoding, bytes, fatal, state.ignoreBOM);
  }
  if (state.decoder === NO_DECODER) {
    state.decoder = decoder_open(state.encoding, state.ignoreBOM);
    decoderRegistry ??= new FinalizationRegistry(decoder_close);
    FinalizationRegistryPrototypeRegister(decoderRegistry, state, state.decoder, state);
  }
  state.streaming = stream;
  const text = decoder_push(state.decoder, bytes, fatal, !stream);
  if (!stream) {
    // The native side has dropped it with the last bytes; its number may soon name another one.
    state.decoder = NO_DECODER;
    FinalizationRegistryPrototypeUnregister(decoderRegistry, state);
  }
  return text;
}

export class TextDecoder {
  #state;

  /** The brand check of all members. */
  static #check(receiver) {
    if (!isObject(receiver) || !(#state in receiver)) illegalInvocation();
  }

  constructor(label = undefined, options = undefined) {
    this.#state = createDecoderState(label, options, "Failed to construct 'TextDecoder'");
  }

  get encoding() {
    TextDecoder.#check(this);
    return this.#state.encoding;
  }

  get fatal() {
    TextDecoder.#check(this);
    return this.#state.fatal;
  }

  get ignoreBOM() {
    TextDecoder.#check(this);
    return this.#state.ignoreBOM;
  }

  // https://encoding.spec.whatwg.org/#dom-textdecoder-decode
  decode(input = undefined, options = undefined) {
    TextDecoder.#check(this);
    const state = this.#state;
    const what = "Failed to execute 'decode' on 'TextDecoder': parameter";
    const bytes = input === undefined ? undefined : toAllowSharedBufferSource(input, `${what} 1`);
    const stream =
      options !== undefined && toDictionary(options, DECODE_OPTIONS, `${what} 2`).stream;
    return decodeBytes(state, bytes, stream);
  }
}

defineInterface(TextDecoder);
