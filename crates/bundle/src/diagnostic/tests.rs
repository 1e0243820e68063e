//! Places and drawings of messages.

use super::*;

fn source(text: &str) -> Source {
    Source::new(Path::new("wrangler.toml"), text)
}

#[test]
fn a_place_counts_lines_and_characters_from_one() {
    let source = source("a = 1\nname = \"ü\" # x\n");
    let at = source.text.find('#').unwrap();
    let error = source.error(&(at..at + 1), "wrong".to_owned());
    let expected = Location { file: "wrangler.toml".into(), line: 2, column: 12 };
    assert_eq!(error.location, Some(expected));
}

#[test]
fn a_drawing_underlines_the_range() {
    let error = source("a = 1\nbcd = 22\n").error(&(12..14), "too big".to_owned());
    let expected =
        "error: too big\n   ╭─[ wrangler.toml:2:7 ]\n 2 │ bcd = 22\n   │       ^^\n  help: less";
    assert_eq!(error.with_help("less").render(false), expected);
}

#[test]
fn colour_changes_no_letter() {
    let warning = source("abc").warning(&(1..2), "odd".to_owned());
    let mut plain = warning.render(true);
    for code in [RED, YELLOW, BOLD, DIM, RESET] {
        plain = plain.replace(code, "");
    }
    assert_eq!(plain, warning.render(false));
    assert_ne!(plain, warning.render(true));
}

#[test]
fn positions_beyond_the_end_or_inside_a_character_are_moved() {
    let source = source("ä");
    assert_eq!(source.error(&(1..1), String::new()).location.unwrap().column, 1);
    assert_eq!(source.error(&(9..99), String::new()).location.unwrap().column, 2);
    assert!(source.error(&(9..99), String::new()).render(false).contains('^'));
}

#[test]
fn long_lines_are_cut_around_the_place() {
    let text = format!("{}HERE{}", "x".repeat(5_000), "y".repeat(5_000));
    let drawn = source(&text).error(&(5_000..5_004), "m".to_owned()).render(false);
    assert!(drawn.contains("xHEREy") && drawn.len() < 700, "{drawn}");
    let lines: Vec<&str> = drawn.lines().collect();
    let here = lines[2].chars().position(|c| c == 'H').unwrap();
    assert_eq!(lines[3].chars().position(|c| c == '^').unwrap(), here);
}

#[test]
fn control_characters_do_not_reach_the_terminal() {
    let error = source("a\x1b[2Jb").error(&(0..1), "m\x1b[2J".to_owned());
    assert!(!error.render(false).contains('\x1b'));
}

#[test]
fn the_nearest_word_must_be_near() {
    let words = ["compatibility_date", "compatibility_flags", "main"];
    assert_eq!(nearest("compatability_date", words), Some("compatibility_date"));
    assert_eq!(nearest("mian", words), Some("main"));
    assert_eq!(nearest("whatever", words), None);
    assert_eq!(nearest(&"x".repeat(10_000), words), None);
}
