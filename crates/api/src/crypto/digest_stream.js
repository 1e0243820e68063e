/**
 * `crypto.DigestStream`, which is the platform's own: a WritableStream that makes the digest of
 * what is written to it.
 * https://developers.cloudflare.com/workers/runtime-apis/web-crypto/#constructors
 * @module
 */

import {
  crypto_digest_close,
  crypto_digest_finish,
  crypto_digest_open,
  crypto_digest_update,
  utf8_encode,
} from "isolde:ops";
import { internal } from "../internal.js";
import { primordials } from "../primordials.js";
import { WritableStream } from "../streams/streams.js";
import {
  defineInterface,
  illegalInvocation,
  isBufferSource,
  isObject,
  requireArguments,
} from "../webidl/webidl.js";
import { byteLengthOf, toStreamAlgorithm } from "./digest.js";

const {
  BigInt,
  FinalizationRegistry,
  FinalizationRegistryPrototypeRegister,
  FinalizationRegistryPrototypeUnregister,
  Promise,
  TypeError,
  PromisePrototypeThen,
} = primordials;

/** Frees native digests of abandoned streams. Made at first use: registries have no place in a
 * snapshot. */
let digestRegistry;

const NO_DIGEST = -1;

/** A digest that is being made, and the promise for it. */
class RunningDigest {
  #number;
  #length = 0;
  #resolve;
  #reject;
  promise;

  constructor(algorithm) {
    this.promise = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
    // Who aborts the stream often has no interest in the digest; that is no unhandled rejection.
    PromisePrototypeThen(this.promise, undefined, () => {});
    this.#number = crypto_digest_open(algorithm);
    digestRegistry ??= new FinalizationRegistry(crypto_digest_close);
    FinalizationRegistryPrototypeRegister(digestRegistry, this, this.#number, this);
  }

  static lengthOf(digest) {
    return digest.#length;
  }

  static write(digest, chunk) {
    const bytes = typeof chunk === "string" ? utf8_encode(chunk) : chunk;
    if (!isBufferSource(bytes)) {
      const error = new TypeError(
        "DigestStream is a byte stream but received an object of " +
          "non-ArrayBuffer/ArrayBufferView/string type on its writable side.",
      );
      abortDigest(digest, error);
      throw error;
    }
    crypto_digest_update(digest.#number, bytes);
    digest.#length += byteLengthOf(bytes);
  }

  static close(digest) {
    const result = crypto_digest_finish(digest.#number);
    digest.#drop();
    const resolve = digest.#resolve;
    resolve(result);
  }

  static abort(digest, reason) {
    if (digest.#number !== NO_DIGEST) {
      crypto_digest_close(digest.#number);
      digest.#drop();
    }
    const reject = digest.#reject;
    reject(reason);
  }

  /** Forgets the native digest, whose number may soon name another one. */
  #drop() {
    this.#number = NO_DIGEST;
    FinalizationRegistryPrototypeUnregister(digestRegistry, this);
  }
}
internal(RunningDigest);
const { abort: abortDigest, close: closeDigest, lengthOf, write: writeDigest } = RunningDigest;

export class DigestStream extends WritableStream {
  #digest;

  /** The brand check of all members. */
  static #check(receiver) {
    if (!isObject(receiver) || !(#digest in receiver)) illegalInvocation();
  }

  constructor(algorithm) {
    const what = "Failed to construct 'DigestStream'";
    requireArguments(arguments.length, 1, what);
    const digest = new RunningDigest(toStreamAlgorithm(algorithm, `${what}: parameter 1`));
    super({
      __proto__: null,
      write: (chunk) => writeDigest(digest, chunk),
      close: () => closeDigest(digest),
      abort: (reason) => abortDigest(digest, reason),
    });
    this.#digest = digest;
  }

  /** The digest of everything written, once the stream is closed. @returns {Promise<ArrayBuffer>}
   * */
  get digest() {
    DigestStream.#check(this);
    return this.#digest.promise;
  }

  /** How many bytes were written. @returns {bigint} */
  get bytesWritten() {
    DigestStream.#check(this);
    return BigInt(lengthOf(this.#digest));
  }
}

defineInterface(DigestStream);
