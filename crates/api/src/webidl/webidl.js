/**
 * What the bindings of web APIs need of Web IDL, in one place. `crates/api/README.md` has the
 * table.
 * @module
 */

export {
  isObject,
  requireArguments,
  sequenceFromIterable,
  toAny,
  toBoolean,
  toByteString,
  toDictionary,
  toDOMString,
  toDouble,
  toEnum,
  toFunction,
  toLong,
  toLongLong,
  toObject,
  toOctet,
  toRecord,
  toSequence,
  toShort,
  toUnrestrictedDouble,
  toUnsignedLong,
  toUnsignedLongLong,
  toUnsignedShort,
  toUSVString,
} from "./convert.js";
export {
  bytesOf,
  copyOfBytes,
  isArrayBuffer,
  isArrayBufferView,
  isBufferSource,
  isDataView,
  toBufferSource,
  typedArrayName,
} from "./buffer.js";
export {
  defineInterface,
  definePairIterable,
  defineToStringTag,
  illegalConstructor,
  illegalInvocation,
  interfaceOf,
  invocationError,
} from "./interface.js";
