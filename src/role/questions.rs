//! Questions from any thread to the one that calls the supervisor: capabilities do not leave it.

use tokio::sync::{mpsc, oneshot};

/// Questions that wait for the thread; those beyond it fail at once.
const QUESTIONS_MAX: usize = 1_024;

/// A question to the supervisor.
pub struct Question<Q, A> {
    /// What is asked.
    pub asked: Q,
    /// Takes the answer, or why there is none.
    pub answer: oneshot::Sender<Result<A, String>>,
}

/// Asks the thread, from any other one.
#[derive(Clone)]
pub struct Questions<Q, A>(mpsc::Sender<Question<Q, A>>);

/// Questions, and where the thread gets them.
pub fn channel<Q, A>() -> (Questions<Q, A>, mpsc::Receiver<Question<Q, A>>) {
    let (questions, asked) = mpsc::channel(QUESTIONS_MAX);
    (Questions(questions), asked)
}

impl<Q, A> Questions<Q, A> {
    /// What the supervisor answers.
    ///
    /// # Errors
    /// When the supervisor is gone or refuses, or too many ask it.
    pub async fn ask(&self, asked: Q) -> Result<A, String> {
        let (answer, answered) = oneshot::channel();
        let question = Question { asked, answer };
        self.0.try_send(question).map_err(|_| "too many ask the supervisor".to_owned())?;
        answered.await.map_err(|_| "the supervisor is gone".to_owned())?
    }
}
