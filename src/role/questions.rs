//! Questions about hosts, from any thread to the one that calls the supervisor: capabilities do not
//! leave it.

use tokio::sync::{mpsc, oneshot};

/// Questions that wait for the thread; those beyond it fail at once.
const QUESTIONS_MAX: usize = 1_024;

/// A question: what does the supervisor know of this host?
pub struct Question<T> {
    /// The host.
    pub host: String,
    /// Takes the answer, or why there is none.
    pub answer: oneshot::Sender<Result<T, String>>,
}

/// Asks the thread, from any other one.
#[derive(Clone)]
pub struct Questions<T>(mpsc::Sender<Question<T>>);

/// Questions, and where the thread gets them.
pub fn channel<T>() -> (Questions<T>, mpsc::Receiver<Question<T>>) {
    let (questions, asked) = mpsc::channel(QUESTIONS_MAX);
    (Questions(questions), asked)
}

impl<T> Questions<T> {
    /// What the supervisor knows of a host.
    ///
    /// # Errors
    /// When the supervisor is gone or refuses, or too many ask it.
    pub async fn ask(&self, host: &str) -> Result<T, String> {
        let (answer, answered) = oneshot::channel();
        let question = Question { host: host.to_owned(), answer };
        self.0.try_send(question).map_err(|_| "too many ask the supervisor".to_owned())?;
        answered.await.map_err(|_| "the supervisor is gone".to_owned())?
    }
}
