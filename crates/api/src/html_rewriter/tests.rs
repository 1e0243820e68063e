//! Rewriters without JavaScript: the tests are the handlers.

use std::sync::Arc;

use isolate::{FIBER_STACK_BYTES, Ledger};

use super::driver::{rewritten, run};
use super::plan::{Plan, PlanError, parse_selector};
use super::protocol::{Answer, Command, Place, Source, TokenKind};
use super::rewriter::{Next, Rewriter, RewriterError};

const MEBIBYTE: usize = 1 << 20;

/// Element, comment and text handlers of a selector.
fn plan(selector: &str) -> Plan {
    Plan::new("utf-8", &format!("7\0{selector}\0")).unwrap()
}

fn rewriter(ledger: &Arc<Ledger>, plan: &Plan) -> Rewriter {
    Rewriter::new(ledger, plan, false).unwrap()
}

fn insert(rewriter: &mut Rewriter, place: Place, text: &str) {
    let content = rewriter.content(Source::Text(text.to_owned()), true).unwrap();
    assert_eq!(rewriter.command(Command::Insert(place, content)).unwrap(), Answer::Nothing);
}

#[test]
fn handlers_change_what_they_see_however_it_is_cut() {
    let document = "<p class=a>one &amp; <b>two</b><!--three--></p><br>".as_bytes();
    for piece_bytes in [1, 2, 3, 7, 1000] {
        let ledger = Ledger::new(MEBIBYTE);
        let mut rewriter = rewriter(&ledger, &plan("p, br"));
        let output = run(&mut rewriter, document, piece_bytes, |rewriter, kind, number| {
            assert_eq!(number, 0);
            match kind {
                TokenKind::Element => {
                    insert(rewriter, Place::Before, "[");
                    insert(rewriter, Place::After, "]");
                    let name = Command::SetAttribute("x".to_owned(), "y".to_owned());
                    rewriter.command(name).unwrap();
                }
                TokenKind::Comment => insert(rewriter, Place::Replace, "4"),
                _ => {}
            }
        });
        let wanted = "[<p class=\"a\" x=\"y\">one &amp; <b>two</b>4</p>][<br x=\"y\">]";
        let output = String::from_utf8(output.unwrap()).unwrap();
        let output = output.replace("class=a", "class=\"a\"");
        assert_eq!(output, wanted, "{piece_bytes}");
        drop(rewriter);
        assert_eq!(ledger.external(), 0);
    }
}

#[test]
fn a_rewriter_is_dropped_wherever_it_stands() {
    let document = format!("<p>{}<i>x</i>", "long text ".repeat(10_000));
    let mut stops = 0;
    for stop_at in 0.. {
        let ledger = Ledger::new(4 * MEBIBYTE);
        let mut rewriter = rewriter(&ledger, &plan("*"));
        let mut step = 0;
        let mut rest = document.as_bytes();
        let ended = loop {
            if step == stop_at {
                break false;
            }
            step += 1;
            match rewriter.next().unwrap() {
                Next::Nothing => break true,
                Next::Output => drop(rewriter.take_output()),
                Next::Content(_) => rewriter.give_end().unwrap(),
                Next::Handler(TokenKind::Element, _) => {
                    let stream = rewriter.content(Source::Stream(1), false).unwrap();
                    rewriter.command(Command::Insert(Place::Prepend, stream)).unwrap();
                    insert(&mut rewriter, Place::After, &"after ".repeat(50_000));
                    let charge = rewriter.handler_charge().unwrap();
                    rewriter.command(Command::OnEndTag(7, charge)).unwrap();
                    rewriter.handler_returned().unwrap();
                }
                Next::Handler(..) => rewriter.handler_returned().unwrap(),
                Next::Document if rest.is_empty() => rewriter.give_end().unwrap(),
                Next::Document => rest = &rest[rewriter.give(rest).unwrap()..],
            }
        };
        drop(rewriter);
        assert_eq!(ledger.external(), 0, "dropped after {step} steps");
        if ended {
            break;
        }
        stops += 1;
    }
    assert!(stops > 20, "{stops}");
}

#[test]
fn content_is_charged_until_it_is_written() {
    let ledger = Ledger::new(8 * MEBIBYTE);
    let mut rewriter = rewriter(&ledger, &plan("p"));
    let before = ledger.external();
    assert!(before > FIBER_STACK_BYTES);
    let mut most = 0;
    let output = run(&mut rewriter, b"<p>x</p>y", 4, |rewriter, kind, _| {
        if kind == TokenKind::Element {
            insert(rewriter, Place::After, &"z".repeat(MEBIBYTE));
        }
        most = most.max(ledger.external());
    });
    assert_eq!(output.unwrap().len(), "<p>x</p>y".len() + MEBIBYTE);
    assert!(most >= before + MEBIBYTE, "{most}");
    assert!(ledger.external() <= before, "it was given back");
}

#[test]
fn memory_that_is_used_up_is_an_error() {
    let ledger = Ledger::new(MEBIBYTE);
    let mut rewriter = rewriter(&ledger, &plan("p"));
    run(&mut rewriter, b"<p>", 4, |rewriter, kind, _| {
        if kind == TokenKind::Element {
            let text = Source::Text("z".repeat(MEBIBYTE));
            assert!(matches!(rewriter.content(text, true), Err(RewriterError::Memory)));
            assert!(matches!(rewriter.charge_token(MEBIBYTE), Err(RewriterError::Memory)));
        }
    })
    .unwrap();
    let refused = Rewriter::new(&ledger, &plan("p"), true);
    assert!(matches!(refused, Err(RewriterError::Memory)));
    drop((rewriter, refused));
    // A tag that never ends is kept, so it is charged.
    let mut rewriter = self::rewriter(&ledger, &plan("p"));
    let tag = format!("<p title='{}", ">".repeat(2 * MEBIBYTE));
    let failed = run(&mut rewriter, tag.as_bytes(), 1 << 16, |_, _, _| {});
    assert!(matches!(failed, Err(RewriterError::Memory)), "{failed:?}");
}

