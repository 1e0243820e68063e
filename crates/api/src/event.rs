//! Events, as the native side and JavaScript name them.

/// An event in flight in an isolate; 0 stands for global scope.
pub type EventId = u32;
