//! As much of HTTP as a page of our own needs: one request a connection, of a few lines, without a body.
//!
//! Everything that can reach the port is read here, so little is taken: two methods, a path of plain letters, and of the
//! headers those that say who asks. What is not understood is refused.

/// The most bytes of a request.
pub const REQUEST_MAX: usize = 16 << 10;

/// A request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    pub method: Method,
    /// The path, without what stands behind a question mark.
    pub path: String,
    /// What stands behind it.
    pub query: String,
    pub host: String,
    /// The page that asks, where the browser says so.
    pub origin: Option<String>,
    /// How that page is related to this address, where the browser says so.
    pub site: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    Get,
    Post,
}

/// Where the head of a request ends, if it is all there.
pub fn end_of_head(bytes: &[u8]) -> Option<usize> {
    bytes.windows(4).position(|four| four == b"\r\n\r\n")
}

/// The request with this head; none where it is not understood.
pub fn request(head: &[u8]) -> Option<Request> {
    let is_plain = |byte: &u8| matches!(byte, b' '..=b'~' | b'\r' | b'\n');
    let head = str::from_utf8(head).ok()?;
    if !head.as_bytes().iter().all(is_plain) {
        return None;
    }
    let mut lines = head.split("\r\n");
    let mut words = lines.next()?.split(' ');
    let (method, target, version) = (words.next()?, words.next()?, words.next()?);
    if words.next().is_some() || !matches!(version, "HTTP/1.1" | "HTTP/1.0") {
        return None;
    }
    let method = match method {
        "GET" => Method::Get,
        "POST" => Method::Post,
        _ => return None,
    };
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let mut request = Request {
        method,
        path: path.to_owned(),
        query: query.to_owned(),
        host: String::new(),
        origin: None,
        site: None,
    };
    let mut hosts = 0;
    for line in lines {
        let (name, value) = line.split_once(':')?;
        let value = value.trim().to_owned();
        match name.to_ascii_lowercase().as_str() {
            "host" => {
                hosts += 1;
                request.host = value;
            }
            "origin" if request.origin.is_none() => request.origin = Some(value),
            "sec-fetch-site" if request.site.is_none() => request.site = Some(value),
            // Said twice, nobody knows which one is meant.
            "origin" | "sec-fetch-site" => return None,
            _ => {}
        }
    }
    (hosts == 1).then_some(request)
}

impl Request {
    /// Whether this address itself asks: the page that it gave, or somebody who opens it. A page of another origin does
    /// not, whatever its name leads to.
    pub fn is_own(&self, authority: &str) -> bool {
        let origin = format!("http://{authority}");
        let by_origin = match (&self.origin, self.method) {
            (Some(asks), _) => *asks == origin,
            (None, Method::Get) => true,
            (None, Method::Post) => false,
        };
        let by_site = match (self.site.as_deref(), self.method) {
            (None | Some("same-origin"), _) | (Some("none"), Method::Get) => true,
            (Some(_), _) => false,
        };
        self.host == authority && by_origin && by_site
    }

    /// The number of this name in the query.
    pub fn number(&self, name: &str) -> Option<usize> {
        let mut pairs = self
            .query
            .split('&')
            .filter_map(|pair| pair.split_once('='));
        let (_, value) = pairs.find(|(key, _)| *key == name)?;
        value.parse().ok()
    }
}

/// What is answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// A document.
    Page(String),
    /// JSON.
    Data(String),
    /// Nothing is there.
    Absent,
    /// It is not for whoever asks.
    Refused,
    /// It is not understood.
    Bad,
}

