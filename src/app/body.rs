//! Bodies and files in transfer: the part of them that rules may still look at, and what they look at in it.
//!
//! In: pieces of a body as its parser finds them. Out: [`Window`]s. A rule sees all of a body while that is short, then what
//! is new together with a little of what came before it, so that a pattern across two packets is found; what no window
//! reaches any more is forgotten. Whether a look makes a body count as looked at depends on its size and its kind, and all
//! looks at a transaction while one packet is judged see the same window.

use std::cell::Cell;

/// A part of a body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Window<'a> {
    pub(crate) bytes: &'a [u8],
    /// Where in the body the part begins.
    pub(crate) offset: u64,
    /// Nothing follows it.
    pub(crate) is_end: bool,
}

impl<'a> Window<'a> {
    /// A buffer that is there as a whole.
    pub(crate) fn whole(bytes: &'a [u8]) -> Self {
        Self { bytes, offset: 0, is_end: true }
    }
}

/// How much of HTTP bodies rules see. AWS's values are not known; these are those of Suricata's example configuration.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BodyLimits {
    /// Of requests.
    pub request: BodyLimit,
    /// Of responses.
    pub response: BodyLimit,
    /// Codings of one response that are undone; 0 = all. Suricata: `response-body-decompress-layer-limit`. Default 2.
    pub layers: u8,
}

impl Default for BodyLimits {
    fn default() -> Self {
        Self {
            request: BodyLimit { bytes: 102_400, sizes: Sizes::REQUEST },
            response: BodyLimit { bytes: 102_400, sizes: Sizes::RESPONSE },
            layers: 2,
        }
    }
}

/// How much of the bodies of one side rules see.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BodyLimit {
    /// What is kept of a body, in bytes; 0 = all. Suricata: `request-body-limit`, `response-body-limit`. Default 100 KiB.
    pub bytes: u32,
    /// What rules see at once.
    pub sizes: Sizes,
}

impl BodyLimit {
    /// How much of `data` there is room for behind `kept` bytes.
    pub(super) fn room(self, kept: u64, data: &[u8]) -> usize {
        if self.bytes == 0 {
            return data.len();
        }
        let room = u64::from(self.bytes).saturating_sub(kept);
        data.len().min(usize::try_from(room).unwrap_or(usize::MAX))
    }
}

/// How much of a body rules see at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sizes {
    /// Up to this size they see all of it. Suricata: `request-body-minimal-inspect-size` and its like for responses.
    pub min: u32,
    /// Later so much, unless more is new. Suricata: `request-body-inspect-window` and its like for responses.
    pub window: u32,
}

impl Sizes {
    /// Suricata: `request-body-minimal-inspect-size`, `request-body-inspect-window`; the same numbers are built in for files
    /// of other protocols.
    pub(super) const REQUEST: Self = Self { min: 32 * 1024, window: 4 * 1024 };
    /// Suricata: `response-body-minimal-inspect-size`, `response-body-inspect-window`.
    pub(super) const RESPONSE: Self = Self { min: 40 * 1024, window: 16 * 1024 };

    /// Where a window begins when everything before `inspected` was looked at and the body ends at `size`.
    fn begin(self, inspected: u64, size: u64) -> u64 {
        let (new, window) = (size - inspected, u64::from(self.window));
        let before = if new < window { window - new } else { window / 4 };
        inspected.saturating_sub(before)
    }
}

/// What the rules that look at a packet have made of a body so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Seen {
    /// None has looked.
    #[default]
    No,
    /// There is nothing to look at.
    Nothing,
    /// They see everything from here on.
    From(u64),
}

/// The body of a request as `http.request_body` sees it. It is bounded, so all of it is kept.
#[derive(Debug, Default)]
pub(super) struct RequestBody {
    bytes: Vec<u8>,
    inspected: Cell<u64>,
    seen: Cell<Seen>,
}

impl RequestBody {
    pub(super) fn len(&self) -> u64 {
        self.bytes.len() as u64
    }

