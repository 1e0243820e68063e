//! Makes the startup snapshot, in this process of its own: whoever makes a snapshot must not use
//! it.

use std::path::PathBuf;

fn main() {
    let out = PathBuf::from(std::env::var_os("OUT_DIR").expect("set by Cargo"));
    let snapshot = isolate::make_snapshot(&api::sources(), Box::new(api::null_host()))
        .unwrap_or_else(|error| {
            eprintln!("the startup snapshot could not be made: {error}");
            let mut cause = std::error::Error::source(&error);
            while let Some(error) = cause {
                eprintln!("  because: {error}");
                cause = error.source();
            }
            std::process::exit(1);
        });
    std::fs::write(out.join("snapshot.bin"), &snapshot.blob).expect("the output folder is ours");
    std::fs::write(out.join("ops.bin"), snapshot.ops).expect("the output folder is ours");
}
