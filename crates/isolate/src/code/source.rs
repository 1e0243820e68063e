//! The text of a Worker's modules, outside of all heaps: V8 reads it where it lies, and all
//! isolates of a process share it.
//!
//! Text in ASCII is shared as it came. Other text is UTF-8, which V8 does not read in place, so it
//! is converted once per process: to a byte for each character where that is enough, else to two.

use std::collections::HashMap;
use std::sync::{Arc, LazyLock, Mutex, PoisonError, Weak};

use program::{Content, Digest};

use crate::bridge::error::OpError;
use crate::limit::ledger::{Charge, Ledger};
use crate::state::State;

/// Below this size a string in the heap takes less memory than the record of a shared one.
const SHARED_BYTES_MIN: usize = 512;
/// V8's longest string in characters.
const UNITS_MAX: usize = (1 << 29) - 24;

/// Text that V8 can read in place.
#[derive(Clone)]
enum Text {
    /// As the module has it.
    InPlace(Content),
    OneByte(Arc<[u8]>),
    TwoByte(Arc<[u16]>),
}

/// Text that was converted, as long as an isolate uses it.
enum Converted {
    OneByte(Weak<[u8]>),
    TwoByte(Weak<[u16]>),
}

static CONVERTED: LazyLock<Mutex<HashMap<Digest, Converted>>> = LazyLock::new(Mutex::default);

/// Contents that V8 reads in place, with the number of strings that use each. The key is address
/// and length, for V8 reports nothing else of a string that it frees.
static IN_PLACE: LazyLock<Mutex<HashMap<(usize, usize), (Content, usize)>>> =
    LazyLock::new(Mutex::default);

/// The charges of an isolate for the texts that it reads.
#[derive(Default)]
pub(crate) struct Charges(std::cell::RefCell<Vec<Charge>>);

impl Text {
    fn of(content: &Content) -> Self {
        if content.is_ascii() {
            return Self::InPlace(content.clone());
        }
        let key = *content.digest();
        let converted = || CONVERTED.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(text) = converted().get(&key).and_then(Converted::upgrade) {
            return text;
        }
        // Without the lock: other Workers do not wait for this one's text.
        let text = Self::convert(content);
        let mut converted = converted();
        converted.retain(|_, text| text.upgrade().is_some());
        let others = converted.get(&key).and_then(Converted::upgrade);
        if others.is_none() {
            converted.extend(text.downgrade().map(|text| (key, text)));
        }
        others.unwrap_or(text)
    }

    fn convert(content: &[u8]) -> Self {
        let text = String::from_utf8_lossy(content);
        let latin1: Option<Arc<[u8]>> =
            text.chars().map(|character| u8::try_from(character).ok()).collect();
        match latin1 {
            Some(bytes) => Self::OneByte(bytes),
            None => Self::TwoByte(text.encode_utf16().collect()),
        }
    }

    fn downgrade(&self) -> Option<Converted> {
        match self {
            Self::InPlace(_) => None,
            Self::OneByte(bytes) => Some(Converted::OneByte(Arc::downgrade(bytes))),
            Self::TwoByte(units) => Some(Converted::TwoByte(Arc::downgrade(units))),
        }
    }

    fn units(&self) -> usize {
        match self {
            Self::InPlace(content) => content.len(),
            Self::OneByte(bytes) => bytes.len(),
            Self::TwoByte(units) => units.len(),
        }
    }

    fn bytes(&self) -> usize {
        match self {
            Self::InPlace(content) => content.len(),
            Self::OneByte(bytes) => bytes.len(),
            Self::TwoByte(units) => units.len() * 2,
        }
    }

