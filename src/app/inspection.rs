//! How far rules have got with the transactions of a flow, and which of them nobody needs any more.

use super::{
    AppConfig, AppLayer, AppProto, Tx, completion, http1_progress, http2_progress, quic, ssh, ssl_state, tls_progress,
};
use crate::verdict::Direction;
use smallvec::SmallVec;

/// A direction of a transaction needs no more looks: a bit of [`super::TxDetect::flags`].
pub(crate) const INSPECTED: u64 = 1 << 63;

/// Where in a transaction rules look at its buffers.
pub(crate) mod place {
    use super::{AppConfig, AppProto, Direction, http1_progress, http2_progress, quic, ssh, tls_progress};

    /// Anything of a TLS handshake.
    pub(crate) const TLS_START: u8 = tls_progress::IN_PROGRESS;
    /// The hello of a side of TLS.
    pub(crate) const TLS_HELLO: u8 = tls_progress::HELLO;
    /// The certificate of a TLS server, or what stands for it: the end of the handshake.
    pub(crate) const TLS_CERTIFICATE: u8 = tls_progress::CERT_READY;
    /// The banner of an SSH side.
    pub(crate) const SSH_BANNER: u8 = ssh::progress::BANNER_DONE;
    /// A packet of QUIC.
    pub(crate) const QUIC_PACKET: u8 = quic::COMPLETE;
    /// The first line of an HTTP request.
    pub(crate) const REQUEST_LINE: u8 = http1_progress::LINE;
    /// The headers of an HTTP request.
    pub(crate) const REQUEST_HEADERS: u8 = http1_progress::HEADERS;
    /// The body of an HTTP request.
    pub(crate) const REQUEST_BODY: u8 = http1_progress::BODY;
    /// Headers behind the body of an HTTP message.
    pub(crate) const TRAILER: u8 = http1_progress::TRAILER;
    /// The first line of an HTTP response.
    pub(crate) const RESPONSE_LINE: u8 = http1_progress::LINE;
    /// The headers of an HTTP response.
    pub(crate) const RESPONSE_HEADERS: u8 = http1_progress::HEADERS;
    /// The body of an HTTP response.
    pub(crate) const RESPONSE_BODY: u8 = http1_progress::BODY;
    /// A DNS message.
    pub(crate) const DNS_REQUEST: u8 = 1;

    /// A hello of TLS is a place of its own only where each side has its own progress.
    pub(crate) fn in_config(place: u8, config: AppConfig) -> u8 {
        if place == TLS_HELLO && !config.tls_progress_by_side { TLS_START } else { place }
    }

    /// Where rules look at a buffer that HTTP/1 or TLS has at `place`: in HTTP/2 at the body, whatever it is, and in QUIC
    /// at the packet.
    pub(crate) fn in_proto(place: u8, proto: AppProto, direction: Direction, config: AppConfig) -> u8 {
        match (proto, direction) {
            (AppProto::Http2 | AppProto::Doh2, Direction::ToServer) if config.http2_request_seen_at_open => {
                http2_progress::OPEN
            }
            (AppProto::Http2 | AppProto::Doh2, Direction::ToServer) => http2_progress::DATA_CLIENT,
            (AppProto::Http2 | AppProto::Doh2, Direction::ToClient) => http2_progress::DATA_SERVER,
            (AppProto::Quic, _) => QUIC_PACKET,
            _ => place,
        }
    }

    /// The same for a buffer that holds one header: in HTTP/2 from the beginning.
    pub(crate) fn of_each_header(place: u8, proto: AppProto) -> u8 {
        if matches!(proto, AppProto::Http2 | AppProto::Doh2) { http2_progress::OPEN } else { place }
    }
}

impl AppLayer {
    /// There is a parser with a state. Suricata: `f->alstate`.
    pub(crate) fn has_state(&self) -> bool {
        self.parser_proto().is_some()
    }

    /// Some transaction has not been inspected to its end in a direction, or not been logged.
    pub(crate) fn has_unfinished(&self, direction: Direction) -> bool {
        let is_over = self.proto == AppProto::Smtp && self.config.smtp_leaves_nothing && !self.parser_failed;
        self.has_state() && !is_over && self.inspect_id(direction).min(self.log_id()) < self.transaction_count()
    }

