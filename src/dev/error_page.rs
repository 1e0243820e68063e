//! The page that a developer sees in the browser when a request failed.

use runtime::{Failure, Page};

use crate::reporter::Reporter;
use crate::source_map::SourceMaps;

const STYLE: &str = "body{font:16px/1.5 system-ui,sans-serif;margin:0;background:#faf9f7;color:#1f1d1a}\
main{max-width:60rem;margin:3rem auto;padding:0 1.5rem}h1{font-size:1.4rem;color:#a8200d;margin:0 0 .25rem;\
overflow-wrap:anywhere}p{margin:.25rem 0 1rem;color:#6b655c}pre{background:#fff;border:1px solid #e4dfd6;\
border-radius:6px;padding:1rem;overflow-x:auto;font:14px/1.5 ui-monospace,monospace}.hit{background:#fde8e4}\
@media(prefers-color-scheme:dark){body{background:#191816;color:#ece8e1}pre{background:#211f1c;\
border-color:#3a3630}h1{color:#ff8f7a}p{color:#a49d92}.hit{background:#4a1f17}}";

/// Makes the page.
pub fn page(
    failure: &Failure,
    problem: Option<&str>,
    reporter: &Reporter,
    maps: &SourceMaps,
) -> Page {
    let (title, detail) = match failure {
        Failure::Exception(thrown) | Failure::Startup(thrown) => {
            let mapped = maps.map(thrown);
            (mapped.to_string(), exception(&mapped))
        }
        Failure::NoWorker => {
            let text = problem.filter(|text| !text.is_empty()).unwrap_or("no Worker is loaded");
            ("The project does not build".to_owned(), pre(&plain(text)))
        }
        other => (other.to_string(), String::new()),
    };
    let _ = reporter;
    let what = match failure {
        Failure::Startup(_) => "The Worker threw while it was starting.",
        Failure::Exception(_) => "The Worker threw an exception.",
        Failure::NoWorker => "The terminal shows this too.",
        _ => "The Worker did not answer this request.",
    };
    let body = format!(
        "<!doctype html><html lang=en><meta charset=utf-8><title>{title}</title><style>{STYLE}</style>\
         <main><h1>{title}</h1><p>{what} Error {code}.</p>{detail}</main></html>\n",
        title = escape(&title),
        code = failure.code(),
    );
    Page { status: status(failure), content_type: "text/html; charset=UTF-8", body }
}

/// A project that does not build is the server's trouble, not an unknown address.
fn status(failure: &Failure) -> u16 {
    if matches!(failure, Failure::NoWorker) { 500 } else { failure.status() }
}

fn exception(thrown: &isolate::Thrown) -> String {
    let mut page = String::new();
    if let Some(at) = &thrown.location {
        page.push_str(&format!("<p>{}:{}:{}</p>", escape(&at.script), at.line, at.column));
        if let Some(line) = &thrown.source_line {
            page.push_str(&format!(
                "<pre><span class=hit>{} | {}</span></pre>",
                at.line,
                escape(line.trim_end())
            ));
        }
    }
    if !thrown.stack.is_empty() {
        page.push_str(&pre(&thrown.stack));
    }
    page
}

fn pre(text: &str) -> String {
    format!("<pre>{}</pre>", escape(text))
}

/// The text without the colours of a terminal.
fn plain(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('\x1b') {
        out.push_str(before);
        rest = after.split_once('m').map_or("", |(_, rest)| rest);
    }
    out.push_str(rest);
    out
}

fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            other => out.push(other),
        }
    }
    out
}
