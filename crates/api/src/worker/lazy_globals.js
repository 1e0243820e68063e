/**
 * Global names, and others, whose values are evaluated when they are first read.
 * @module
 */

import { load } from "../lazy.js";

/** Classes and namespaces that are evaluated when they are first read. */
export const lazyInterfaces = [
  "Blob", "ByteLengthQueuingStrategy", "CloseEvent", "CompressionStream", "CountQueuingStrategy",
  "Crypto", "CryptoKey", "CustomEvent", "DecompressionStream", "ErrorEvent", "EventSource", "File",
  "FixedLengthStream", "FormData", "HTMLRewriter", "IdentityTransformStream", "MessageChannel",
  "MessageEvent", "MessagePort", "Navigator", "Performance", "PerformanceEntry",
  "PerformanceMark", "PerformanceMeasure", "PerformanceObserver", "PerformanceObserverEntryList",
  "PromiseRejectionEvent", "ReadableByteStreamController", "ReadableStream",
  "ReadableStreamBYOBReader", "ReadableStreamBYOBRequest", "ReadableStreamDefaultController",
  "ReadableStreamDefaultReader", "SubtleCrypto", "TextDecoder", "TextDecoderStream", "TextEncoder",
  "TextEncoderStream", "TransformStream", "TransformStreamDefaultController", "URLPattern",
  "WritableStream", "WritableStreamDefaultController", "WritableStreamDefaultWriter", "console",
];

/** Members that are. */
export const lazyMembers = ["atob", "btoa", "crypto", "navigator", "structuredClone"];

/** The exports that have the value of a property, by its name. */
function exportsWith(name) {
  switch (name) {
    case "Blob":
      return load("blob/blob.js");
    case "CloseEvent":
    case "CustomEvent":
    case "ErrorEvent":
    case "MessageEvent":
    case "PromiseRejectionEvent":
      return load("events/event.js");
    case "CompressionStream":
    case "DecompressionStream":
      return load("compression/compression.js");
    case "Crypto":
    case "crypto":
      return load("crypto/crypto.js");
    case "CryptoKey":
      return load("crypto/key.js");
    case "SubtleCrypto":
      return load("crypto/subtle.js");
    case "DigestStream":
      return load("crypto/digest_stream.js");
    case "EventSource":
      return load("eventsource/eventsource.js");
    case "File":
      return load("blob/file.js");
    case "FormData":
      return load("fetch/form_data.js");
    case "HTMLRewriter":
      return load("html_rewriter/html_rewriter.js");
    case "MessageChannel":
    case "MessagePort":
      return load("messaging/message_channel.js");
    case "Navigator":
    case "navigator":
      return load("navigator/navigator.js");
    case "Performance":
    case "PerformanceEntry":
    case "PerformanceMark":
    case "PerformanceMeasure":
      return load("performance/performance.js");
    case "PerformanceObserver":
    case "PerformanceObserverEntryList":
      return load("performance/observer.js");
    case "TextDecoder":
      return load("encoding/text_decoder.js");
    case "TextEncoder":
      return load("encoding/text_encoder.js");
    case "TextDecoderStream":
    case "TextEncoderStream":
      return load("encoding/streams.js");
    case "URLPattern":
      return load("url_pattern/url_pattern.js");
    case "atob":
    case "btoa":
      return load("encoding/base64.js");
    case "console":
      return load("console/console.js");
    case "structuredClone":
      return load("structured_clone/structured_clone.js");
    default:
      return load("streams/streams.js");
  }
}

/** The value of a property that `define_lazy` has defined.
 * @param {string} name @returns {any} */
export function lazyValue(name) {
  return exportsWith(name)[name];
}
