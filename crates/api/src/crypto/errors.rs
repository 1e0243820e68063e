//! The errors of Web Crypto.

use isolate::OpError;

/// A `DataError`: key data do not fit.
pub(super) fn data_error(message: &'static str) -> OpError {
    OpError::dom_exception("DataError", message)
}

/// An `OperationError`, which tells nothing more where that would help an attacker.
pub(super) fn operation_error(message: &'static str) -> OpError {
    OpError::dom_exception("OperationError", message)
}

/// The isolate's quota does not have room for a copy.
pub(super) fn no_memory() -> OpError {
    OpError::range_error("Memory limit would be exceeded.")
}

/// A `NotSupportedError`.
pub(super) fn not_supported(message: &'static str) -> OpError {
    OpError::dom_exception("NotSupportedError", message)
}
