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
