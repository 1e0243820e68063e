/**
 * The global `Cloudflare`, by which code asks how the platform behaves.
 * https://developers.cloudflare.com/workers/runtime-apis/web-standards/
 * @module
 */

import { primordials } from "../primordials.js";
import { defineToStringTag } from "../webidl/webidl.js";

const { ObjectFreeze } = primordials;

/**
 * Behaviour that Isolde has. It is the newest one whatever date and flags a project asks for, so
 * these are the same for all Workers. A flag that is not here reads as undefined.
 */
const compatibilityFlags = ObjectFreeze({
  allow_custom_ports: true,
  blob_standard_mime_type: true,
  brotli_content_encoding: true,
  cache_option_enabled: true,
  capture_async_api_throws: true,
  enable_navigator_language: true,
  enable_request_signal: true,
  enable_weak_ref: true,
  expose_global_message_channel: true,
  fetch_iterable_type_support: true,
  fetch_refuses_unknown_protocols: true,
  fetch_standard_url: true,
  formdata_parser_supports_files: true,
  global_navigator: true,
  http_headers_getsetcookie: true,
  no_global_importscripts: true,
  nodejs_compat: false,
  response_redirect_url_standard: true,
  set_tostring_tag: true,
  streams_byob_reader_detaches_buffer: true,
  streams_enable_constructors: true,
  strip_authorization_on_cross_origin_redirect: true,
  transformstream_enable_standard_constructor: true,
  unwrap_custom_thenables: true,
  url_standard: true,
  urlsearchparams_delete_has_value_arg: true,
  workers_api_getters_setters_on_prototype: true,
});

export const Cloudflare = { compatibilityFlags };
defineToStringTag(Cloudflare, "Cloudflare");
