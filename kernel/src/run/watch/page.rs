//! The page of a notebook that is watched: served on this machine alone, to those who have the address with its token. It
//! loads itself anew when what it shows has changed. What it shows is made elsewhere.

use std::collections::HashMap;
use std::fs::File;
use std::io::{Cursor, Read};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use tiny_http::{Header, Method, Request, Response, Server};

/// What a page shows.
pub(super) trait View: Send + Sync {
    /// The page as it is now, and a word for that state.
    fn page(&self) -> (String, String);
    /// Waits until it is in another state than this, or for a while; is it in another?
    fn wait(&self, state: &str) -> bool;
}

/// Asks whether there is something new, and loads the page again.
const SCRIPT: &str = include_str!("page.js");

/// How long a question waits for something new.
pub(super) const PATIENCE: Duration = Duration::from_secs(20);

/// A server for one page.
pub(super) struct Page {
    server: Arc<Server>,
    /// Where it is, with the token.
    pub(super) address: String,
}

impl Page {
    /// Serves it on a port of this machine; on a free one when none is named.
    ///
    /// # Errors
    /// When the port cannot be had, for the user.
    pub(super) fn serve(port: Option<u16>, view: Arc<dyn View>) -> Result<Self, String> {
        let wanted = port.unwrap_or(0);
        let server = Server::http(("127.0.0.1", wanted)).map_err(|e| {
            format!("no page on port {wanted} of this machine: {e}; --port takes another, --no-page none")
        })?;
        let port = server.server_addr().to_ip().map_or(wanted, |address| address.port());
        let token = token().map_err(|e| format!("no random token for the page: {e}; --no-page goes without"))?;
        let address = format!("http://127.0.0.1:{port}/?token={token}");
        let server = Arc::new(server);
        let theirs = server.clone();
        let accept = move || {
            for request in theirs.incoming_requests() {
                let view = view.clone();
                match refused(&request, &token) {
                    Some((status, why)) => answer(request, status, "text/plain", why.to_owned()),
                    None => drop(thread::Builder::new().name("page".into()).spawn(move || serve(request, &*view))),
                }
            }
        };
        thread::Builder::new()
            .name("pages".into())
            .spawn(accept)
            .map_err(|e| format!("no thread for the page: {e}"))?;
        Ok(Self { server, address })
    }
}

impl Drop for Page {
    fn drop(&mut self) {
        self.server.unblock();
    }
}

/// 128 random bits.
fn token() -> std::io::Result<String> {
    let mut bytes = [0_u8; 16];
    File::open("/dev/urandom")?.read_exact(&mut bytes)?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}

/// Why a request gets nothing: whoever else is on this machine can reach the port, and so can pages in the user's own browser.
fn refused(request: &Request, token: &str) -> Option<(u16, &'static str)> {
    if *request.method() != Method::Get {
        return Some((405, "only GET is answered here\n"));
    }
    let host = request.headers().iter().find(|header| header.field.equiv("Host"));
    let host = host.map_or("", |header| header.value.as_str());
    let name = host.rsplit_once(':').map_or(host, |(name, _)| name);
    if !["127.0.0.1", "localhost", "[::1]"].contains(&name) {
        return Some((403, "this page is for this machine\n"));
    }
    let given = query(request.url()).remove("token").unwrap_or_default();
    let same = given.len() == token.len() && given.bytes().zip(token.bytes()).fold(0, |all, (a, b)| all | (a ^ b)) == 0;
    (!same).then_some((403, "open the address that `ferrolab watch` has printed\n"))
}

fn query(url: &str) -> HashMap<&str, &str> {
    let pairs = url.split_once('?').map_or("", |(_, query)| query).split('&');
    pairs.filter_map(|pair| pair.split_once('=')).collect()
}

fn serve(request: Request, view: &dyn View) {
    let url = request.url().to_owned();
    match url.split('?').next() {
        Some("/") => {
            let (page, state) = view.page();
            let script = SCRIPT.replace("STATE", &state);
            let page = match page.rfind("</body>") {
                Some(at) => format!("{}<script>\n{script}</script>\n{}", &page[..at], &page[at..]),
                None => page,
            };
            answer(request, 200, "text/html; charset=utf-8", page);
        }
        Some("/changes") => {
            let changed = view.wait(query(&url).get("since").unwrap_or(&""));
            answer(request, 200, "text/plain", if changed { "changed" } else { "same" }.to_owned());
        }
        _ => answer(request, 404, "text/plain", "there is nothing here\n".to_owned()),
    }
}

fn answer(request: Request, status: u16, kind: &str, body: String) {
    let mut response: Response<Cursor<Vec<u8>>> = Response::from_string(body).with_status_code(status);
    let headers = [
        ("Content-Type", kind),
        ("Cache-Control", "no-store"),
        ("Referrer-Policy", "no-referrer"),
        ("X-Content-Type-Options", "nosniff"),
        ("X-Frame-Options", "DENY"),
    ];
    for (name, value) in headers {
        if let Ok(header) = Header::from_bytes(name, value) {
            response.add_header(header);
        }
    }
    // A browser that went away needs no answer.
    drop(request.respond(response));
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;
    use std::net::TcpStream;

    struct Still;

    impl View for Still {
        fn page(&self) -> (String, String) {
            ("<html><body>text</body></html>".to_owned(), "7-1".to_owned())
        }
        fn wait(&self, state: &str) -> bool {
            state != "7-1"
        }
    }

    fn ask(port: &str, line: &str, host: &str) -> String {
        let mut stream = TcpStream::connect(format!("127.0.0.1:{port}")).expect("a connection");
        write!(stream, "{line} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n").expect("sent");
        let mut said = String::new();
        stream.read_to_string(&mut said).expect("an answer");
        said
    }

    #[test]
    fn only_who_has_the_address_sees_the_page() {
        let page = Page::serve(None, Arc::new(Still)).expect("a page");
        let rest = page.address.strip_prefix("http://127.0.0.1:").expect("on this machine");
        let (port, path) = rest.split_once('/').expect("a path");
        let shown = ask(port, &format!("GET /{path}"), "127.0.0.1:1");
        assert!(
            shown.starts_with("HTTP/1.1 200") && shown.contains("since=7-1") && shown.contains("</script>"),
            "{shown}"
        );
        let token = path.trim_start_matches("?token=");
        for (line, host) in [
            ("GET /".to_owned(), "127.0.0.1"),
            (format!("GET /?token={}", token.replace(|c| c != '0', "0")), "127.0.0.1"),
            (format!("GET /?token={token}0"), "localhost"),
            (format!("GET /?token={token}"), "elsewhere.example"),
        ] {
            let said = ask(port, &line, host);
            assert!(said.starts_with("HTTP/1.1 403") && !said.contains("text</body>"), "{line} {host}: {said}");
        }
        assert!(ask(port, &format!("POST /?token={token}"), "localhost").starts_with("HTTP/1.1 405"));
        assert!(ask(port, &format!("GET /changes?token={token}&since=7-1"), "localhost").ends_with("same"));
        assert!(ask(port, &format!("GET /changes?token={token}&since=6-1"), "localhost").ends_with("changed"));
    }
}
