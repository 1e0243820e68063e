//! Values that cross between JavaScript and Rust: arguments of ops, results, and arguments of entry
//! points.

use std::marker::PhantomData;
use std::ops::{Deref, DerefMut, Range};

use crate::bridge::error::OpError;

/// A JavaScript value that Rust passes on without looking into it.
#[derive(Clone, Copy)]
pub struct Value<'s>(pub(crate) v8::Local<'s, v8::Value>);

/// A JavaScript value kept alive between turns.
pub struct Kept(pub(crate) v8::Global<v8::Value>);

/// A string as UTF-16 code units, lone surrogates included.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Utf16(pub Vec<u16>);

/// A string whose code points are all below 256, a byte each (a `ByteString` of Web IDL).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Latin1(pub Vec<u8>);

/// Bytes that become an `ArrayBuffer`; plain `Vec<u8>` becomes a `Uint8Array`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ArrayBuffer(pub Vec<u8>);

/// Read access to the bytes of an `ArrayBuffer` or a view, until the op may run JavaScript: it
/// borrows the op's context for as long as it is used.
pub struct View<'c> {
    start: *const u8,
    len: usize,
    context: PhantomData<&'c [u8]>,
}

/// Write access to the bytes of an `ArrayBuffer` or a view, as a [`View`] reads them.
pub struct ViewMut<'c>(View<'c>);

/// What an op can take: values of an isolate's scope `'s`, and views that borrow the op's context
/// for `'c`.
pub trait FromJs<'c, 's>: Sized {
    /// Converts without running any JavaScript: internal callers pass values of the right type.
    ///
    /// # Errors
    /// `TypeError` when the value is of another type.
    #[doc(hidden)]
    fn from_js(
        scope: &mut v8::PinScope<'s, '_>,
        value: v8::Local<'s, v8::Value>,
    ) -> Result<Self, OpError>;

    /// The memory the argument looks at, and whether it may write it.
    #[doc(hidden)]
    fn memory(&mut self) -> Option<(Range<usize>, bool)> {
        None
    }
}

/// What an op can give, and what can be passed to JavaScript.
pub trait IntoJs: Sized {
    /// Makes the JavaScript value.
    ///
    /// # Errors
    /// When it cannot be made: out of memory, string too long, or the value is an error itself.
    #[doc(hidden)]
    fn into_js<'s>(
        self,
        scope: &mut v8::PinScope<'s, '_>,
    ) -> Result<v8::Local<'s, v8::Value>, OpError>;

    /// Sets the result of a callback, without a handle where V8 has a direct way.
    ///
    /// # Errors
    /// As [`IntoJs::into_js`].
    #[doc(hidden)]
    fn set_result(
        self,
        scope: &mut v8::PinScope<'_, '_>,
        result: &mut v8::ReturnValue<'_, v8::Value>,
    ) -> Result<(), OpError> {
        let value = self.into_js(scope)?;
        result.set(value);
        Ok(())
    }
}

impl<'s> FromJs<'_, 's> for Value<'s> {
    fn from_js(
        _: &mut v8::PinScope<'s, '_>,
        value: v8::Local<'s, v8::Value>,
    ) -> Result<Self, OpError> {
        Ok(Self(value))
    }
}

impl<'s> Value<'s> {
    /// Whether it is `undefined`.
    pub fn is_undefined(&self) -> bool {
        self.0.is_undefined()
    }

    /// Whether it is a string.
    pub fn is_string(&self) -> bool {
        self.0.is_string()
    }
}

macro_rules! primitive {
    ($type:ty, $is:ident, $read:expr) => {
        impl<'s> FromJs<'_, 's> for $type {
            fn from_js(
                scope: &mut v8::PinScope<'s, '_>,
                value: v8::Local<'s, v8::Value>,
            ) -> Result<Self, OpError> {
                if !value.$is() {
                    return Err(OpError::type_error(concat!("expected ", stringify!($type))));
                }
                let read: fn(&mut v8::PinScope<'s, '_>, v8::Local<'s, v8::Value>) -> Option<$type> =
                    $read;
                read(scope, value).ok_or(OpError::type_error("not a number"))
            }
        }
    };
}
primitive!(bool, is_boolean, |_, value| Some(value.is_true()));
primitive!(u32, is_number, |scope, value| value.uint32_value(scope));
primitive!(i32, is_number, |scope, value| value.int32_value(scope));
primitive!(f64, is_number, |scope, value| value.number_value(scope));