    pub(super) fn append(&mut self, data: &[u8]) {
        self.bytes.extend_from_slice(data);
    }

    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    pub(super) fn window(&self, sizes: Sizes, is_end: bool) -> Option<Window<'_>> {
        let size = self.bytes.len() as u64;
        let seen = match self.seen.get() {
            Seen::No if self.inspected.get() == size => Seen::Nothing,
            Seen::No => {
                let inspected = self.inspected.replace(size);
                Seen::From(if inspected > u64::from(sizes.min) { sizes.begin(inspected, size) } else { 0 })
            }
            seen => seen,
        };
        self.seen.set(seen);
        let Seen::From(offset) = seen else { return None };
        Some(Window { bytes: self.bytes.get(usize::try_from(offset).ok()?..)?, offset, is_end })
    }

    pub(super) fn end_looks(&self) {
        self.seen.take();
    }
}

/// How a file stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Open,
    Closed,
    /// It was closed without its end.
    Truncated,
}

/// A file in transfer as `file.data` sees it.
#[derive(Debug)]
struct File {
    /// What is kept of it.
    bytes: Vec<u8>,
    /// Where that begins.
    start: u64,
    sizes: Sizes,
    state: State,
    has_gaps: bool,
    inspected: Cell<u64>,
    /// By [`Use`].
    seen: [Cell<Seen>; 2],
}

/// What a file is looked at as. Each sees what no other has used up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Use {
    /// `file.data`
    File,
    /// `http.request_body` of HTTP/2.
    RequestBody,
}

impl File {
    fn size(&self) -> u64 {
        self.start + self.bytes.len() as u64
    }

    fn window(&self, manner: Manner, used_as: Use) -> Option<Window<'_>> {
        let [as_file, as_body] = &self.seen;
        let seen = if used_as == Use::File { as_file } else { as_body };
        if seen.get() == Seen::No {
            seen.set(self.look(manner));
        }
        let Seen::From(offset) = seen.get() else { return None };
        let from = usize::try_from(offset.checked_sub(self.start)?).ok()?;
        let bytes = self.bytes.get(from..).filter(|bytes| !bytes.is_empty())?;
        Some(Window { bytes, offset, is_end: self.state == State::Closed })
    }

    fn look(&self, manner: Manner) -> Seen {
        let (size, inspected) = (self.size(), self.inspected.get());
        if inspected == size {
            return Seen::Nothing;
        }
        match manner {
            Manner::Inline => {
                if size >= u64::from(self.sizes.min) {
                    self.inspected.set(size);
                }
                Seen::From(if inspected == 0 { 0 } else { self.sizes.begin(inspected, size) })
            }
            Manner::Gathered { waits } => {
                if waits && size < u64::from(self.sizes.min) && self.state == State::Open {
                    return Seen::Nothing;
                }
                self.inspected.set(size);
                Seen::From(inspected)
            }
        }
    }

    /// Forgets what no window will reach any more; `false` when that is everything.
    fn prune(&mut self) -> bool {
        if self.state != State::Open {
            return false;
        }
        let size = self.size();
        let inspected = self.inspected.get().min(size);
        let Sizes { min, window } = self.sizes;
        let window = u64::from(if self.start == 0 { min.max(window) } else { window });
        if size - self.start > window * 3 {
            self.inspected.set(inspected.max(size - window));
        }
        let begin = inspected.saturating_sub(window);
        if let Some(over) = begin.checked_sub(self.start).and_then(|over| usize::try_from(over).ok()) {
            self.bytes.drain(..over.min(self.bytes.len()));
            self.start = begin;
        }
        true
    }
}

/// When rules look at files.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Manner {
    /// As soon as something has come: HTTP/1.
    Inline,
    /// Every byte once: other protocols.
    Gathered {
        /// When enough has come or the file has ended.
        waits: bool,
    },
}

/// The files of one direction of a transaction, oldest first.
#[derive(Debug, Default)]
pub(super) struct Files(Vec<File>);

/// Files of one direction of a transaction that rules may look at.
const FILES_MAX: usize = 1024;

impl Files {
    /// Begins a file.
    pub(super) fn open(&mut self, sizes: Sizes) {
        if self.0.len() < FILES_MAX {
            self.0.push(File {
                bytes: Vec::new(),
                start: 0,
                sizes,
                state: State::Open,
                has_gaps: false,
                inspected: Cell::default(),
                seen: Default::default(),
            });
        }
    }