#[test]
fn the_parser_has_a_bound_of_its_own() {
    let ledger = Ledger::new(64 * MEBIBYTE);
    let long = |bytes: usize| format!("<p title='{}'>x", ">".repeat(bytes));
    let mut fits = rewriter(&ledger, &plan("p"));
    let document = long(MEBIBYTE);
    let output = run(&mut fits, document.as_bytes(), 1 << 16, |_, _, _| {});
    assert_eq!(output.unwrap(), document.as_bytes());
    let limit = "Parser error: The memory limit has been exceeded.";
    for document in [long(4 * MEBIBYTE), "<a>".repeat(100_000)] {
        let mut rewriter = rewriter(&ledger, &plan("p"));
        let failed = run(&mut rewriter, document.as_bytes(), 1 << 16, |_, _, _| {});
        assert_eq!(failed.unwrap_err().to_string(), limit);
        // It stays failed.
        assert_eq!(rewriter.next().unwrap_err().to_string(), limit);
    }
}

#[test]
fn commands_of_other_tokens_and_calls_out_of_turn_are_errors() {
    let ledger = Ledger::new(MEBIBYTE);
    let mut rewriter = rewriter(&ledger, &plan("p"));
    assert!(matches!(rewriter.give(b"x"), Err(RewriterError::Order)));
    assert!(matches!(rewriter.command(Command::Text), Err(RewriterError::Order)));
    run(&mut rewriter, b"<p>x<!--y--></p>", 100, |rewriter, kind, _| {
        assert!(matches!(rewriter.give(b"x"), Err(RewriterError::Order)));
        assert!(matches!(rewriter.give_end(), Err(RewriterError::Order)));
        let wrong = if kind == TokenKind::Element { Command::Text } else { Command::Attributes };
        assert!(matches!(rewriter.command(wrong), Err(RewriterError::Parser(_))));
    })
    .unwrap();
    assert!(matches!(rewriter.handler_returned(), Err(RewriterError::Order)));
    assert!(matches!(rewriter.next(), Ok(Next::Nothing)));
}

#[test]
fn selectors_have_bounds() {
    let wrong = |selector: &str| parse_selector(selector).unwrap_err();
    let chain = |count: usize| vec!["a"; count].join(" > ");
    let nested = |count: usize| format!("{}a{}", ":not(".repeat(count), ")".repeat(count));
    // The deepest that there can be goes through parser and compiler.
    let ledger = Ledger::new(8 * MEBIBYTE);
    let deepest = chain(64);
    run(&mut rewriter(&ledger, &plan(&deepest)), b"<a><a>", 9, |_, _, _| {}).unwrap();
    let tight = vec!["a"; 257].join(">");
    run(&mut rewriter(&ledger, &plan(&tight)), b"<a><a>", 9, |_, _, _| {}).unwrap();
    assert_eq!(wrong(&format!("{tight}>a")), PlanError::SelectorTooLarge);
    assert_eq!(wrong(&chain(1000)), PlanError::SelectorTooLarge);
    run(&mut rewriter(&ledger, &plan(&nested(64))), b"<a><a>", 9, |_, _, _| {}).unwrap();
    assert_eq!(wrong(&nested(65)), PlanError::SelectorTooLarge);
    assert_eq!(wrong("a\0b"), PlanError::SelectorTooLarge);
    assert_eq!(wrong(&"a".repeat(20_000)), PlanError::SelectorTooLarge);
    // A list is no depth, an escaped comma is no list.
    parse_selector(&vec!["a.b"; 2000].join(", ")).unwrap();
    assert_eq!(wrong(&vec!["a\\,"; 300].join(" ")), PlanError::SelectorTooLarge);
    assert_eq!(wrong(&vec!["a[b=',']"; 300].join(" ")), PlanError::SelectorTooLarge);
    let many = format!("1\0{}\0", "a".repeat(10_000)).repeat(30);
    assert_eq!(Plan::new("utf-8", &many).unwrap_err(), PlanError::TooMany);
}

#[test]
fn a_thousand_selectors_are_charged_and_fed_little() {
    let ledger = Ledger::new(64 * MEBIBYTE);
    let entries: String = (0..1000).map(|i| format!("1\0p.c{i} > a[b='{i}']\0")).collect();
    let plan = Plan::new("utf-8", &entries).unwrap();
    let mut many = rewriter(&ledger, &plan);
    assert!(ledger.external() > MEBIBYTE);
    assert_eq!(many.next().unwrap(), Next::Document);
    assert!(many.give(&[b'x'; 100_000]).unwrap() < 8 << 10);
}

#[test]
fn what_is_not_changed_stays_as_it_is() {
    let document = b"<P  A=1 b = '2'/ >x<br/></P ><!doctype x><!-- --><a\xff>\xff</b></a";
    for piece_bytes in [1, 5, 100] {
        assert_eq!(rewritten("*", document, piece_bytes, &[]).unwrap(), document);
    }
    let edits: Vec<u8> = (0..=255).collect();
    let page = b"<div a=b><p>x<!--y--><br>z</p></div>".repeat(60);
    let whole = rewritten("*", &page, page.len(), &edits);
    assert!(whole.is_some() && whole.as_deref() != Some(&page[..]));
    assert_eq!(rewritten("*", &page, 1, &edits), whole);
    assert_eq!(rewritten("*:", &page, 1, &edits), None);
}
