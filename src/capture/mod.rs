//! Captures as a stream of frames, in bounded memory.
//!
//! In: pcap and pcapng files, plain or compressed with gzip, zstd or LZ4, from paths, directories, standard input or any
//! reader. Out: [`Frame`]s in order of time, which borrow the buffer they were read into. Damage ends a file and is
//! told ([`Capture::damage`]); the frames in front of it are delivered, as libpcap does. Not done here: looking into a
//! frame. Read `merge.rs` next, then `file.rs`.
//!
//! Records are parsed here and not by a crate: those at hand allocate per frame, stop at a malformed option, or do not
//! know libpcap's older variants. Memory is bounded by 64 blocks of 1 MiB (or as many of 64 KiB as files overlap in
//! time), 16 MiB for a pcapng block, and the window of the decompressor.

mod batch;
mod block_buffer;
mod compression;
mod damage;
mod file;
mod merge;
mod paths;
mod pcap;
mod pcapng;
mod wire;
pub mod write;

pub use batch::Batch;
pub use compression::Compression;
pub use damage::{CaptureError, Damage, DamageKind};
pub use merge::{Capture, CaptureOptions, CaptureStats};
pub use paths::{SkipReason, Skipped};

/// The longest frame that is believed; libpcap's `MAXIMUM_SNAPLEN`. A longer one means that the file is damaged.
pub const MAX_FRAME_BYTES: u32 = 262_144;

/// No file is read in smaller pieces.
const MIN_BLOCK_BYTES: usize = 64 * 1024;

/// What the first bytes of a frame are: the LINKTYPE number of the file or interface.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct LinkType(pub u16);

/// One captured record. Borrowed: valid until the next one is asked for.
#[derive(Clone, Copy, Debug)]
pub struct Frame<'a> {
    /// Number over all files of the replay, from 1.
    pub number: u64,
    /// Capture time, nanoseconds since the epoch; may go backwards.
    pub time_ns: i64,
    /// How to read `bytes`.
    pub link_type: LinkType,
    /// Length on the wire; larger than `bytes` when the snap length cut the frame.
    pub wire_len: u32,
    /// What was captured.
    pub bytes: &'a [u8],
}

/// A record as its file format describes it; offsets count from the record's first byte.
#[derive(Clone, Copy, Debug)]
struct Record {
    time_ns: i64,
    link_type: LinkType,
    wire_len: u32,
    frame_start: usize,
    frame_bytes: usize,
    total_bytes: usize,
}

#[cfg(test)]
mod tests {
    use super::compression::tests::{gzip, lz4, zstd};
    use super::write::PcapWriter;
    use super::*;
    use std::io::Cursor;
    use std::path::PathBuf;

    /// Builds files of either byte order.
    #[derive(Clone, Copy)]
    struct Bytes {
        big: bool,
    }

    impl Bytes {
        fn n16(self, n: u16) -> Vec<u8> {
            if self.big { n.to_be_bytes().to_vec() } else { n.to_le_bytes().to_vec() }
        }

        fn n32(self, n: u32) -> Vec<u8> {
            if self.big { n.to_be_bytes().to_vec() } else { n.to_le_bytes().to_vec() }
        }

        fn pcap(self, magic: u32, version: [u16; 2], snaplen: u32) -> Vec<u8> {
            [
                self.n32(magic),
                self.n16(version[0]),
                self.n16(version[1]),
                vec![0; 8],
                self.n32(snaplen),
                self.n32(0xf000_0001),
            ]
            .concat()
        }

        fn record(self, seconds: u32, ticks: u32, lengths: [u32; 2], rest: &[u8]) -> Vec<u8> {
            [self.n32(seconds), self.n32(ticks), self.n32(lengths[0]), self.n32(lengths[1]), rest.to_vec()].concat()
        }

        fn block(self, block_type: u32, body: &[u8]) -> Vec<u8> {
            let padding = vec![0; body.len().next_multiple_of(4) - body.len()];
            let length = self.n32((12 + body.len() + padding.len()) as u32);
            [self.n32(block_type), length.clone(), body.to_vec(), padding, length].concat()
        }

        fn section(self) -> Vec<u8> {
            let body = [self.n32(0x1a2b_3c4d), self.n16(1), self.n16(0), vec![0xff; 8]].concat();
            self.block(0x0a0d_0d0a, &body)
        }