impl<'c, 's, T: FromJs<'c, 's>> FromJs<'c, 's> for Option<T> {
    fn from_js(
        scope: &mut v8::PinScope<'s, '_>,
        value: v8::Local<'s, v8::Value>,
    ) -> Result<Self, OpError> {
        if value.is_null_or_undefined() { Ok(None) } else { T::from_js(scope, value).map(Some) }
    }

    fn memory(&mut self) -> Option<(Range<usize>, bool)> {
        self.as_mut().and_then(T::memory)
    }
}

/// The string in `value`, or a `TypeError`.
fn string<'s>(value: v8::Local<'s, v8::Value>) -> Result<v8::Local<'s, v8::String>, OpError> {
    value.try_into().map_err(|_| OpError::type_error("expected a string"))
}

impl<'s> FromJs<'_, 's> for String {
    fn from_js(
        scope: &mut v8::PinScope<'s, '_>,
        value: v8::Local<'s, v8::Value>,
    ) -> Result<Self, OpError> {
        Ok(string(value)?.to_rust_string_lossy(scope))
    }
}

impl<'s> FromJs<'_, 's> for Utf16 {
    fn from_js(
        scope: &mut v8::PinScope<'s, '_>,
        value: v8::Local<'s, v8::Value>,
    ) -> Result<Self, OpError> {
        let string = string(value)?;
        let mut units = vec![0; string.length()];
        string.write_v2(scope, 0, &mut units, v8::WriteFlags::default());
        Ok(Self(units))
    }
}

impl<'s> FromJs<'_, 's> for Latin1 {
    fn from_js(
        scope: &mut v8::PinScope<'s, '_>,
        value: v8::Local<'s, v8::Value>,
    ) -> Result<Self, OpError> {
        let string = string(value)?;
        if !string.contains_only_onebyte() {
            return Err(OpError::type_error("the string has characters above U+00FF"));
        }
        let mut bytes = vec![0; string.length()];
        string.write_one_byte_v2(scope, 0, &mut bytes, v8::WriteFlags::default());
        Ok(Self(bytes))
    }
}

impl<'c, 's> FromJs<'c, 's> for View<'c> {
    fn from_js(
        _: &mut v8::PinScope<'s, '_>,
        value: v8::Local<'s, v8::Value>,
    ) -> Result<Self, OpError> {
        if let Ok(view) = v8::Local::<v8::ArrayBufferView>::try_from(value) {
            let (start, len) = (view.data().cast_const().cast(), view.byte_length());
            return Ok(Self { start, len, context: PhantomData });
        }
        let buffer = v8::Local::<v8::ArrayBuffer>::try_from(value)
            .map_err(|_| OpError::type_error("expected bytes"))?;
        let start =
            buffer.data().map_or(std::ptr::null(), |data| data.as_ptr().cast_const().cast());
        Ok(Self { start, len: buffer.byte_length(), context: PhantomData })
    }

    fn memory(&mut self) -> Option<(Range<usize>, bool)> {
        let start = self.start.addr();
        Some((start..start + self.len, false))
    }
}

impl<'c, 's> FromJs<'c, 's> for ViewMut<'c> {
    fn from_js(
        scope: &mut v8::PinScope<'s, '_>,
        value: v8::Local<'s, v8::Value>,
    ) -> Result<Self, OpError> {
        View::from_js(scope, value).map(Self)
    }

    fn memory(&mut self) -> Option<(Range<usize>, bool)> {
        self.0.memory().map(|(range, _)| (range, true))
    }
}

impl Deref for View<'_> {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        if self.len == 0 {
            return &[];
        }
        // SAFETY: the buffer is alive, for the value that it came from has a handle in the scope of
        // the call; no other thread sees it, for a SharedArrayBuffer cannot leave its isolate.
        // Nothing detaches, resizes or writes it as long as this borrows the call's context: only
        // methods that borrow it exclusively run JavaScript, and `OpContext::convert` refuses a
        // view of memory that another one writes.
        unsafe { std::slice::from_raw_parts(self.start, self.len) }
    }
}

impl Deref for ViewMut<'_> {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.0
    }
}

impl DerefMut for ViewMut<'_> {
    fn deref_mut(&mut self) -> &mut [u8] {
        if self.0.len == 0 {
            return &mut [];
        }
        // SAFETY: as for `View`, and this is the only view of the call that sees the memory.
        unsafe { std::slice::from_raw_parts_mut(self.0.start.cast_mut(), self.0.len) }
    }
}

