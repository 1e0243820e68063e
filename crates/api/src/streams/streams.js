/**
 * The Streams standard, and what the rest of the platform needs of it. Import from here.
 *
 * - For Workers: the classes.
 * - Byte streams that are filled from outside: `createReadableByteStream` makes one, `enqueueBytes`
 *   fills it, `closeStream` or `errorStream` ends it.
 * - Native bodies: `createNativeByteStream` makes a stream that reads from the native side when it
 *   is read. As long as nobody has touched it, `nativeSourceOf` gives the source back; who takes
 *   that calls `detachNativeSource`, and the stream is disturbed and closed from then on.
 * - Questions: `isReadableStream`, `isDisturbed`, `isLocked`, and `expectedLength`, the bytes that
 *   a FixedLengthStream has still to give.
 * - Streams of fixed content: `setContent` notes it, `untouchedContent` gives it back.
 * - Reading: `readAllBytes(stream, convert, maxBytes?)`; `acquireReader` with `readChunk` or
 *   `readWith` and `cancelReader`.
 * - `teeForClone` for Request and Response.
 *
 * All of it is evaluated when a Worker has its first stream: load it, do not import it.
 *
 * Functions take streams as the objects that Workers see, unless they say otherwise.
 * @module
 */

export { ReadableStreamBYOBReader, ReadableStreamBYOBRequest } from "./byob.js";
export { ReadableStreamDefaultReader } from "./default_reader.js";
export { expectedLength, FixedLengthStream, IdentityTransformStream } from "./identity.js";
export {
  acquireReader,
  cancelReader,
  closeStream,
  createReadableByteStream,
  createStreamFrom,
  enqueueBytes,
  errorStream,
  isDisturbed,
  isLocked,
  isReadableStream,
  readChunk,
  readWith,
  setContent,
  teeForClone,
  untouchedContent,
} from "./internal.js";
export { createNativeByteStream, detachNativeSource, nativeSourceOf } from "./native.js";
export { ByteLengthQueuingStrategy, CountQueuingStrategy } from "./queuing.js";
export { readAllBytes } from "./read_all.js";
export { ReadableByteStreamController } from "./readable_byte.js";
export { ReadableStreamDefaultController } from "./readable_default.js";
export { ReadableStream } from "./readable_stream.js";
export { ReadRequest } from "./records.js";
export { TransformStream, TransformStreamDefaultController } from "./transform_stream.js";
export { WritableStreamDefaultController } from "./writable_controller.js";
export { WritableStream } from "./writable_stream.js";
export { WritableStreamDefaultWriter } from "./writer.js";