        fn interface(self, link_type: u16, options: &[(u16, &[u8])]) -> Vec<u8> {
            let mut body = [self.n16(link_type), self.n16(0), self.n32(0)].concat();
            for (code, value) in options {
                body.extend([self.n16(*code), self.n16(value.len() as u16), value.to_vec()].concat());
                body.resize(body.len().next_multiple_of(4), 0);
            }
            self.block(1, &body)
        }

        fn packet(self, interface: u32, ticks: u64, wire_len: u32, frame: &[u8]) -> Vec<u8> {
            let mut body = [interface, (ticks >> 32) as u32, ticks as u32, frame.len() as u32, wire_len]
                .map(|n| self.n32(n))
                .concat();
            body.extend(frame);
            self.block(6, &body)
        }
    }

    const LITTLE: Bytes = Bytes { big: false };
    const BIG: Bytes = Bytes { big: true };

    fn list(capture: &mut Capture) -> Vec<String> {
        let mut frames = Vec::new();
        while let Some(f) = capture.next_frame().unwrap() {
            let text = String::from_utf8_lossy(f.bytes);
            frames.push(format!("{} {} {} {text}/{}", f.number, f.time_ns, f.link_type.0, f.wire_len));
        }
        frames
    }

    fn read(bytes: Vec<u8>) -> (Vec<String>, Vec<String>) {
        let mut capture = Capture::from_reader("x", Cursor::new(bytes)).unwrap();
        let frames = list(&mut capture);
        (frames, capture.damage().iter().map(ToString::to_string).collect())
    }

    fn check(bytes: Vec<u8>, frames: &[&str]) {
        assert_eq!(read(bytes), (frames.iter().map(ToString::to_string).collect(), vec![]));
    }

    fn small_pcap(times: &[i64], text: &str) -> Vec<u8> {
        let mut writer = PcapWriter::new(Vec::new(), LinkType(1)).unwrap();
        for time in times {
            writer.write(*time * 1000, 4, text.as_bytes()).unwrap();
        }
        writer.finish().unwrap()
    }

    #[test]
    fn pcap_variants_that_libpcap_reads_are_read() {
        for b in [LITTLE, BIG] {
            let one = |magic, version, snaplen, record: Vec<u8>| [b.pcap(magic, version, snaplen), record].concat();
            check(one(0xa1b2_c3d4, [2, 4], 0, b.record(1, 5, [4, 9], b"abcd")), &["1 1000005000 1 abcd/9"]);
            check(one(0xa1b2_3c4d, [2, 4], 99, b.record(1, 5, [4, 9], b"abcd")), &["1 1000000005 1 abcd/9"]);
            check(one(0xa1b2_cd34, [2, 4], 99, b.record(1, 5, [4, 9], b"--------abcd")), &["1 1000005000 1 abcd/9"]);
            check(one(0xa1b2_c3d4, [2, 2], 99, b.record(1, 5, [9, 4], b"abcd")), &["1 1000005000 1 abcd/9"]);
            check(one(0xa1b2_c3d4, [2, 3], 99, b.record(1, 5, [9, 4], b"abcd")), &["1 1000005000 1 abcd/9"]);
            check(one(0xa1b2_c3d4, [2, 4], 3, b.record(1, 5, [4, 9], b"abcd")), &["1 1000005000 1 abc/9"]);
        }
    }

    #[test]
    fn pcapng_sections_bring_their_own_byte_order_interfaces_and_clocks() {
        let mut bytes = Vec::new();
        for (b, offset) in [(LITTLE, 2_i64.to_le_bytes()), (BIG, 2_i64.to_be_bytes())] {
            bytes.extend(b.section());
            bytes.extend(b.interface(1, &[(2, b"name?"), (9, &[9]), (14, &offset), (0, &[]), (9, &[0])]));
            bytes.extend(b.interface(101, &[]));
            bytes.extend(b.block(0x0bad, &[7; 100]));
            bytes.extend(b.packet(0, 5, 5, b"abcde"));
            bytes.extend(b.packet(1, 1 << 32, 7, b"f"));
            bytes.extend(b.block(3, &[b.n32(3), b"ghi".to_vec()].concat()));
            let obsolete = [b.n16(1), b.n16(0), b.n32(0), b.n32(9), b.n32(2), b.n32(2), b"jk".to_vec()].concat();
            bytes.extend(b.block(2, &obsolete));
        }
        check(
            bytes,
            &[
                "1 2000000005 1 abcde/5",
                "2 4294967296000 101 f/7",
                "3 2000000000 1 ghi/3",
                "4 9000 101 jk/2",
                "5 2000000005 1 abcde/5",
                "6 4294967296000 101 f/7",
                "7 2000000000 1 ghi/3",
                "8 9000 101 jk/2",
            ],
        );
    }

