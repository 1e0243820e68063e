//! Patterns of specifiers.

use oxc::allocator::Allocator;
use oxc::parser::Parser;
use oxc::span::SourceType;

use super::*;

fn pattern(code: &str) -> Option<Pattern> {
    let allocator = Allocator::default();
    let parsed = Parser::new(&allocator, code, SourceType::mjs()).parse_expression();
    Pattern::of(&parsed.unwrap())
}

#[test]
fn gaps_are_names_or_folders_with_names() {
    for (code, shown) in [
        ("`./lang/${x}.json`", "./lang/**/*.json"),
        ("'./pages/' + p + '.js'", "./pages/**/*.js"),
        ("`./page-${x}.js`", "./page-*.js"),
        ("`../${a}${b}/${'c'}-${d}.js`", "../**/*/c-*.js"),
        ("('./' + (a + b)) + `.${c}`", "./**/*.*"),
    ] {
        assert_eq!(pattern(code).as_ref().map(Pattern::shown), Some(shown), "{code}");
    }
}

#[test]
fn other_specifiers_are_no_patterns() {
    for code in ["x", "'./a.js'", "`./a.js`", "x + './a.js'", "`/abs/${x}`", "`pkg/${x}`", "1 + 2"]
    {
        assert_eq!(pattern(code), None, "{code}");
    }
}

#[test]
fn signs_in_the_text_mean_themselves() {
    let pattern = pattern("`./a[1]{b}*/${x}.js`").unwrap();
    assert_eq!(pattern.folder, "./a[1]{b}*/");
    let matcher = pattern.matcher().unwrap();
    assert!(matcher.is_match("./a[1]{b}*/c.js") && matcher.is_match("./a[1]{b}*/c/d.js"));
    assert!(!matcher.is_match("./a1b/c.js") && !matcher.is_match("./a[1]{b}*/c.ts"));
}
