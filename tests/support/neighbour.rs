//! A neighbour of a Worker that is attacked: another Worker of the same process, which has to
//! answer all the while.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed};
use std::thread::JoinHandle;
use std::time::Duration;

use super::http::Connection;

/// Requests on one connection; then there is a new one.
const REQUESTS_PER_CONNECTION: usize = 16;
/// Between two requests. The neighbour is there to be disturbed, not to be a load.
const PAUSE: Duration = Duration::from_millis(5);

/// A thread that asks a Worker until it is told to stop. Each answer has to come, in whole, and to
/// be the expected one.
pub struct Neighbour {
    answered: Arc<AtomicUsize>,
    over: Arc<AtomicBool>,
    /// It ends with what was wrong.
    thread: Option<JoinHandle<Result<(), String>>>,
}

impl Neighbour {
    /// Asks `path` of `host` at `address`; each answer has to be `text`. With `kept` it asks on one
    /// connection as long as that is kept.
    pub fn of(address: &str, host: &str, path: &str, text: &str, kept: bool) -> Self {
        let (answered, over) = (Arc::<AtomicUsize>::default(), Arc::<AtomicBool>::default());
        let (count, ends) = (answered.clone(), over.clone());
        let (address, text) = (address.to_owned(), text.to_owned());
        let request = format!("GET {path} HTTP/1.1\r\nhost: {host}\r\n\r\n");
        let thread = std::thread::spawn(move || {
            let mut connection = Connection::open(&address);
            while !ends.load(Relaxed) {
                let number = count.load(Relaxed) + 1;
                let keeps = ask(&mut connection, &request, &text)
                    .map_err(|wrong| format!("answer {number} of the neighbour: {wrong}"))?;
                count.store(number, Relaxed);
                std::thread::sleep(PAUSE);
                if !keeps || (!kept && number % REQUESTS_PER_CONNECTION == 0) {
                    connection = Connection::open(&address);
                }
            }
            Ok(())
        });
        Self { answered, over, thread: Some(thread) }
    }

    /// Waits for an answer to a request that was sent after this call, so that `when` is known to
    /// be a time at which it answered.
    ///
    /// # Panics
    /// When an answer was wrong or is missing.
    pub fn assert_answers(&mut self, when: &str) {
        // The next one may have been sent before.
        let wanted = self.answered.load(Relaxed) + 2;
        super::until(&format!("the neighbour to answer {when}"), || {
            let ended = self.thread.as_ref().is_none_or(JoinHandle::is_finished);
            (ended || self.answered.load(Relaxed) >= wanted).then_some(())
        });
        if self.answered.load(Relaxed) < wanted {
            self.stop();
            panic!("the neighbour answers no more {when}");
        }
    }

    /// Stops asking.
    ///
    /// # Panics
    /// When an answer was wrong or is missing.
    pub fn stop(&mut self) {
        self.over.store(true, Relaxed);
        let Some(thread) = self.thread.take() else { return };
        let result = thread.join().unwrap_or_else(|_| Err("its connection failed".to_owned()));
        if !std::thread::panicking() {
            assert_eq!(result, Ok(()));
        }
    }
}

impl Drop for Neighbour {
    fn drop(&mut self) {
        self.stop();
    }
}

/// One request; whether its connection is kept, or what is wrong with the answer.
fn ask(connection: &mut Connection, request: &str, text: &str) -> Result<bool, String> {
    connection.try_send(request.as_bytes()).map_err(|error| error.to_string())?;
    let response = connection.try_response("GET").ok_or("there is none")?;
    if (response.status, response.complete, &*response.text()) != (200, true, text) {
        return Err(format!("{} {}", response.status, response.excerpt()));
    }
    Ok(response.keeps_connection())
}