    #[test]
    fn compression_is_known_by_its_magic() {
        let plain = small_pcap(&[1, 2], "abcd");
        let frames = ["1 1000 1 abcd/4", "2 2000 1 abcd/4"];
        for packed in [gzip(&plain), zstd(&plain), lz4(&plain)] {
            check(packed, &frames);
        }
    }

    #[test]
    fn a_cut_record_ends_the_capture_at_its_offset() {
        let whole = small_pcap(&[1, 2], "abcd");
        for cut in 1..20 {
            let (frames, damage) = read(whole[..whole.len() - cut].to_vec());
            assert_eq!(frames, ["1 1000 1 abcd/4"]);
            let expected = if cut > 4 { 16 } else { 20 };
            let says =
                format!("`x` ends early at byte 44, after 1 frame: {expected} bytes expected, {} left", 20 - cut);
            assert_eq!(damage, [says]);
        }
        assert_eq!(read(whole[..44].to_vec()).1, [""; 0]);
    }

    #[test]
    fn damaged_pcapng_blocks_end_the_capture_at_their_offset() {
        let good = [LITTLE.section(), LITTLE.interface(1, &[]), LITTLE.packet(0, 1, 1, b"a")].concat();
        let check = |block: Vec<u8>, message: &str| {
            let (frames, damage) = read([good.clone(), block].concat());
            assert_eq!(frames, ["1 1000 1 a/1"]);
            assert_eq!(damage, [format!("`x` ends early at byte {}, after 1 frame: {message}", good.len())]);
        };
        let mut trailer = LITTLE.packet(0, 1, 1, b"a");
        *trailer.last_mut().unwrap() = 1;
        check(trailer, "the block says 36 bytes in front and 16777252 behind");
        check(LITTLE.packet(3, 1, 1, b"a"), "interface 3 is not described");
        check(LITTLE.packet(0, 1, 1, b"a")[..35].to_vec(), "36 bytes expected, 35 left");
        check(LITTLE.block(0x0bad, &[0; 99])[..90].to_vec(), "112 bytes expected, 90 left");
        check([LITTLE.n32(6), LITTLE.n32(1 << 30)].concat(), "12 bytes expected, 8 left");
        check([LITTLE.n32(6), LITTLE.n32(1 << 30), vec![0; 4]].concat(), "a block cannot have 1073741824 bytes");
        check([LITTLE.n32(6), LITTLE.n32(35), vec![0; 40]].concat(), "a block cannot have 35 bytes");
        check(LITTLE.interface(1, &[(9, &[99])]), "time stamp resolution 0x63 is too high");
        let huge = [LITTLE.n32(0), LITTLE.n32(0), LITTLE.n32(0), LITTLE.n32(1 << 20), LITTLE.n32(0)].concat();
        check(LITTLE.block(6, &huge), "a frame of 1048576 bytes is larger than the maximum of 262144");
    }

    #[test]
    fn a_frame_longer_than_any_is_damage_and_not_an_allocation() {
        let record = LITTLE.record(1, 1, [u32::MAX, u32::MAX], b"");
        let mut capture = Capture::from_reader("x", Cursor::new([small_pcap(&[1], "abcd"), record].concat())).unwrap();
        assert_eq!(list(&mut capture).len(), 1);
        assert_eq!(capture.damage()[0].kind, DamageKind::FrameTooLong { length: u32::MAX });
        assert_eq!(capture.damage()[0].offset, 44);
    }

