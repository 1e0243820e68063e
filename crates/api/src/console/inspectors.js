/**
 * What `console` shows of the platform's own objects, whose state is private: their attributes,
 * read with the getters that they had when the snapshot was made.
 * @module
 */

import { Blob } from "../blob/blob.js";
import { File } from "../blob/file.js";
import { AbortController, AbortSignal } from "../events/abort.js";
import { CustomEvent, ErrorEvent, Event, MessageEvent } from "../events/event.js";
import { FormData } from "../fetch/form_data.js";
import { Headers } from "../fetch/headers.js";
import { Request } from "../fetch/request.js";
import { Response } from "../fetch/response.js";
import {
  PerformanceEntry,
  PerformanceMark,
  PerformanceMeasure,
} from "../performance/performance.js";
import { primordials } from "../primordials.js";
import { URLSearchParams } from "../url/search_params.js";
import { URL } from "../url/url.js";
import { registerInspector } from "./inspect.js";

const {
  Error,
  Map,
  MapPrototypeGet,
  MapPrototypeSet,
  ReflectGetOwnPropertyDescriptor,
  ReflectGetPrototypeOf,
  uncurryThis,
} = primordials;

/** The getter of an attribute, the interface's own or an inherited one. */
function getterOf(Class, key) {
  for (let o = Class.prototype; o !== null; o = ReflectGetPrototypeOf(o)) {
    const descriptor = ReflectGetOwnPropertyDescriptor(o, key);
    if (descriptor?.get !== undefined) return uncurryThis(descriptor.get);
  }
  throw new Error(`the interface ${Class.name} has no attribute ${key}`);
}

/** Shows attributes. Of a body only `bodyUsed`: looking at a stream must not open it. */
function showAttributes(Class, keys) {
  const getters = [];
  for (let i = 0; i < keys.length; i++) getters[i] = getterOf(Class, keys[i]);
  registerInspector(Class, (object) => {
    const shown = { __proto__: null };
    for (let i = 0; i < keys.length; i++) shown[keys[i]] = (0, getters[i])(object);
    return shown;
  });
}

/** Shows pairs as a map does; values of one name go together. */
function showPairs(Class) {
  const forEach = uncurryThis(Class.prototype.forEach);
  registerInspector(Class, (object) => {
    const shown = new Map();
    forEach(object, (value, key) => {
      const before = MapPrototypeGet(shown, key);
      const both = before === undefined ? value : `${before}, ${value}`;
      MapPrototypeSet(shown, key, typeof value === "string" ? both : value);
    });
    return shown;
  });
}

showAttributes(AbortController, ["signal"]);
showAttributes(AbortSignal, ["aborted", "reason"]);
showAttributes(Blob, ["size", "type"]);
showAttributes(CustomEvent, ["type", "detail", "defaultPrevented", "cancelable", "timeStamp"]);
showAttributes(ErrorEvent, ["type", "message", "filename", "lineno", "colno", "error"]);
showAttributes(Event, ["type", "defaultPrevented", "cancelable", "timeStamp"]);
showAttributes(File, ["name", "size", "type", "lastModified"]);
showAttributes(MessageEvent, ["type", "data", "origin", "lastEventId"]);
showAttributes(PerformanceEntry, ["name", "entryType", "startTime", "duration"]);
showAttributes(PerformanceMark, ["name", "entryType", "startTime", "duration", "detail"]);
showAttributes(PerformanceMeasure, ["name", "entryType", "startTime", "duration", "detail"]);
showAttributes(Request, ["method", "url", "headers", "redirect", "bodyUsed"]);
showAttributes(Response, [
  "status",
  "statusText",
  "headers",
  "ok",
  "redirected",
  "url",
  "bodyUsed",
]);
showAttributes(URL, [
  "href",
  "origin",
  "protocol",
  "username",
  "password",
  "host",
  "hostname",
  "port",
  "pathname",
  "search",
  "searchParams",
  "hash",
]);
showPairs(FormData);
showPairs(Headers);
showPairs(URLSearchParams);