impl ViewMut<'_> {
    /// The memory as 32-bit words, as a `Uint32Array` sees it; empty when it is not aligned for
    /// that.
    pub fn as_u32_mut(&mut self) -> &mut [u32] {
        // SAFETY: any bit pattern is a valid u32, and `align_to_mut` gives only aligned words.
        let (before, words, _) = unsafe { (**self).align_to_mut::<u32>() };
        if before.is_empty() { words } else { &mut [] }
    }
}

impl IntoJs for Value<'_> {
    fn into_js<'s>(
        self,
        scope: &mut v8::PinScope<'s, '_>,
    ) -> Result<v8::Local<'s, v8::Value>, OpError> {
        Ok(v8::Local::new(scope, self.0))
    }
}

impl IntoJs for Kept {
    fn into_js<'s>(
        self,
        scope: &mut v8::PinScope<'s, '_>,
    ) -> Result<v8::Local<'s, v8::Value>, OpError> {
        Ok(v8::Local::new(scope, self.0))
    }
}

macro_rules! direct {
    ($type:ty, $set:ident, $make:expr) => {
        impl IntoJs for $type {
            fn into_js<'s>(
                self,
                scope: &mut v8::PinScope<'s, '_>,
            ) -> Result<v8::Local<'s, v8::Value>, OpError> {
                Ok(($make)(scope, self))
            }

            fn set_result(
                self,
                _: &mut v8::PinScope<'_, '_>,
                result: &mut v8::ReturnValue<'_, v8::Value>,
            ) -> Result<(), OpError> {
                result.$set(self);
                Ok(())
            }
        }
    };
}
direct!(bool, set_bool, |scope, value| v8::Boolean::new(scope, value).into());
direct!(u32, set_uint32, |scope, value| v8::Integer::new_from_unsigned(scope, value).into());
direct!(i32, set_int32, |scope, value| v8::Integer::new(scope, value).into());
direct!(f64, set_double, |scope, value| v8::Number::new(scope, value).into());

impl IntoJs for () {
    fn into_js<'s>(
        self,
        scope: &mut v8::PinScope<'s, '_>,
    ) -> Result<v8::Local<'s, v8::Value>, OpError> {
        Ok(v8::undefined(scope).into())
    }

    fn set_result(
        self,
        _: &mut v8::PinScope<'_, '_>,
        _: &mut v8::ReturnValue<'_, v8::Value>,
    ) -> Result<(), OpError> {
        Ok(())
    }
}

impl<T: IntoJs> IntoJs for Option<T> {
    fn into_js<'s>(
        self,
        scope: &mut v8::PinScope<'s, '_>,
    ) -> Result<v8::Local<'s, v8::Value>, OpError> {
        match self {
            Some(value) => value.into_js(scope),
            None => Ok(v8::undefined(scope).into()),
        }
    }
}

impl<T: IntoJs> IntoJs for Result<T, OpError> {
    fn into_js<'s>(
        self,
        scope: &mut v8::PinScope<'s, '_>,
    ) -> Result<v8::Local<'s, v8::Value>, OpError> {
        self?.into_js(scope)
    }

    fn set_result(
        self,
        scope: &mut v8::PinScope<'_, '_>,
        result: &mut v8::ReturnValue<'_, v8::Value>,
    ) -> Result<(), OpError> {
        self?.set_result(scope, result)
    }
}

/// A string was too long for V8, or memory ran out.
fn too_long() -> OpError {
    OpError::range_error("Invalid string length")
}

impl IntoJs for &str {
    fn into_js<'s>(
        self,
        scope: &mut v8::PinScope<'s, '_>,
    ) -> Result<v8::Local<'s, v8::Value>, OpError> {
        let string = if self.is_ascii() {
            v8::String::new_from_one_byte(scope, self.as_bytes(), v8::NewStringType::Normal)
        } else {
            v8::String::new(scope, self)
        };
        string.map(Into::into).ok_or_else(too_long)
    }
}

impl IntoJs for String {
    fn into_js<'s>(
        self,
        scope: &mut v8::PinScope<'s, '_>,
    ) -> Result<v8::Local<'s, v8::Value>, OpError> {
        self.as_str().into_js(scope)
    }
}

impl IntoJs for Utf16 {
    fn into_js<'s>(
        self,
        scope: &mut v8::PinScope<'s, '_>,
    ) -> Result<v8::Local<'s, v8::Value>, OpError> {
        v8::String::new_from_two_byte(scope, &self.0, v8::NewStringType::Normal)
            .map(Into::into)
            .ok_or_else(too_long)
    }
}

/// Borrowed bytes that become a one-byte string.
pub struct OneByte<'a>(pub &'a [u8]);