impl Answer {
    /// As bytes.
    pub fn bytes(&self) -> Vec<u8> {
        let (status, kind, body) = match self {
            Answer::Page(page) => ("200 OK", "text/html; charset=utf-8", page.as_str()),
            Answer::Data(data) => ("200 OK", "application/json", data.as_str()),
            Answer::Absent => ("404 Not Found", "text/plain", "there is nothing here\n"),
            Answer::Refused => ("403 Forbidden", "text/plain", "this is not for you\n"),
            Answer::Bad => ("400 Bad Request", "text/plain", "this is not understood\n"),
        };
        let head = format!(
            "HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {}\r\nConnection: close\r\n\
             Cache-Control: no-store\r\nX-Content-Type-Options: nosniff\r\nX-Frame-Options: DENY\r\n\
             Referrer-Policy: no-referrer\r\nCross-Origin-Resource-Policy: same-origin\r\n\
             Cross-Origin-Opener-Policy: same-origin\r\n\r\n",
            body.len()
        );
        [head.as_bytes(), body.as_bytes()].concat()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OWN: &str = "127.0.0.1:4711";

    fn read(lines: &[&str]) -> Option<Request> {
        request(lines.join("\r\n").as_bytes())
    }

    #[test]
    fn a_browser_that_opens_the_page_is_answered() {
        let asks = read(&[
            "GET /t/?a=1&b=x HTTP/1.1",
            "Host: 127.0.0.1:4711",
            "Accept: */*",
        ]);
        let asks = asks.expect("it is a request");
        assert_eq!(
            (asks.path.as_str(), asks.number("a"), asks.number("b")),
            ("/t/", Some(1), None)
        );
        assert!(asks.is_own(OWN));
        let asks = read(&[
            "GET /t/ HTTP/1.1",
            "host:127.0.0.1:4711",
            "Sec-Fetch-Site: none",
        ]);
        assert!(asks.is_some_and(|it| it.is_own(OWN)));
    }

    #[test]
    fn the_page_itself_may_ask_and_no_other() {
        let own = "Host: 127.0.0.1:4711";
        let asks = |lines: &[&str]| {
            let lines = [&["POST /t/states HTTP/1.1"], lines].concat();
            read(&lines).is_some_and(|it| it.is_own(OWN))
        };
        assert!(asks(&[own, "Origin: http://127.0.0.1:4711"]));
        assert!(asks(&[
            own,
            "Origin: http://127.0.0.1:4711",
            "Sec-Fetch-Site: same-origin"
        ]));
        for other in [
            &[own][..],
            &[own, "Origin: http://evil.example"],
            &[own, "Origin: null"],
            &[own, "Origin: https://127.0.0.1:4711"],
            &[own, "Origin: http://127.0.0.1:4712"],
            &[
                own,
                "Origin: http://127.0.0.1:4711",
                "Sec-Fetch-Site: cross-site",
            ],
            &[
                own,
                "Origin: http://127.0.0.1:4711",
                "Origin: http://evil.example",
            ],
            // A name that leads here now.
            &[
                "Host: evil.example:4711",
                "Origin: http://evil.example:4711",
            ],
            &["Host: localhost:4711", "Origin: http://127.0.0.1:4711"],
            &[
                "Host: 127.0.0.1:4711",
                "Host: 127.0.0.1:4711",
                "Origin: http://127.0.0.1:4711",
            ],
            &["Origin: http://127.0.0.1:4711"],
        ] {
            assert!(!asks(other), "{other:?}");
        }
        // Not even to look.
        let looks = read(&["GET /t/ HTTP/1.1", own, "Sec-Fetch-Site: cross-site"]);
        assert!(looks.is_some_and(|it| !it.is_own(OWN)));
        let looks = read(&["GET /t/ HTTP/1.1", "Host: evil.example"]);
        assert!(looks.is_some_and(|it| !it.is_own(OWN)));
    }

    #[test]
    fn what_is_no_request_is_refused() {
        for odd in [
            &[""][..],
            &["GET"],
            &["GET /"],
            &["GET / HTTP/2", "Host: a"],
            &["PUT / HTTP/1.1", "Host: a"],
            &["GET / / HTTP/1.1", "Host: a"],
            &["GET / HTTP/1.1"],
            &["GET / HTTP/1.1", "Host a"],
            &["GET /\u{7f} HTTP/1.1", "Host: a"],
        ] {
            assert_eq!(read(odd), None, "{odd:?}");
        }
    }
}