    fn under_way(&mut self) -> Option<&mut File> {
        self.0.last_mut().filter(|file| file.state == State::Open)
    }

    /// Adds to the file under way.
    pub(super) fn append(&mut self, data: &[u8]) {
        if let Some(file) = self.under_way() {
            file.bytes.extend_from_slice(data);
        }
    }

    /// Bytes of the file under way are missing.
    pub(super) fn gap(&mut self) {
        if let Some(file) = self.under_way() {
            file.has_gaps = true;
        }
    }

    /// Ends the file under way.
    pub(super) fn close(&mut self, is_whole: bool) {
        if let Some(file) = self.under_way() {
            file.state = if is_whole && !file.has_gaps { State::Closed } else { State::Truncated };
        }
    }

    /// What rules look at now.
    pub(super) fn windows(&self, manner: Manner, used_as: Use) -> impl Iterator<Item = Window<'_>> {
        self.0.iter().filter_map(move |file| file.window(manner, used_as))
    }

    pub(super) fn end_looks(&self) {
        for file in &self.0 {
            for seen in &file.seen {
                seen.take();
            }
        }
    }

    /// Rules have looked: forgets what they will not look at again.
    pub(super) fn prune(&mut self) {
        self.0.retain_mut(File::prune);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn offsets(files: &mut Files, manner: Manner) -> Vec<(u64, usize, bool)> {
        let windows =
            files.windows(manner, Use::File).map(|window| (window.offset, window.bytes.len(), window.is_end)).collect();
        files.end_looks();
        files.prune();
        windows
    }

    #[test]
    fn a_short_body_is_looked_at_as_a_whole_each_time() {
        let mut files = Files::default();
        files.open(Sizes::RESPONSE);
        files.append(&[0; 1000]);
        assert_eq!(offsets(&mut files, Manner::Inline), [(0, 1000, false)]);
        files.append(&[0; 1000]);
        files.close(true);
        assert_eq!(offsets(&mut files, Manner::Inline), [(0, 2000, true)]);
        assert!(offsets(&mut files, Manner::Inline).is_empty());
    }

    #[test]
    fn a_long_body_is_looked_at_in_windows() {
        let mut files = Files::default();
        files.open(Sizes::RESPONSE);
        files.append(&vec![0; 50_000]);
        assert_eq!(offsets(&mut files, Manner::Inline), [(0, 50_000, false)]);
        assert!(offsets(&mut files, Manner::Inline).is_empty());
        files.append(&[0; 1000]);
        assert_eq!(offsets(&mut files, Manner::Inline), [(51_000 - 16_384, 16_384, false)]);
        files.append(&vec![0; 20_000]);
        assert_eq!(offsets(&mut files, Manner::Inline), [(51_000 - 4096, 24_096, false)]);
    }

    #[test]
    fn other_protocols_wait_and_see_every_byte_once() {
        let manner = Manner::Gathered { waits: true };
        let mut files = Files::default();
        files.open(Sizes::REQUEST);
        files.append(&[0; 1000]);
        assert!(offsets(&mut files, manner).is_empty());
        files.append(&vec![0; 40_000]);
        assert_eq!(offsets(&mut files, manner), [(0, 41_000, false)]);
        files.append(&[0; 10]);
        files.close(true);
        assert_eq!(offsets(&mut files, manner), [(41_000, 10, true)]);
    }

    #[test]
    fn all_looks_at_a_packet_see_the_same() {
        let mut body = RequestBody::default();
        body.append(b"abc");
        assert_eq!(body.window(Sizes::REQUEST, false), body.window(Sizes::REQUEST, false));
        body.end_looks();
        assert_eq!(body.window(Sizes::REQUEST, false), None);
        body.append(b"d");
        assert_eq!(body.window(Sizes::REQUEST, true), None);
        body.end_looks();
        assert_eq!(body.window(Sizes::REQUEST, true), Some(Window::whole(b"abcd")));
    }
}