    /// The first transaction that Suricata has not logged. It logs those of HTTP when they are complete and those of TLS
    /// after the handshake, and everything once both directions have ended; other protocols are not logged.
    fn log_id(&self) -> u64 {
        let logged_at = match self.proto {
            AppProto::Http1 => http1_progress::COMPLETE,
            AppProto::Tls => tls_progress::HANDSHAKE_DONE,
            _ => return u64::MAX,
        };
        if self.eof == [true; 2] {
            return u64::MAX;
        }
        let open = |tx: &Tx| [Direction::ToServer, Direction::ToClient].iter().any(|&d| tx.progress(d) < logged_at);
        self.transactions().find(|(_, tx)| open(tx)).map_or(u64::MAX, |(id, _)| id)
    }

    /// The first transaction whose direction has not been inspected to its end.
    pub(crate) fn inspect_id(&self, direction: Direction) -> u64 {
        let end = completion(self.proto, direction);
        self.transactions()
            .find(|(_, tx)| !tx.is_inspected(direction) || tx.progress(direction) < end)
            .map_or_else(|| self.transaction_count(), |(id, _)| id)
    }

    /// Every transaction that is complete in a direction counts as inspected there, though no rule looks: the flow is passed.
    pub(crate) fn mark_inspected(&mut self, direction: Direction) {
        let end = completion(self.proto, direction);
        for tx in self.transactions_mut() {
            if tx.progress(direction) >= end {
                tx.set_inspected(direction);
            }
        }
    }

    /// Forgets what rules have looked at in a direction: parts of bodies, and transactions inspected in both.
    pub(crate) fn free_finished(&mut self, direction: Direction) {
        for tx in self.transactions_mut() {
            tx.prune(direction);
        }
        let both = [Direction::ToServer, Direction::ToClient];
        let end = both.map(|direction| completion(self.proto, direction));
        loop {
            let Some((id, done)) = self.transactions().next().map(|(id, tx)| {
                let done = both.iter().zip(end).all(|(&direction, end)| {
                    tx.skip_inspection.get(direction.index()) == Some(&true)
                        || (tx.is_inspected(direction) && tx.progress(direction) >= end)
                });
                (id, done)
            }) else {
                return;
            };
            let before = self.n_transactions();
            if !done && matches!(self.proto, AppProto::Http2 | AppProto::Doh2) {
                self.free_streams(end);
                return;
            }
            if done {
                self.free_before(id + 1);
            }
            if self.n_transactions() == before {
                return;
            }
        }
    }

    /// Forgets streams that are over, though older ones are not.
    fn free_streams(&mut self, [to_server, to_client]: [u8; 2]) {
        let ends = [(Direction::ToServer, to_server), (Direction::ToClient, to_client)];
        let is_over = |tx: &Tx| ends.iter().all(|&(d, end)| tx.is_inspected(d) && tx.progress(d) >= end);
        let over: SmallVec<[u64; 8]> = self.transactions().filter(|(_, tx)| is_over(tx)).map(|(id, _)| id).collect();
        for id in over {
            self.free(id);
        }
    }

    /// A ClientHello has been read to its end.
    pub fn has_client_hello(&self) -> bool {
        self.ssl_state() & ssl_state::CLIENT_HELLO != 0
    }

    /// The handshake state as `ssl_state` of the rule language numbers it.
    pub(crate) fn ssl_state_bits(&self) -> u8 {
        use crate::rules::keyword::ssl_state as word;
        let state = self.ssl_state();
        let pairs = [
            (ssl_state::CLIENT_HELLO, word::CLIENT_HELLO),
            (ssl_state::SERVER_HELLO, word::SERVER_HELLO),
            (ssl_state::CLIENT_KEYX, word::CLIENT_KEYX),
            (ssl_state::SERVER_KEYX, word::SERVER_KEYX),
            (ssl_state::UNKNOWN, word::UNKNOWN),
        ];
        pairs.into_iter().filter(|(bit, _)| state & bit != 0).fold(0, |bits, (_, word)| bits | word)
    }
}

impl Tx {
    pub(crate) fn is_inspected(&self, direction: Direction) -> bool {
        self.detect.flags.get(direction.index()).is_some_and(|flags| flags & INSPECTED != 0)
    }

    pub(crate) fn set_inspected(&mut self, direction: Direction) {
        if let Some(flags) = self.detect.flags.get_mut(direction.index()) {
            *flags |= INSPECTED;
        }
    }
}
