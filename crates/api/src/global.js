/**
 * What global scope holds: the root of the internal modules.
 * https://webidl.spec.whatwg.org/#define-the-global-property-references
 * @module
 */

import { primordials } from "./primordials.js";
import { Blob } from "./blob/blob.js";
import { File } from "./blob/file.js";
import { console } from "./console/console.js";
import { Crypto, CryptoKey, SubtleCrypto, crypto } from "./crypto/crypto.js";
import { atob, btoa } from "./encoding/base64.js";
import { TextDecoderStream, TextEncoderStream } from "./encoding/streams.js";
import { TextDecoder } from "./encoding/text_decoder.js";
import { TextEncoder } from "./encoding/text_encoder.js";
import { AbortController, AbortSignal } from "./events/abort.js";
import { DOMException, QuotaExceededError } from "./events/dom_exception.js";
import {
  CloseEvent, CustomEvent, ErrorEvent, Event, MessageEvent, PromiseRejectionEvent,
} from "./events/event.js";
import { EventTarget } from "./events/event_target.js";
import { reportError } from "./events/report.js";
import { fetch } from "./fetch/fetch.js";
import { FormData } from "./fetch/form_data.js";
import { Headers } from "./fetch/headers.js";
import { Request } from "./fetch/request.js";
import { Response } from "./fetch/response.js";
import { MessageChannel, MessagePort } from "./messaging/message_channel.js";
import { Navigator, navigator } from "./navigator/navigator.js";
import {
  Performance, PerformanceEntry, PerformanceMark, PerformanceMeasure, PerformanceObserver,
  PerformanceObserverEntryList,
} from "./performance/performance.js";
import {
  ByteLengthQueuingStrategy, CountQueuingStrategy, FixedLengthStream, IdentityTransformStream,
  ReadableByteStreamController, ReadableStream, ReadableStreamBYOBReader,
  ReadableStreamBYOBRequest, ReadableStreamDefaultController, ReadableStreamDefaultReader,
  TransformStream, TransformStreamDefaultController, WritableStream,
  WritableStreamDefaultController, WritableStreamDefaultWriter,
} from "./streams/streams.js";
import { structuredClone } from "./structured_clone/structured_clone.js";
import {
  Scheduler, clearInterval, clearTimeout, queueMicrotask, scheduler, setInterval, setTimeout,
} from "./timers/timers.js";
import { URLSearchParams } from "./url/search_params.js";
import { URL } from "./url/url.js";
import { ExtendableEvent, FetchEvent, ScheduledEvent, TraceEvent } from "./worker/fetch_event.js";
import { Cloudflare } from "./worker/cloudflare.js";
import { installGlobalScope } from "./worker/global_scope.js";
import "./worker/entry.js";

const { ObjectDefineProperty, ObjectKeys, globalThis } = primordials;

/** Classes and namespaces: writable and configurable, not enumerable. */
const interfaces = {
  __proto__: null,
  AbortController, AbortSignal, Blob, ByteLengthQueuingStrategy, CloseEvent,
  CountQueuingStrategy, Crypto, CryptoKey, CustomEvent, DOMException, ErrorEvent, Event,
  EventTarget, ExtendableEvent, FetchEvent, File, FixedLengthStream, FormData, Headers,
  IdentityTransformStream, MessageChannel, MessageEvent, MessagePort, Navigator, Performance,
  PerformanceEntry, PerformanceMark, PerformanceMeasure, PerformanceObserver,
  PerformanceObserverEntryList,
  PromiseRejectionEvent, QuotaExceededError, ReadableByteStreamController, ReadableStream,
  ReadableStreamBYOBReader, ReadableStreamBYOBRequest, ReadableStreamDefaultController,
  ReadableStreamDefaultReader, Request, Response, ScheduledEvent, Scheduler, SubtleCrypto,
  TailEvent: TraceEvent, TextDecoder, TextDecoderStream, TextEncoder, TextEncoderStream, TraceEvent,
  TransformStream, TransformStreamDefaultController, URL, URLSearchParams, WritableStream,
  WritableStreamDefaultController, WritableStreamDefaultWriter, console,
};

/** Functions and objects of the global scope: enumerable too. */
const members = {
  __proto__: null,
  Cloudflare, atob, btoa, clearInterval, clearTimeout, crypto, fetch, navigator, queueMicrotask,
  reportError, scheduler, setInterval, setTimeout, structuredClone,
};

function defineAll(values, enumerable) {
  const names = ObjectKeys(values);
  for (let i = 0; i < names.length; i++) {
    ObjectDefineProperty(globalThis, names[i], {
      __proto__: null, value: values[names[i]], writable: true, enumerable, configurable: true,
    });
  }
}

defineAll(interfaces, false);
defineAll(members, true);
installGlobalScope();