impl IntoJs for OneByte<'_> {
    fn into_js<'s>(
        self,
        scope: &mut v8::PinScope<'s, '_>,
    ) -> Result<v8::Local<'s, v8::Value>, OpError> {
        v8::String::new_from_one_byte(scope, self.0, v8::NewStringType::Normal)
            .map(Into::into)
            .ok_or_else(too_long)
    }
}

impl IntoJs for Latin1 {
    fn into_js<'s>(
        self,
        scope: &mut v8::PinScope<'s, '_>,
    ) -> Result<v8::Local<'s, v8::Value>, OpError> {
        OneByte(&self.0).into_js(scope)
    }
}

/// Copies bytes into a new buffer of V8's allocator, which checks the isolate's quota.
fn array_buffer<'s>(
    scope: &mut v8::PinScope<'s, '_>,
    bytes: &[u8],
) -> Result<v8::Local<'s, v8::ArrayBuffer>, OpError> {
    // V8 ends the process if its allocator refuses here, so the room is reserved first.
    let promise = crate::state::State::of(scope).ledger().promise(bytes.len());
    let promise = promise.ok_or(OpError::range_error("Array buffer allocation failed"))?;
    let buffer = v8::ArrayBuffer::new(scope, bytes.len());
    drop(promise);
    if let Some(data) = buffer.data() {
        // SAFETY: the buffer is new, has this length, and nobody else has seen it.
        unsafe { std::ptr::copy_nonoverlapping(bytes.as_ptr(), data.as_ptr().cast(), bytes.len()) };
    }
    Ok(buffer)
}

impl IntoJs for ArrayBuffer {
    fn into_js<'s>(
        self,
        scope: &mut v8::PinScope<'s, '_>,
    ) -> Result<v8::Local<'s, v8::Value>, OpError> {
        array_buffer(scope, &self.0).map(Into::into)
    }
}

impl IntoJs for &[u8] {
    fn into_js<'s>(
        self,
        scope: &mut v8::PinScope<'s, '_>,
    ) -> Result<v8::Local<'s, v8::Value>, OpError> {
        let buffer = array_buffer(scope, self)?;
        v8::Uint8Array::new(scope, buffer, 0, self.len()).map(Into::into).ok_or_else(too_long)
    }
}

impl IntoJs for Vec<u8> {
    fn into_js<'s>(
        self,
        scope: &mut v8::PinScope<'s, '_>,
    ) -> Result<v8::Local<'s, v8::Value>, OpError> {
        self.as_slice().into_js(scope)
    }
}

/// An object with a null prototype, for internal JavaScript to read.
#[derive(Debug, Clone, Default)]
pub struct Record(pub Vec<(&'static str, Field)>);

/// A member of a [`Record`].
#[derive(Debug, Clone)]
pub enum Field {
    /// A number.
    Number(f64),
    /// A string.
    Text(String),
    /// A string of code points below 256, a byte each.
    Latin1(Vec<u8>),
}

impl IntoJs for Record {
    fn into_js<'s>(
        self,
        scope: &mut v8::PinScope<'s, '_>,
    ) -> Result<v8::Local<'s, v8::Value>, OpError> {
        let (mut names, mut values) = (Vec::new(), Vec::new());
        for (name, field) in self.0 {
            let name = v8::String::new_from_one_byte(
                scope,
                name.as_bytes(),
                v8::NewStringType::Internalized,
            );
            names.push(name.ok_or_else(too_long)?.into());
            values.push(field.into_js(scope)?);
        }
        let null = v8::null(scope).into();
        Ok(v8::Object::with_prototype_and_properties(scope, null, &names, &values).into())
    }
}

/// An array, for internal JavaScript to read by index.
#[derive(Debug, Clone, Default)]
pub struct List(pub Vec<Field>);

impl IntoJs for List {
    fn into_js<'s>(
        self,
        scope: &mut v8::PinScope<'s, '_>,
    ) -> Result<v8::Local<'s, v8::Value>, OpError> {
        let values = self.0.into_iter().map(|field| field.into_js(scope));
        let values = values.collect::<Result<Vec<_>, _>>()?;
        Ok(v8::Array::new_with_elements(scope, &values).into())
    }
}

impl IntoJs for Field {
    fn into_js<'s>(
        self,
        scope: &mut v8::PinScope<'s, '_>,
    ) -> Result<v8::Local<'s, v8::Value>, OpError> {
        match self {
            Field::Number(number) => Ok(v8::Number::new(scope, number).into()),
            Field::Text(text) => text.into_js(scope),
            Field::Latin1(bytes) => OneByte(&bytes).into_js(scope),
        }
    }
}
