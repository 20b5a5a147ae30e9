//! The body of a message, and the files in it.
//!
//! In: pieces of a body as transferred. Out: what `http.request_body` and `file.data` look at. The body of a response is one
//! file, with its content coding undone; so is that of a POST or PUT, unless it is a form, in which each part with a file
//! name is a file.

use super::super::body::{Files, RequestBody, Sizes};
use super::decoding::{Decoders, Over};
use super::message::Http1Tx;
use super::progress;
use super::text::{is_space, split_while};
use memchr::memmem;

/// Longer boundaries make no form. Suricata: `HTP_BOUNDARY_MAX`.
const BOUNDARY_BYTES_MAX: usize = 200;

/// A body under way, or over.
#[derive(Debug, Default)]
pub(super) struct Body {
    /// What `http.request_body` sees.
    pub(super) request: RequestBody,
    pub(super) files: Files,
    /// Bytes of a response that rules could see, its coding undone.
    received: u64,
    /// A file is under way.
    has_file: bool,
    /// How a response is coded.
    pub(super) coding: Option<Decoders>,
    kind: Kind,
    /// How much of a form has been read.
    read: usize,
}

/// What the body of a request is.
#[derive(Debug, Default)]
enum Kind {
    /// Nothing has come of it.
    #[default]
    Unknown,
    /// One file.
    File,
    /// A form with this between its parts.
    Form(Vec<u8>),
    /// No file.
    Other,
}

impl Http1Tx {
    /// Takes a piece of the request's body.
    pub(super) fn keep_request_body(&mut self, data: &[u8]) {
        if data.is_empty() {
            return;
        }
        if matches!(self.request.body.kind, Kind::Unknown) {
            self.request.body.kind = self.kind_of_request();
        }
        let is_past = self.request.progress > progress::BODY;
        let limit = self.config.bodies.request;
        let sizes = limit.sizes;
        let Body { request, files, has_file, kind, read, .. } = &mut self.request.body;
        let room = limit.room(request.len(), data);
        if room == 0 {
            if std::mem::take(has_file) {
                files.close(false);
            }
            return;
        }
        let data = data.get(..room).unwrap_or(data);
        request.append(data);
        match kind {
            Kind::File if *has_file => files.append(data),
            Kind::File if self.has_path => {
                files.open(sizes);
                files.append(data);
                *has_file = true;
            }
            Kind::Form(boundary) => Form { boundary, files, sizes, has_file, read }.take(request.bytes(), is_past),
            Kind::File | Kind::Other | Kind::Unknown => {}
        }
    }

    fn kind_of_request(&self) -> Kind {
        match self.method.as_deref() {
            Some(b"PUT") => Kind::File,
            Some(b"POST") => {
                let kind = self.request.headers.get(b"Content-Type");
                match kind.and_then(|kind| parameter(kind, b"boundary=")) {
                    None => Kind::File,
                    Some(boundary) if boundary.len() < BOUNDARY_BYTES_MAX => Kind::Form(boundary.to_vec()),
                    Some(_) => Kind::Other,
                }
            }
            _ => Kind::Other,
        }
    }

    /// The request is over.
    pub(super) fn end_request_body(&mut self) {
        if std::mem::take(&mut self.request.body.has_file) {
            self.request.body.files.close(true);
        }
    }

    /// Takes a piece of the response's body as transferred. What is undone of it is kept only when `kept`, but in any case it
    /// is something new.
    pub(super) fn keep_response_body(&mut self, data: &[u8], kept: bool) -> Result<(), Over> {
        let Some(mut coding) = self.response.body.coding.take() else {
            self.keep_decoded(data, kept);
            return Ok(());
        };
        let result = coding.take(data, |block| self.keep_decoded(block, kept));
        self.response.body.coding = Some(coding);
        result
    }

    /// Bytes of the response's body are missing. As in libhtp what follows them cannot be undone any more.
    pub(super) fn skip_response_body(&mut self, kept: bool) {
        if self.response.body.coding.is_some() {
            self.end_coding(kept);
        } else {
            self.response.updated = true;
            self.response.body.files.gap();
        }
    }

    /// The body of the response is over, be it before its announced end.
    pub(super) fn end_coding(&mut self, kept: bool) {
        if let Some(mut coding) = self.response.body.coding.take() {
            coding.finish(|block| self.keep_decoded(block, kept));
            self.response.body.coding = Some(coding);
        }
    }

