//! What rewrites leave, and what they change.

use super::*;
use crate::packet::Checksummed;
use crate::synth::{Conversation, Defaults};

fn talk(words: &str) -> Vec<TalkFrame> {
    let made = Conversation::new(words.parse().unwrap(), &Defaults::default(), 0).unwrap();
    let mut talks = Talks::default();
    let mut frames: Vec<TalkFrame> = made
        .frames
        .into_iter()
        .map(|frame| TalkFrame {
            time_ns: frame.time_ns,
            link_type: LinkType(1),
            wire_len: frame.bytes.len() as u32,
            bytes: frame.bytes,
            what: frame.what,
            talk: None,
        })
        .collect();
    for frame in &mut frames {
        frame.talk = talks.of(&as_frame(frame, 0));
    }
    frames
}

fn made(how: Rewrite, words: &str) -> Vec<TalkFrame> {
    rewrite(how, &talk(words), &HomeNet::default()).unwrap()
}

/// What the client says over TCP, put together by sequence numbers.
fn said(frames: &[TalkFrame]) -> Vec<u8> {
    let mut pieces: Vec<(u32, Vec<u8>)> = frames
        .iter()
        .filter_map(parts_of)
        .filter(|parts| parts.tcp.as_ref().is_some_and(|tcp| tcp.src_port >= 40_000))
        .map(|parts| (parts.tcp.unwrap().seq, parts.payload.to_vec()))
        .filter(|(_, payload)| !payload.is_empty())
        .collect();
    pieces.sort();
    pieces.dedup();
    pieces.into_iter().flat_map(|(_, payload)| payload).collect()
}

fn what(frames: &[TalkFrame], of: &str) -> Vec<String> {
    frames.iter().map(|frame| frame.what.clone()).filter(|what| what.starts_with(of)).collect()
}

#[test]
fn the_bytes_stay_the_same() {
    let words = "https://a.example hello=post-quantum";
    for how in
        [Rewrite::Segments, Rewrite::Mss, Rewrite::Reorder, Rewrite::Retransmit, Rewrite::Ipv6, Rewrite::Midstream]
    {
        assert_eq!(said(&made(how, words)), said(&talk(words)), "{how:?}");
    }
}

#[test]
fn checksums_and_lengths_are_right() {
    for how in Rewrite::ALL.into_iter().filter(|how| *how != Rewrite::PqcHello) {
        for frame in made(how, "https://a.example") {
            let frame = as_frame(&frame, 1);
            let packet = decode_frame(&frame, &DecodeConfig::default()).packet;
            assert!(packet.events.is_empty(), "{how:?} {:?}", packet.events);
            for of in [Checksummed::Ipv4, Checksummed::TcpV4, Checksummed::TcpV6] {
                let fragment = packet.ip.unwrap().fragment.is_some() && of != Checksummed::Ipv4;
                assert!(fragment || packet.has_right_checksum(of) != Some(false), "{how:?} {of:?}");
            }
        }
    }
}

#[test]
fn segments_say_which_part_they_are() {
    let url = "https://a.example";
    assert_eq!(what(&made(Rewrite::Segments, url), "ClientHello"), ["ClientHello, part 1", "ClientHello, part 2"]);
    assert_eq!(what(&made(Rewrite::Mss, url), "ClientHello").len(), 3);
    assert_eq!(what(&made(Rewrite::Reorder, url), "ClientHello"), ["ClientHello, part 2", "ClientHello, part 1"]);
    assert_eq!(what(&made(Rewrite::Fragment, url), "ClientHello").len(), 2);
    assert_eq!(what(&made(Rewrite::Midstream, url), "SYN"), [] as [&str; 0]);
    assert_eq!(what(&made(Rewrite::OneSided, url), "ServerHello"), [] as [&str; 0]);
}

#[test]
fn what_a_rewrite_is_not_about_is_said() {
    let home = |net: &str| HomeNet { nets: vec![net.parse().unwrap()], without: Vec::new() };
    let none = |how, words: &str, home: &HomeNet| rewrite(how, &talk(words), home).unwrap_err();
    assert_eq!(none(Rewrite::Segments, "dns://a.example", &HomeNet::default()), Unchanged::Nothing);
    assert_eq!(none(Rewrite::Ipv6, "dns://a.example", &home("10.0.0.0/8")), Unchanged::HomeNet);
    assert_eq!(none(Rewrite::PqcHello, "https://a.example", &HomeNet::default()), Unchanged::Capture);
}
