//! Projects that are not Workers: `isolde check` gives the reason, `isolde dev` shows it and goes
//! on.

use super::worker;
use crate::support::process::{Isolde, check};

/// Checks a project of `broken`; both commands print `text`.
fn is_refused(name: &str, text: &str) {
    let folder = worker("broken").join(name);
    let (passes, output) = check(&folder);
    assert!(!passes, "isolde check passes: {output}");
    assert!(output.contains(text), "isolde check says {output}");
    let mut isolde = Isolde::dev(&folder);
    for round in ["once", "twice"] {
        let page = isolde.get("/");
        assert_eq!(page.status, 500, "{round}: {}", page.excerpt());
        let shown = page.text().replace("&quot;", "\"").replace("&#39;", "'");
        assert!(shown.contains(text), "{round} the page says {}", page.excerpt());
        isolde.assert_alive();
    }
}

#[test]
fn a_syntax_error() {
    is_refused("syntax_error", "index.js:5:5");
}

#[test]
fn a_missing_module() {
    is_refused("missing_module", "Could not resolve './gone.js' in index.js");
}

#[test]
fn a_throwing_top_level() {
    is_refused("throws", "Cannot read properties of undefined (reading 'boom')");
}

#[test]
fn a_rejecting_top_level() {
    is_refused("rejects", "RangeError: rejected at the top");
}

#[test]
fn a_looping_top_level() {
    is_refused("loops", "Script startup exceeded CPU time limit.");
}

/// Which limit comes first depends on the machine.
#[test]
fn an_allocating_top_level() {
    is_refused("allocates", "Script startup exceeded");
}

#[test]
fn a_top_level_that_never_settles() {
    is_refused("never_settles", "Top-level await in module is unsettled.");
}

#[test]
fn a_missing_main_module() {
    is_refused("no_main", "does not exist");
}

/// Nothing can be served without a configuration: `isolde dev` ends as `isolde check` does.
#[test]
fn a_broken_configuration() {
    let (passes, output) = check(&worker("broken").join("bad_configuration"));
    assert!(!passes && output.contains("wrangler.jsonc:1:"), "isolde check says {output}");
}