    /// The response is over.
    pub(super) fn end_response_body(&mut self, kept: bool) {
        self.end_coding(kept);
        if std::mem::take(&mut self.response.body.has_file) {
            self.response.body.files.close(true);
        }
    }

    fn keep_decoded(&mut self, data: &[u8], kept: bool) {
        if data.is_empty() {
            return;
        }
        self.response.updated = true;
        if !kept {
            return;
        }
        let names_file = || {
            let disposition = self.response.headers.get(b"Content-Disposition");
            self.has_path || disposition.is_some_and(|value| parameter(value, b"filename=").is_some())
        };
        let opens = !self.response.body.has_file && names_file();
        let body = &mut self.response.body;
        let room = self.config.bodies.response.room(body.received, data);
        if room == 0 {
            if std::mem::take(&mut body.has_file) {
                body.files.close(false);
            }
            return;
        }
        let data = data.get(..room).unwrap_or(data);
        body.received += data.len() as u64;
        if opens {
            body.files.open(self.config.bodies.response.sizes);
            body.has_file = true;
        }
        if body.has_file {
            body.files.append(data);
        }
    }
}

/// A form under way.
struct Form<'f> {
    boundary: &'f [u8],
    files: &'f mut Files,
    sizes: Sizes,
    has_file: &'f mut bool,
    read: &'f mut usize,
}

impl Form<'_> {
    /// Reads on in `body`, all of what has come; `is_past`: the request has gone on to what follows its body.
    ///
    /// As in Suricata what is read is the part behind [`Body::read`], again and again until it holds enough.
    fn take(&mut self, body: &[u8], is_past: bool) {
        let Some(chunk) = body.get(*self.read..).filter(|chunk| !chunk.is_empty()) else { return };
        let boundary = [b"--", self.boundary].concat();
        let end_boundary = [&boundary[..], b"--"].concat();
        let find = |from: usize, what: &[u8]| Some(memmem::find(chunk.get(from..)?, what)? + from);
        let mut start = find(0, &boundary);
        let mut head_end = start.and_then(|start| find(start, b"\r\n\r\n"));
        let form_end = start.and_then(|start| find(start, &end_boundary));
        if *self.has_file {
            if start.is_none() && !is_past {
                if chunk.len() > end_boundary.len() {
                    let len = file_part(chunk, chunk.len() - boundary.len());
                    self.files.append(chunk.get(..len).unwrap_or_default());
                    *self.read += len;
                }
                return;
            }
            let len = if is_past { chunk.len() } else { start.map_or(0, |start| start.saturating_sub(2)) };
            self.files.append(chunk.get(..len).unwrap_or_default());
            self.files.close(!is_past);
            *self.has_file = false;
        }
        while let (Some(begin), Some(end)) = (start, head_end)
            && head_end != form_end
            && begin < end
        {
            let head = chunk.get(begin..end).unwrap_or_default();
            let fields = head.get(boundary.len() + 2..).unwrap_or(head);
            if head.len() != boundary.len() && names_file(fields) {
                *self.has_file = true;
                if !self.part(chunk, end, form_end, &boundary) {
                    return;
                }
            }
            start = find(end + 4, &boundary);
            if start.is_some() {
                head_end = find(end + 4, b"\r\n\r\n");
            }
        }
        if form_end.is_none() && !*self.has_file && start.is_none() && chunk.len() > end_boundary.len() {
            *self.read += chunk.len() - end_boundary.len() + 1;
        }
    }

    /// Takes the file whose head ends at `head_end` of `chunk`; `false`: there is nothing more to be read now.
    fn part(&mut self, chunk: &[u8], head_end: usize, form_end: Option<usize>, boundary: &[u8]) -> bool {
        let begin = head_end + 4;
        let data = chunk.get(begin..).unwrap_or_default();
        let next = memmem::find(data, boundary);
        if let Some(form_end) = form_end {
            let Some(len) = form_end.checked_sub(begin + 2) else { return false };
            let len = match next {
                Some(next) if next + boundary.len() <= len => next.saturating_sub(2),
                _ => len,
            };
            self.whole_file(data.get(..len).unwrap_or_default(), head_end);
            return true;
        }
        match next {
            None => {
                let len =
                    if data.len() >= boundary.len() + 2 { file_part(data, data.len() - boundary.len() - 1) } else { 0 };
                self.files.open(self.sizes);
                self.files.append(data.get(..len).unwrap_or_default());
                *self.read += begin + len;
            }
            Some(next) if next > 2 => self.whole_file(data.get(..next - 2).unwrap_or_default(), head_end),
            Some(_) => {}
        }
        true
    }

    fn whole_file(&mut self, data: &[u8], head_end: usize) {
        self.files.open(self.sizes);
        self.files.append(data);
        self.files.close(true);
        *self.has_file = false;
        *self.read += head_end;
    }
}

