//! Answers of a front thread itself, to a connection that has not reached a Worker. The connection
//! is closed after them.

use std::time::SystemTime;

use http::StatusCode;
use ingress::refusal::Refusal;
use tokio::io::AsyncWriteExt;

use crate::failure::Page;
use crate::http::transport::Transport;
use crate::http::unread;

/// Answers with the reason why the request is refused.
pub(crate) async fn refuse(stream: Transport, refusal: Refusal) -> std::io::Result<()> {
    let page = Page {
        status: refusal.status.as_u16(),
        content_type: "text/plain; charset=UTF-8",
        body: format!("{}\n", refusal.text),
        retry_after_s: None,
    };
    answer(stream, &page).await
}

/// Answers with a page.
pub(crate) async fn answer(mut stream: Transport, page: &Page) -> std::io::Result<()> {
    let status = StatusCode::from_u16(page.status).unwrap_or_default();
    let retry_after = page.retry_after_s.map(|seconds| format!("retry-after: {seconds}\r\n"));
    let head = format!(
        "HTTP/1.1 {} {}\r\nconnection: close\r\ncontent-type: {}\r\ncontent-length: {}\r\n\
         {}date: {}\r\n\r\n",
        status.as_u16(),
        status.canonical_reason().unwrap_or_default(),
        page.content_type,
        page.body.len(),
        retry_after.unwrap_or_default(),
        httpdate::fmt_http_date(SystemTime::now()),
    );
    stream.write_all(head.as_bytes()).await?;
    stream.write_all(page.body.as_bytes()).await?;
    unread::close(stream).await;
    Ok(())
}