    /// The string in an isolate. It keeps the text alive until it is collected.
    fn share<'s>(self, scope: &mut v8::PinScope<'s, '_>) -> Option<v8::Local<'s, v8::String>> {
        match self {
            Self::InPlace(content) => {
                let (start, len) = (content.as_ptr().cast_mut(), content.len());
                hold(content);
                // SAFETY: the text lives until `free_in_place` gives back what `hold` took, and
                // nobody ever writes to it; the length is its own.
                unsafe {
                    v8::String::new_external_onebyte_raw(scope, start.cast(), len, free_in_place)
                }
            }
            Self::OneByte(bytes) => {
                let len = bytes.len();
                let start = Arc::into_raw(bytes).cast::<u8>().cast_mut();
                // SAFETY: the text lives, and nobody writes to it, until `free_one_byte` gives back
                // the count that `into_raw` left; the length is its own.
                unsafe {
                    v8::String::new_external_onebyte_raw(scope, start.cast(), len, free_one_byte)
                }
            }
            Self::TwoByte(units) => {
                let len = units.len();
                let start = Arc::into_raw(units).cast::<u16>().cast_mut();
                // SAFETY: as above, with `free_two_byte`.
                unsafe { v8::String::new_external_twobyte_raw(scope, start, len, free_two_byte) }
            }
        }
    }
}

impl Converted {
    fn upgrade(&self) -> Option<Text> {
        match self {
            Self::OneByte(bytes) => bytes.upgrade().map(Text::OneByte),
            Self::TwoByte(units) => units.upgrade().map(Text::TwoByte),
        }
    }
}

/// Keeps a content for one more string. While it is kept nothing else has its address.
fn hold(content: Content) {
    let key = (content.as_ptr().addr(), content.len());
    let mut in_place = IN_PLACE.lock().unwrap_or_else(PoisonError::into_inner);
    in_place.entry(key).or_insert((content, 0)).1 += 1;
}

// SAFETY: V8 calls it once for each string that `hold` counted, with the address and the length of
// its text. It reads nothing there.
unsafe extern "C" fn free_in_place(start: *mut std::ffi::c_char, len: usize) {
    let key = (start.addr(), len);
    let mut in_place = IN_PLACE.lock().unwrap_or_else(PoisonError::into_inner);
    let Some((_, strings)) = in_place.get_mut(&key) else { return };
    *strings -= 1;
    let unused = if *strings == 0 { in_place.remove(&key) } else { None };
    // Without the lock: freeing a large text takes a while.
    drop(in_place);
    drop(unused);
}

// SAFETY: V8 calls it once for each string that `Text::share` made, with what it was given there.
unsafe extern "C" fn free_one_byte(start: *mut std::ffi::c_char, len: usize) {
    let bytes = std::ptr::slice_from_raw_parts(start.cast::<u8>().cast_const(), len);
    // SAFETY: the pointer came from `Arc::into_raw` of a slice of this length.
    drop(unsafe { Arc::from_raw(bytes) });
}

// SAFETY: as `free_one_byte`.
unsafe extern "C" fn free_two_byte(start: *mut u16, len: usize) {
    let units = std::ptr::slice_from_raw_parts(start.cast_const(), len);
    // SAFETY: as above.
    drop(unsafe { Arc::from_raw(units) });
}

/// The text of a module as a string. The isolate is charged for it as for memory of its own.
///
/// # Errors
/// When it is too long for V8, or over the isolate's quota.
pub(crate) fn string<'s>(
    scope: &mut v8::PinScope<'s, '_>,
    content: &Content,
) -> Result<v8::Local<'s, v8::String>, OpError> {
    let too_long = || OpError::range_error("Invalid string length");
    if content.len() < SHARED_BYTES_MIN {
        let text = String::from_utf8_lossy(content);
        return v8::String::new(scope, &text).ok_or_else(too_long);
    }
    let text = Text::of(content);
    if text.units() > UNITS_MAX {
        return Err(too_long());
    }
    charge(scope, text.bytes())?;
    text.share(scope).ok_or_else(too_long)
}

/// Charges an isolate for memory that it shares with others, for the rest of its life.
///
/// # Errors
/// When it is over the isolate's quota.
pub(crate) fn charge(scope: &v8::Isolate, bytes: usize) -> Result<(), OpError> {
    let state = State::of(scope);
    let charge = Ledger::charge(state.ledger(), bytes)
        .ok_or_else(|| OpError::range_error("The Worker's modules exceed its memory limit."))?;
    state.part::<Charges>().0.borrow_mut().push(charge);
    Ok(())
}
