//! Errors that native code throws into JavaScript.

use std::borrow::Cow;
use std::cell::RefCell;

/// An error to be thrown by an op, or to reject a promise with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpError {
    pub(crate) class: ErrorClass,
    pub(crate) message: Cow<'static, str>,
}

/// The function of the web APIs that makes a `DOMException`.
#[derive(Default)]
pub(crate) struct DomExceptionMaker(pub(crate) RefCell<Option<v8::Global<v8::Function>>>);

/// Which JavaScript class an [`OpError`] becomes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ErrorClass {
    /// `Error`
    Error,
    /// `TypeError`
    TypeError,
    /// `RangeError`
    RangeError,
    /// `DOMException` with this name
    DomException(&'static str),
    /// An exception that is pending in the isolate already
    Pending,
}

impl OpError {
    /// A plain `Error`.
    pub fn error(message: impl Into<Cow<'static, str>>) -> Self {
        Self { class: ErrorClass::Error, message: message.into() }
    }

    /// A `TypeError`.
    pub fn type_error(message: impl Into<Cow<'static, str>>) -> Self {
        Self { class: ErrorClass::TypeError, message: message.into() }
    }

    /// A `RangeError`.
    pub fn range_error(message: impl Into<Cow<'static, str>>) -> Self {
        Self { class: ErrorClass::RangeError, message: message.into() }
    }

    /// A `DOMException` of the given name, for example `"DataCloneError"`.
    pub fn dom_exception(name: &'static str, message: impl Into<Cow<'static, str>>) -> Self {
        Self { class: ErrorClass::DomException(name), message: message.into() }
    }

    /// The op fails with the exception that JavaScript which it called has thrown.
    pub fn pending() -> Self {
        Self { class: ErrorClass::Pending, message: Cow::Borrowed("") }
    }

    /// The message without the class.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// Makes the JavaScript error object.
    pub(crate) fn to_js<'s>(&self, scope: &mut v8::PinScope<'s, '_>) -> v8::Local<'s, v8::Value> {
        let message =
            v8::String::new(scope, &self.message).unwrap_or_else(|| v8::String::empty(scope));
        match self.class {
            ErrorClass::Error | ErrorClass::Pending => v8::Exception::error(scope, message),
            ErrorClass::TypeError => v8::Exception::type_error(scope, message),
            ErrorClass::RangeError => v8::Exception::range_error(scope, message),
            ErrorClass::DomException(name) => {
                let maker = crate::state::State::of(scope).part::<DomExceptionMaker>();
                let Some(make) = maker.0.borrow().clone() else {
                    return v8::Exception::error(scope, message);
                };
                let make = v8::Local::new(scope, make);
                let name = v8::String::new(scope, name).unwrap_or_else(|| v8::String::empty(scope));
                let undefined = v8::undefined(scope).into();
                make.call(scope, undefined, &[name.into(), message.into()])
                    .unwrap_or_else(|| v8::Exception::error(scope, message))
            }
        }
    }
}
