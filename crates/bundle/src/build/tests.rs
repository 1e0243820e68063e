//! Builds that come to grief.

use super::*;

#[test]
fn a_panic_of_the_bundler_is_an_error() {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let panicking = async {
        tokio::task::yield_now().await;
        if std::hint::black_box(true) {
            panic!("begin > end ({} > 0)", 1);
        }
        Ok(())
    };
    let problem = runtime.block_on(caught(panicking)).unwrap_err();
    assert_eq!(
        problem.to_string(),
        "the bundler failed, which is its own fault: begin > end (1 > 0)"
    );
    assert!(runtime.block_on(caught(async { Ok(1) })).is_ok_and(|value| value == 1));
}

#[test]
fn a_panic_in_a_task_of_the_bundler_ends_the_build() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    let building = async {
        let (sender, mut receiver) = tokio::sync::mpsc::channel::<()>(1);
        let told = sender.clone();
        tokio::spawn(async move {
            let _told = told;
            assert!(std::hint::black_box(false), "a module that cannot be read");
        });
        receiver.recv().await;
        drop(sender);
        Ok(())
    };
    let problem = runtime.block_on(unless_stuck(building)).unwrap_err();
    assert_eq!(
        problem.to_string(),
        "the bundler failed, which is its own fault: \
         the reading of a module panicked, as told above"
    );
}

#[test]
fn a_build_whose_task_takes_long_is_waited_for() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    let building = async {
        let task = tokio::spawn(tokio::time::sleep(LOOK_INTERVAL * (LOOKS_WITHOUT_TASK_MAX + 2)));
        task.await.unwrap();
        Ok(())
    };
    assert!(runtime.block_on(unless_stuck(building)).is_ok());
}