    #[test]
    fn what_is_no_capture_is_said_so() {
        let error = |bytes: &[u8]| Capture::from_reader("x", Cursor::new(bytes.to_vec())).unwrap_err().to_string();
        assert_eq!(error(b""), "`x` is empty");
        assert_eq!(error(b"<html>"), "`x` is not a capture: expected a pcap or pcapng magic, found `3c 68 74 6d`");
        assert_eq!(
            error(&gzip(b"<html>")),
            "`x` is not a capture: expected a pcap or pcapng magic, found `3c 68 74 6d` inside the gzip stream"
        );
        let short = small_pcap(&[], "");
        assert_eq!(error(&short[..20]), "cannot read the capture `x`: 24 bytes expected, 20 left");
        let mut empty = Capture::from_reader("x", Cursor::new(short)).unwrap();
        assert_eq!(empty.next_frame().unwrap_err().to_string(), "no frames in `x`");
        assert_eq!(Capture::open(&[], &CaptureOptions::default()).unwrap_err().to_string(), "no capture given");
    }

    /// A directory of its own for a test, removed at the end.
    struct Directory(PathBuf);

    impl Directory {
        fn new(name: &str) -> Self {
            let path = std::env::temp_dir().join(format!("firedrill-{name}-{}", std::process::id()));
            std::fs::create_dir_all(&path).unwrap();
            Self(path)
        }

        fn file(&self, name: &str, bytes: &[u8]) -> PathBuf {
            let path = self.0.join(name);
            std::fs::write(&path, bytes).unwrap();
            path
        }
    }

    impl Drop for Directory {
        fn drop(&mut self) {
            std::fs::remove_dir_all(&self.0).ok();
        }
    }

    #[test]
    fn several_files_are_merged_by_time_then_by_order_of_files() {
        let directory = Directory::new("merge");
        let paths = [
            directory.file("late.pcap", &small_pcap(&[5, 6], "aaaa")),
            directory.file("early.pcap.gz", &gzip(&small_pcap(&[1, 5, 3, 9], "bbbb"))),
            directory.file("both.pcap", &small_pcap(&[1, 5], "cccc")),
        ];
        let mut capture = Capture::open(&paths, &CaptureOptions::default()).unwrap();
        let order: Vec<String> = list(&mut capture).iter().map(|line| line.replace("000 1", "").split_off(2)).collect();
        assert_eq!(
            order,
            ["1 bbbb/4", "1 cccc/4", "5 aaaa/4", "5 bbbb/4", "3 bbbb/4", "5 cccc/4", "6 aaaa/4", "9 bbbb/4"]
        );
        assert_eq!(capture.stats().time_went_backwards, 1);
        assert_eq!(capture.stats().link_types, [LinkType(1)]);
        let (read, total) = capture.progress();
        assert_eq!(Some(read), total);
    }

    #[test]
    fn a_directory_stands_for_the_captures_in_it() {
        let directory = Directory::new("directory");
        directory.file("b.cap", &small_pcap(&[1], "bbbb"));
        directory.file("a.txt", &zstd(&small_pcap(&[1], "aaaa")));
        directory.file("notes.pcap", b"not a capture");
        directory.file("none", b"");
        directory.file("short", &small_pcap(&[], "")[..9]);
        let paths = [directory.0.clone()];
        let mut capture = Capture::open(&paths, &CaptureOptions::default()).unwrap();
        assert_eq!(list(&mut capture), ["1 1000 1 aaaa/4", "2 1000 1 bbbb/4"]);
        let reasons: Vec<SkipReason> = capture.skipped().iter().map(|skipped| skipped.reason).collect();
        assert_eq!(reasons, [SkipReason::Empty, SkipReason::NotACapture]);
        assert_eq!(capture.damage().len(), 1);

        for name in ["b.cap", "a.txt", "short"] {
            std::fs::remove_file(directory.0.join(name)).unwrap();
        }
        let error = Capture::open(&paths, &CaptureOptions::default()).unwrap_err();
        assert!(matches!(error, CaptureError::NoCaptures { others: 2, .. }), "{error}");
    }

    proptest::proptest! {
        #[test]
        fn any_bytes_are_read_without_panic(
            start in 0_usize..3,
            junk in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..400),
        ) {
            let start = [small_pcap(&[1], "abcd"), BIG.section(), gzip(&small_pcap(&[1], "abcd"))][start].clone();
            let bytes = [start, BIG.interface(1, &[]), junk].concat();
            if let Ok(mut capture) = Capture::from_reader("x", Cursor::new(bytes)) {
                while let Ok(Some(_)) = capture.next_frame() {}
            }
        }
    }
}
