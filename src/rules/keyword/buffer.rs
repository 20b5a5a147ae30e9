//! Sticky buffers and transforms.

/// A buffer that rules can look into.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Buffer {
    /// `tls.sni`
    TlsSni,
    /// `tls.version` is no buffer; this is `tls.cert_subject`.
    TlsCertSubject,
    /// `tls.cert_issuer`
    TlsCertIssuer,
    /// `tls.cert_serial`
    TlsCertSerial,
    /// `tls.cert_fingerprint`
    TlsCertFingerprint,
    /// `ja3.hash`
    Ja3Hash,
    /// `ja3.string`
    Ja3String,
    /// `ja3s.hash`
    Ja3sHash,
    /// `ja3s.string`
    Ja3sString,
    /// `http.host`
    HttpHost,
    /// `http.host.raw`
    HttpHostRaw,
    /// `http.header_names`
    HttpHeaderNames,
    /// `http.uri`
    HttpUri,
    /// `http.uri.raw`
    HttpUriRaw,
    /// `http.method`
    HttpMethod,
    /// `http.user_agent`
    HttpUserAgent,
    /// `http.stat_code`
    HttpStatCode,
    /// `http.header`
    HttpHeader,
    /// `http.request_line`
    HttpRequestLine,
    /// `dns.query`
    DnsQuery,
    /// `quic.sni`
    QuicSni,
}

/// A change of the buffer's bytes before they are looked into.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Transform {
    /// `dotprefix`
    Dotprefix,
    /// `to_lowercase`
    ToLowercase,
    /// `to_uppercase`
    ToUppercase,
    /// `strip_whitespace`
    StripWhitespace,
    /// `compress_whitespace`
    CompressWhitespace,
    /// `strip_pseudo_headers`
    StripPseudoHeaders,
    /// `header_lowercase`
    HeaderLowercase,
    /// `url_decode`
    UrlDecode,
    /// `to_md5`
    ToMd5,
    /// `to_sha1`
    ToSha1,
    /// `to_sha256`
    ToSha256,
    /// `xor`: the key.
    Xor(Vec<u8>),
    /// `pcrexform`: the expression.
    Pcrexform(String),
}
