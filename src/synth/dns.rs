//! A DNS query for an address, and its answer (RFC 1035).

/// Type A, class IN.
const A_IN: [u8; 4] = [0, 1, 0, 1];

/// The query of a stub resolver.
pub(super) fn query(id: u16, name: &str) -> Vec<u8> {
    let mut out = header(id, 0x0100, 0);
    question(&mut out, name);
    out
}

/// The answer: one address, good for five minutes.
pub(super) fn answer(id: u16, name: &str) -> Vec<u8> {
    let mut out = header(id, 0x8180, 1);
    question(&mut out, name);
    out.extend_from_slice(&[0xc0, 12]); // the name of the question
    out.extend_from_slice(&A_IN);
    out.extend_from_slice(&300_u32.to_be_bytes());
    out.extend_from_slice(&[0, 4, 203, 0, 113, 10]);
    out
}

fn header(id: u16, flags: u16, n_answers: u16) -> Vec<u8> {
    [id, flags, 1, n_answers, 0, 0].into_iter().flat_map(u16::to_be_bytes).collect()
}

fn question(out: &mut Vec<u8>, name: &str) {
    for label in name.split('.').filter(|label| !label.is_empty()) {
        out.push(label.len() as u8); // at most 63: `Target` has no longer ones
        out.extend_from_slice(label.as_bytes());
    }
    out.push(0);
    out.extend_from_slice(&A_IN);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_query_is_a_header_and_a_question() {
        let out = query(0x1234, "a.bc.");
        assert_eq!(out, b"\x12\x34\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00\x01a\x02bc\x00\x00\x01\x00\x01");
        assert!(answer(0x1234, "a.bc").starts_with(b"\x12\x34\x81\x80\x00\x01\x00\x01"));
    }
}
