/**
 * CompressionStream and DecompressionStream (https://compression.spec.whatwg.org/).
 *
 * A codec is native and works piece by piece, so that the turn can be stopped between two pieces.
 * It gives a piece only when the readable side wants one: data that grows a thousandfold takes no
 * more memory than its reader takes. It is made with the first chunk, and freed with the end of
 * the stream, or when the stream is collected.
 * @module
 */

import { codec_close, codec_finish, codec_open, codec_push } from "isolde:ops";
import { internal } from "../internal.js";
import { primordials } from "../primordials.js";
import { viewBuffer, viewLength } from "../streams/buffers.js";
import { readableFace } from "../streams/readable_stream.js";
import {
  createTransform,
  enqueueTransformed,
  untilWanted,
} from "../streams/transform_operations.js";
import { writableFace } from "../streams/writable_stream.js";
import {
  bytesOf,
  defineInterface,
  illegalInvocation,
  isArrayBuffer,
  isArrayBufferView,
  isObject,
  requireArguments,
  toDOMString,
} from "../webidl/webidl.js";

const {
  FinalizationRegistry,
  FinalizationRegistryPrototypeRegister,
  FinalizationRegistryPrototypeUnregister,
  TypeError,
  Uint32Array,
} = primordials;

/** The formats by the numbers of `ops.rs`. https://compression.spec.whatwg.org/#supported-formats */
const FORMATS = { __proto__: null, gzip: 0, deflate: 1, "deflate-raw": 2, brotli: 3 };

const NONE = -1;

/** What `codec_push` says that the next call does without more input. */
const NOTHING = 0;
const FAILS = 2;

/** What `codec_push` writes: how many bytes it took, and what the next call does. */
let progress;

/** Frees the codecs of streams that are left alone. Made at first use. */
let registry;

/** The codec of a stream. */
class Codec {
  number = NONE;

  /** @param {number} format @param {boolean} decodes @param {string} name of the interface */
  constructor(format, decodes, name) {
    this.format = format;
    this.decodes = decodes;
    this.name = name;
  }
}
internal(Codec);

/** A chunk on its way through a codec. */
class Job {
  /** How many bytes the codec has taken. */
  taken = 0;
  next = NOTHING;

  /** @param {Uint8Array} bytes the writer's own memory */
  constructor(bytes) {
    this.bytes = bytes;
    this.length = viewLength(bytes);
  }
}
internal(Job);

/** @param {Codec} codec @returns {number} of the native codec, made now if need be */
function open(codec) {
  if (codec.number === NONE) {
    codec.number = codec_open(codec.format, codec.decodes);
    registry ??= new FinalizationRegistry(codec_close);
    FinalizationRegistryPrototypeRegister(registry, codec, codec.number, codec);
  }
  return codec.number;
}

/** Forgets the native codec, whose number may soon name another one. @param {Codec} codec
 * @returns {number} */
function forget(codec) {
  const { number } = codec;
  codec.number = NONE;
  FinalizationRegistryPrototypeUnregister(registry, codec);
  return number;
}

/** @param {Codec} codec */
function close(codec) {
  if (codec.number !== NONE) codec_close(forget(codec));
}

/** The bytes of a chunk, which must be a buffer source. */
function toBytes(chunk, { name }) {
  const buffer = isArrayBufferView(chunk) ? viewBuffer(chunk) : chunk;
  // A SharedArrayBuffer is none.
  if (!isArrayBuffer(buffer)) {
    throw new TypeError(
      `The chunk written to a ${name} is not of type 'ArrayBuffer' or 'ArrayBufferView'.`,
    );
  }
  return bytesOf(chunk);
}

/** Goes on with a chunk until it is through, or there is more than the reader wants.
 * @param {any} record @param {Codec} codec @param {Job} job @returns {boolean} whether it is
 * through */
function advance(record, codec, job) {
  while (job.taken < job.length || job.next !== NOTHING) {
    if (record.backpressure && job.next !== FAILS) return false;
    // A `then` on Object.prototype runs when a read is answered, and may cancel the stream.
    if (!record.isOpen) return true;
    // Between two pieces the writer may have taken its memory away.
    if (viewLength(job.bytes) < job.length) {
      throw new TypeError("The buffer of a chunk was detached before its bytes had been read.");
    }
    const output = codec_push(open(codec), job.bytes, job.taken, progress);
    job.taken += progress[0];
    job.next = progress[1];
    if (output !== undefined) enqueueTransformed(record, output);
  }
  return true;
}

/** The rest of a chunk, piece by piece as the reader wants them. In the standard the writer has its
 * answer before: it is none that the rest was not wanted. */
async function advanceLater(record, codec, job) {
  try {
    while (await untilWanted(record)) {
      if (advance(record, codec, job)) return;
    }
  } catch (e) {
    close(codec);
    throw e;
  }
}

/** https://compression.spec.whatwg.org/#compress-and-enqueue-a-chunk
 * https://compression.spec.whatwg.org/#decompress-and-enqueue-a-chunk */
function transform(record, codec, chunk) {
  try {
    const job = new Job(toBytes(chunk, codec));
    return advance(record, codec, job) ? undefined : advanceLater(record, codec, job);
  } catch (e) {
    close(codec);
    throw e;
  }
}

/** https://compression.spec.whatwg.org/#compress-flush-and-enqueue
 * https://compression.spec.whatwg.org/#decompress-flush-and-enqueue */
function flush(record, codec) {
  open(codec);
  const output = codec_finish(forget(codec));
  if (viewLength(output) > 0) enqueueTransformed(record, output);
}

/** @param {any} format @param {boolean} decodes @param {string} name of the interface
 * @returns {import('../streams/transform_operations.js').TransformRecord} */
function createCodecTransform(format, decodes, name) {
  const text = toDOMString(format, `Failed to construct '${name}': parameter 1`);
  const number = FORMATS[text];
  if (number === undefined) {
    throw new TypeError(
      `Failed to construct '${name}': The compression format must be one of 'deflate', ` +
        "'deflate-raw', 'gzip' or 'brotli'.",
    );
  }
  progress ??= new Uint32Array(2);
  const codec = new Codec(number, decodes, name);
  return createTransform(
    (record, chunk) => transform(record, codec, chunk),
    (record) => flush(record, codec),
    () => close(codec),
  );
}

/** https://compression.spec.whatwg.org/#compression-stream */
export class CompressionStream {
  #record;

  /** The brand check of all members. */
  static #check(receiver) {
    if (!isObject(receiver) || !(#record in receiver)) illegalInvocation();
  }

  constructor(format) {
    requireArguments(arguments.length, 1, "Failed to construct 'CompressionStream'");
    this.#record = createCodecTransform(format, false, "CompressionStream");
  }

  get readable() {
    CompressionStream.#check(this);
    return readableFace(this.#record.readable);
  }

  get writable() {
    CompressionStream.#check(this);
    return writableFace(this.#record.writable);
  }
}
defineInterface(CompressionStream);

/** https://compression.spec.whatwg.org/#decompression-stream */
export class DecompressionStream {
  #record;

  /** The brand check of all members. */
  static #check(receiver) {
    if (!isObject(receiver) || !(#record in receiver)) illegalInvocation();
  }

  constructor(format) {
    requireArguments(arguments.length, 1, "Failed to construct 'DecompressionStream'");
    this.#record = createCodecTransform(format, true, "DecompressionStream");
  }

  get readable() {
    DecompressionStream.#check(this);
    return readableFace(this.#record.readable);
  }

  get writable() {
    DecompressionStream.#check(this);
    return writableFace(this.#record.writable);
  }
}
defineInterface(DecompressionStream);
