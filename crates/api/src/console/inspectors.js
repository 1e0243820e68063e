/**
 * What `console` shows of the objects whose classes the snapshot has. Other classes register
 * themselves.
 * @module
 */

import { AbortController, AbortSignal } from "../events/abort.js";
import { Event } from "../events/event_base.js";
import { Headers } from "../fetch/headers.js";
import { Request } from "../fetch/request.js";
import { Response } from "../fetch/response.js";
import { URLSearchParams } from "../url/search_params.js";
import { URL } from "../url/url.js";
import { showAttributes, showPairs } from "./shown.js";

showAttributes(AbortController, ["signal"]);
showAttributes(AbortSignal, ["aborted", "reason"]);
showAttributes(Event, ["type", "defaultPrevented", "cancelable", "timeStamp"]);
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
showPairs(Headers);
showPairs(URLSearchParams);
