//! Any texts are members of a JSON Web Key of RSA, or are refused; what is read is written so that
//! it reads back the same.

#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|members: [&str; 8]| {
    let Some(once) = api::fuzzing::import_rsa_members(members) else { return };
    let again = api::fuzzing::import_rsa_members(once.each_ref().map(String::as_str));
    assert_eq!(again.as_ref(), Some(&once));
});
