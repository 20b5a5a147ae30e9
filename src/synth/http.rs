//! One HTTP/1.1 request and its answer.

use super::Shorthand;

/// A request as curl sends it.
pub(super) fn request(wanted: &Shorthand) -> Vec<u8> {
    let target = &wanted.target;
    let port = if target.default_port() == Some(target.port) { String::new() } else { format!(":{}", target.port) };
    let host = wanted.host.clone().unwrap_or_else(|| format!("{}{port}", target.host));
    format!("GET {} HTTP/1.1\r\nHost: {host}\r\nUser-Agent: curl/8.5.0\r\nAccept: */*\r\n\r\n", target.path)
        .into_bytes()
}

/// A short answer.
pub(super) fn response() -> Vec<u8> {
    let body = "ok\n";
    format!(
        "HTTP/1.1 200 OK\r\nServer: nginx\r\nDate: Thu, 01 Jan 2026 00:00:00 GMT\r\nContent-Type: text/plain\r\n\
         Content-Length: {}\r\nConnection: close\r\n\r\n{body}",
        body.len()
    )
    .into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unusual_port_is_in_the_host_header() {
        let text = |url: &str| String::from_utf8(request(&url.parse().unwrap())).unwrap();
        assert!(text("http://a.example:8080/x").starts_with("GET /x HTTP/1.1\r\nHost: a.example:8080\r\n"));
        assert!(text("http://a.example:8080/ host=b.example").contains("Host: b.example\r\n"));
        assert!(text("http://[2001:db8::1]/").contains("Host: [2001:db8::1]\r\n"));
    }
}