/// How much of `data` is surely part of a file: up to a line end behind `from` with which a boundary may begin.
fn file_part(data: &[u8], from: usize) -> usize {
    (from..data.len())
        .find(|&at| data.get(at) == Some(&b'\r') && data.get(at + 1).is_none_or(|&next| next == b'\n'))
        .unwrap_or(data.len())
}

/// The head of a part of a form names a file.
fn names_file(head: &[u8]) -> bool {
    const DISPOSITION: &[u8] = b"content-disposition:";
    let mut named = false;
    let mut rest = head;
    while !rest.is_empty() {
        let end = memmem::find(rest, b"\r\n");
        let line = rest.get(..end.unwrap_or(rest.len())).unwrap_or_default();
        // a line whose first colon is its end says nothing
        if line.iter().position(|&byte| byte == b':').is_some_and(|at| at + 1 < line.len())
            && let Some((name, value)) = line.split_at_checked(DISPOSITION.len())
            && name.eq_ignore_ascii_case(DISPOSITION)
        {
            named |= parameter(value, b"filename=").is_some();
        }
        let Some(end) = end else { break };
        rest = rest.get(end + 2..).unwrap_or_default();
    }
    named
}

/// The value of a parameter, without quotes; `None` when it is not there or empty.
fn parameter<'v>(value: &'v [u8], name: &[u8]) -> Option<&'v [u8]> {
    let (_, line) = split_while(value, is_space);
    let (mut n_quotes, mut begin, mut at) = (0_usize, 0, 1);
    while at < line.len() {
        let escaped = line.get(at - 1) == Some(&b'\\');
        n_quotes += usize::from(!escaped && line.get(at) == Some(&b'"'));
        let is_last = at + 1 == line.len();
        if ((!escaped && line.get(at) == Some(&b';')) || is_last) && n_quotes.is_multiple_of(2) {
            let token = line.get(begin..at + usize::from(is_last)).unwrap_or_default();
            begin = at + 1;
            while line.get(begin).copied().is_some_and(is_space) {
                begin += 1;
                at += 1;
            }
            if token.len() > name.len()
                && let Some((key, value)) = token.split_at_checked(name.len())
                && key.eq_ignore_ascii_case(name)
            {
                let value = value.strip_prefix(b"\"").unwrap_or(value);
                return Some(value.strip_suffix(b"\"").unwrap_or(value));
            }
        }
        at += 1;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::super::super::body::{Manner, Use};
    use super::*;

    fn form(pieces: &[&str]) -> Vec<(String, bool)> {
        let mut tx = Http1Tx::default();
        tx.request.body.kind = Kind::Form(b"b".to_vec());
        for piece in pieces {
            tx.keep_request_body(piece.as_bytes());
        }
        let windows = tx.request.body.files.windows(Manner::Inline, Use::File);
        windows.map(|window| (String::from_utf8_lossy(window.bytes).into_owned(), window.is_end)).collect()
    }

    #[test]
    fn parts_of_a_form_with_a_name_are_files() {
        let head = "--b\r\nContent-Disposition: form-data; name=\"x\"; filename=\"y\"\r\n\r\n";
        let field = "--b\r\nContent-Disposition: form-data; name=\"z\"\r\n\r\nvalue\r\n";
        let whole = format!("{head}hello\r\n{field}{head}world\r\n--b--\r\n");
        let file = |text: &str| (text.to_owned(), true);
        assert_eq!(form(&[&whole]), [file("hello"), file("world")]);
        assert_eq!(form(&[head, "hello wo", "rld\r\n", "--b--"]), [file("hello world")]);
        assert!(form(&[field, "--b--"]).is_empty());
    }

    #[test]
    fn parameters_are_read_with_and_without_quotes() {
        assert_eq!(parameter(b" attachment; filename=\"a;b\"", b"filename="), Some(&b"a;b"[..]));
        assert_eq!(parameter(b"multipart/form-data; Boundary=xyz", b"boundary="), Some(&b"xyz"[..]));
        assert_eq!(parameter(b"filename=", b"filename="), None);
    }
}
