//! Ops of the console and of `reportError`.

use isolate::{Field, Kept, List, PromiseState, Value};

use crate::host::Host;

isolate::ops! {
    /// One console message, formatted.
    fn console_message(cx: &mut OpContext<'_>, level: String, text: String) {
        let event = cx.continuation_id();
        cx.host::<Host>().console.message(event, &level, text);
    }

    /// What has become of a promise: 0 nothing yet, 1 a value, 2 a reason.
    fn promise_state(cx: &mut OpContext<'_>, promise: Value<'_>) -> u32 {
        match cx.promise_state(&promise) {
            Some(PromiseState::Fulfilled(_)) => 1,
            Some(PromiseState::Rejected(_)) => 2,
            Some(PromiseState::Pending) | None => 0,
        }
    }

    /// The value or the reason of a promise that is settled.
    fn promise_result(cx: &mut OpContext<'_>, promise: Value<'_>) -> Option<Kept> {
        match cx.promise_state(&promise) {
            Some(PromiseState::Fulfilled(value) | PromiseState::Rejected(value)) => {
                Some(cx.keep(value))
            }
            Some(PromiseState::Pending) | None => None,
        }
    }

    /// An exception that reached nobody.
    fn report_exception(cx: &mut OpContext<'_>, exception: Value<'_>) {
        let event = cx.continuation_id();
        let exception = cx.describe(exception);
        cx.host::<Host>().console.exception(event, exception);
    }

    /// What an ErrorEvent says of a thrown value: message, file, line, column.
    fn exception_message(cx: &mut OpContext<'_>, exception: Value<'_>) -> List {
        let thrown = cx.describe(exception);
        let message = format!("Uncaught {thrown}");
        let (file, line, column) = match thrown.location {
            Some(at) => (at.script, at.line, at.column),
            None => (String::new(), 0, 0),
        };
        List(vec![
            Field::Text(message),
            Field::Text(file),
            Field::Number(f64::from(line)),
            Field::Number(f64::from(column)),
        ])
    }
}
