//! The error page that a developer sees in the browser when a request has failed.

use runtime::{Failure, Page};

use crate::exception_parts::ExceptionParts;
use crate::source_map::SourceMaps;

const STYLE: &str = include_str!("error_page.css");

/// Makes the page.
pub fn page(failure: &Failure, problem: Option<&str>, maps: &SourceMaps) -> Page {
    let (title, detail) = match failure {
        Failure::Exception(thrown) | Failure::Startup(thrown) => {
            let parts = ExceptionParts::new(thrown, maps);
            let detail = exception(&parts);
            (parts.title, detail)
        }
        Failure::NoWorker => {
            let text = problem.filter(|text| !text.is_empty()).unwrap_or("no Worker is loaded");
            ("The project does not build".to_owned(), pre(&plain(text)))
        }
        other => (other.to_string(), String::new()),
    };
    let what = match failure {
        Failure::Startup(_) => "The Worker threw while it was starting.",
        Failure::Exception(_) => "The Worker threw an exception.",
        Failure::NoWorker => "The terminal shows this too.",
        _ => "The Worker did not answer this request.",
    };
    let body = format!(
        "<!doctype html><html lang=en><meta charset=utf-8><title>{title}</title>\
         <style>{STYLE}</style>\
         <main><h1>{title}</h1><p>{what} Error {code}.</p>{detail}</main></html>\n",
        title = escape(&title),
        code = failure.code(),
    );
    Page {
        status: status(failure),
        content_type: "text/html; charset=UTF-8",
        body,
        retry_after_s: failure.retry_after_s(),
    }
}

/// A project that does not build is an error of the server, not an unknown address.
fn status(failure: &Failure) -> u16 {
    if matches!(failure, Failure::NoWorker) { 500 } else { failure.status() }
}

fn exception(parts: &ExceptionParts) -> String {
    let mut page = String::new();
    if let Some(place) = &parts.place {
        page.push_str(&format!("<p>{}</p>", escape(place)));
    }
    if let Some(source) = &parts.source {
        page.push_str(&format!("<pre><span class=hit>{}</span></pre>", escape(source)));
    }
    if !parts.stack.is_empty() {
        page.push_str(&pre(&parts.stack));
    }
    if !parts.details.is_empty() {
        page.push_str(&pre(&parts.details.join("\n")));
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
