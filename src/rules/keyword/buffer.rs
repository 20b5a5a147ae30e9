//! Sticky buffers: one table entry each makes the [`Buffer`], its keyword, its old-style content modifier and the checks.

use super::{Argument, Effect, Family, KeywordDef, ListDef, Parse};
use crate::rules::Protocol;

/// Protocols whose transfers are tracked as files, in the client's direction.
const FILES: &[Protocol] =
    &[Protocol::Http1, Protocol::Http2, Protocol::Smtp, Protocol::Ftp, Protocol::FtpData, Protocol::Smb, Protocol::Nfs];
/// The same in the server's direction.
const FILES_TC: &[Protocol] =
    &[Protocol::Http1, Protocol::Http2, Protocol::Ftp, Protocol::FtpData, Protocol::Smb, Protocol::Nfs];

macro_rules! app {
    (Any) => {
        None
    };
    ($protocol:ident) => {
        Some(Protocol::$protocol)
    };
}

macro_rules! modifier_app {
    (Http) => {
        Some(Protocol::Http1)
    };
    ($protocol:ident) => {
        app!($protocol)
    };
}

macro_rules! buffers {
    ($($(#[$doc:meta])* $variant:ident $name:literal [$($alias:literal),*] list $list:literal $kind:ident,
        app $app:ident, $to_server:expr, $to_client:expr $(, modifier $modifier:literal)? => $text:literal;)+) => {
        /// A buffer that rules can look into.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[non_exhaustive]
        pub enum Buffer {
            $($(#[$doc])* $variant,)+
        }

        impl Buffer {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$variant,)+];

            /// The keyword: `tls.sni`.
            pub fn name(self) -> &'static str {
                match self {
                    $(Self::$variant => $name,)+
                }
            }

            /// The old-style content modifier for the same buffer: `http_uri`.
            pub fn modifier(self) -> Option<&'static str> {
                match self {
                    $($(Self::$variant => Some($modifier),)?)+
                    _ => None,
                }
            }

            /// Whether it came with Suricata 8.0.
            pub(crate) fn is_later(self) -> bool {
                matches!(
                    self,
                    Self::DnsQueryName
                        | Self::DnsQueriesName
                        | Self::DnsAnswerName
                        | Self::DnsAnswersName
                        | Self::DnsAuthoritiesName
                        | Self::DnsAdditionalsName
                        | Self::DnsResponseName
                )
            }

            /// Where what is said about the buffer goes.
            pub(crate) fn list(self) -> &'static ListDef {
                match self {
                    $(Self::$variant => const {
                        &ListDef {
                            name: $list,
                            app: app!($app),
                            to_server: $to_server,
                            to_client: $to_client,
                            multi: buffers!(@multi $kind),
                            packet: buffers!(@packet $kind),
                        }
                    },)+
                }
            }

        }

        pub(super) const DEFS: &[KeywordDef] = &[
            $(
                KeywordDef {
                    name: $name,
                    aliases: &[$($alias),*],
                    family: Family::Buffer,
                    argument: Argument::NONE,
                    parse: Parse::Buffer(Buffer::$variant),
                    effect: Effect::Nothing,
                    doc: $text,
                },
                $(KeywordDef {
                    name: $modifier,
                    aliases: &[],
                    family: Family::Buffer,
                    argument: Argument::NONE,
                    parse: Parse::BufferModifier(Buffer::$variant, modifier_app!($app)),
                    effect: Effect::Nothing,
                    doc: concat!("old form of `", $name, "`, written behind the content"),
                },)?
            )+
        ];
    };
    (@multi multi) => { true };
    (@multi $other:ident) => { false };
    (@packet packet) => { true };
    (@packet $other:ident) => { false };
}

buffers! {
    /// Request URI, normalised.
    HttpUri "http.uri" ["http.uri.normalized"] list "http_uri" single, app Http, &[Protocol::Http1, Protocol::Http2], &[], modifier "http_uri" => "Request URI, normalised";
    /// Request URI as sent.
    HttpUriRaw "http.uri.raw" [] list "http_raw_uri" single, app Http, &[Protocol::Http1, Protocol::Http2], &[], modifier "http_raw_uri" => "Request URI as sent";
    /// Request method.
    HttpMethod "http.method" [] list "http_method" single, app Http, &[Protocol::Http1, Protocol::Http2], &[], modifier "http_method" => "Request method";
    /// Host of the request, lower case, without port.
    HttpHost "http.host" [] list "http_host" single, app Http, &[Protocol::Http1, Protocol::Http2], &[], modifier "http_host" => "Host of the request, lower case, without port";
    /// Host of the request as sent.
    HttpHostRaw "http.host.raw" [] list "http_raw_host" single, app Http, &[Protocol::Http1, Protocol::Http2], &[], modifier "http_raw_host" => "Host of the request as sent";
    /// Value of the User-Agent header.
    HttpUserAgent "http.user_agent" [] list "http_user_agent" single, app Http, &[Protocol::Http1, Protocol::Http2], &[], modifier "http_user_agent" => "Value of the User-Agent header";
    /// All headers, normalised.
    HttpHeader "http.header" [] list "http_header" single, app Http, &[Protocol::Http1, Protocol::Http2], &[Protocol::Http1, Protocol::Http2], modifier "http_header" => "All headers, normalised";
    /// All headers as sent.
    HttpHeaderRaw "http.header.raw" [] list "http_raw_header" single, app Http, &[Protocol::Http1, Protocol::Http2], &[Protocol::Http1, Protocol::Http2], modifier "http_raw_header" => "All headers as sent";
    /// Names of the headers, each with CR LF around it.
    HttpHeaderNames "http.header_names" ["http_header_names"] list "http_header_names" single, app Http, &[Protocol::Http1, Protocol::Http2], &[Protocol::Http1, Protocol::Http2] => "Names of the headers, each with CR LF around it";
    /// Value of the Cookie or Set-Cookie header.
    HttpCookie "http.cookie" [] list "http_cookie" single, app Http, &[Protocol::Http1, Protocol::Http2], &[Protocol::Http1, Protocol::Http2], modifier "http_cookie" => "Value of the Cookie or Set-Cookie header";
    /// Body of the request.
    HttpRequestBody "http.request_body" [] list "http_client_body" single, app Http, &[Protocol::Http1, Protocol::Http2], &[], modifier "http_client_body" => "Body of the request";
    /// Body of the response.
    HttpResponseBody "http.response_body" [] list "file_data" multi, app Http, &[Protocol::Http1, Protocol::Http2], &[Protocol::Http1, Protocol::Http2], modifier "http_server_body" => "Body of the response";
    /// Status code of the response.
    HttpStatCode "http.stat_code" [] list "http_stat_code" single, app Http, &[], &[Protocol::Http1, Protocol::Http2], modifier "http_stat_code" => "Status code of the response";
    /// Status message of the response.
    HttpStatMsg "http.stat_msg" [] list "http_stat_msg" single, app Http, &[], &[Protocol::Http1, Protocol::Http2], modifier "http_stat_msg" => "Status message of the response";
    /// Request line.
    HttpRequestLine "http.request_line" ["http_request_line"] list "http_request_line" single, app Http, &[Protocol::Http1, Protocol::Http2], &[] => "Request line";
    /// Status line.
    HttpResponseLine "http.response_line" ["http_response_line"] list "http_response_line" single, app Http, &[], &[Protocol::Http1, Protocol::Http2] => "Status line";
    /// Request or status line and headers.
    HttpStart "http.start" ["http_start"] list "http_start" single, app Http1, &[Protocol::Http1], &[Protocol::Http1] => "Request or status line and headers";
    /// Protocol word of the request or status line.
    HttpProtocol "http.protocol" ["http_protocol"] list "http_protocol" single, app Http, &[Protocol::Http1, Protocol::Http2], &[Protocol::Http1, Protocol::Http2] => "Protocol word of the request or status line";
    /// One header of the request, name and value.
    HttpRequestHeader "http.request_header" [] list "http_request_header" multi, app Http, &[Protocol::Http1, Protocol::Http2], &[] => "One header of the request, name and value";
    /// One header of the response, name and value.
    HttpResponseHeader "http.response_header" [] list "http_response_header" multi, app Http, &[], &[Protocol::Http1, Protocol::Http2] => "One header of the response, name and value";
    /// Value of the Accept header.
    HttpAccept "http.accept" ["http_accept"] list "http_accept" single, app Http, &[Protocol::Http1, Protocol::Http2], &[] => "Value of the Accept header";
    /// Value of the Accept-Language header.
    HttpAcceptLang "http.accept_lang" ["http_accept_lang"] list "http_accept_lang" single, app Http, &[Protocol::Http1, Protocol::Http2], &[] => "Value of the Accept-Language header";
    /// Value of the Accept-Encoding header.
    HttpAcceptEnc "http.accept_enc" ["http_accept_enc"] list "http_accept_enc" single, app Http, &[Protocol::Http1, Protocol::Http2], &[] => "Value of the Accept-Encoding header";
    /// Value of the Referer header.
    HttpReferer "http.referer" ["http_referer"] list "http_referer" single, app Http, &[Protocol::Http1, Protocol::Http2], &[] => "Value of the Referer header";
    /// Value of the Connection header.
    HttpConnection "http.connection" ["http_connection"] list "http_connection" single, app Http, &[Protocol::Http1, Protocol::Http2], &[Protocol::Http1, Protocol::Http2] => "Value of the Connection header";
    /// Value of the Content-Length header.
    HttpContentLen "http.content_len" ["http_content_len"] list "http_content_len" single, app Http, &[Protocol::Http1, Protocol::Http2], &[Protocol::Http1, Protocol::Http2] => "Value of the Content-Length header";
    /// Value of the Content-Type header.
    HttpContentType "http.content_type" ["http_content_type"] list "http_content_type" single, app Http, &[Protocol::Http1, Protocol::Http2], &[Protocol::Http1, Protocol::Http2] => "Value of the Content-Type header";
    /// Value of the Location header.
    HttpLocation "http.location" [] list "http.location" single, app Http, &[], &[Protocol::Http1, Protocol::Http2] => "Value of the Location header";
    /// Value of the Server header.
    HttpServer "http.server" [] list "http.server" single, app Http, &[], &[Protocol::Http1, Protocol::Http2] => "Value of the Server header";
    /// Name of one HTTP/2 header.
    Http2HeaderName "http2.header_name" [] list "http2_header_name" multi, app Http2, &[Protocol::Http2], &[Protocol::Http2] => "Name of one HTTP/2 header";
    /// Bytes of files in transfer.
    FileData "file.data" ["file_data"] list "file_data" multi, app Any, FILES, FILES_TC => "Bytes of files in transfer";
    /// Name of a file in transfer.
    FileName "file.name" [] list "file.name" multi, app Any, FILES, FILES_TC => "Name of a file in transfer";
    /// Kind of a file in transfer, as libmagic tells it.
    FileMagic "file.magic" [] list "file.magic" multi, app Any, FILES, FILES_TC => "Kind of a file in transfer, as libmagic tells it";
    /// Server name of the ClientHello, as sent.
    TlsSni "tls.sni" ["tls_sni"] list "tls.sni" single, app Tls, &[Protocol::Tls], &[] => "Server name of the ClientHello, as sent";
    /// One certificate of the chain, DER.
    TlsCerts "tls.certs" [] list "tls.certs" multi, app Tls, &[Protocol::Tls], &[Protocol::Tls] => "One certificate of the chain, DER";
    /// Subject of the certificate.
    TlsCertSubject "tls.cert_subject" ["tls_cert_subject"] list "tls.cert_subject" multi, app Tls, &[Protocol::Tls], &[Protocol::Tls] => "Subject of the certificate";
    /// Issuer of the certificate.
    TlsCertIssuer "tls.cert_issuer" ["tls_cert_issuer"] list "tls.cert_issuer" single, app Tls, &[Protocol::Tls], &[Protocol::Tls] => "Issuer of the certificate";
    /// Serial number of the certificate, upper case hexadecimal with colons.
    TlsCertSerial "tls.cert_serial" ["tls_cert_serial"] list "tls.cert_serial" single, app Tls, &[Protocol::Tls], &[Protocol::Tls] => "Serial number of the certificate, upper case hexadecimal with colons";
    /// SHA-1 fingerprint of the certificate, lower case hexadecimal with colons.
    TlsCertFingerprint "tls.cert_fingerprint" ["tls_cert_fingerprint"] list "tls.cert_fingerprint" single, app Tls, &[Protocol::Tls], &[Protocol::Tls] => "SHA-1 fingerprint of the certificate, lower case hexadecimal with colons";
    /// The 32 random bytes of a hello.
    TlsRandom "tls.random" [] list "tls.random" single, app Tls, &[Protocol::Tls], &[Protocol::Tls] => "The 32 random bytes of a hello";
    /// The first 4 of the random bytes.
    TlsRandomTime "tls.random_time" [] list "tls.random_time" single, app Tls, &[Protocol::Tls], &[Protocol::Tls] => "The first 4 of the random bytes";
    /// The last 28 of the random bytes.
    TlsRandomBytes "tls.random_bytes" [] list "tls.random_bytes" single, app Tls, &[Protocol::Tls], &[Protocol::Tls] => "The last 28 of the random bytes";
    /// JA3 fingerprint of the client, MD5.
    Ja3Hash "ja3.hash" ["ja3_hash"] list "ja3.hash" single, app Any, &[Protocol::Tls, Protocol::Quic], &[] => "JA3 fingerprint of the client, MD5";
    /// JA3 fingerprint of the client, text.
    Ja3String "ja3.string" ["ja3_string"] list "ja3.string" single, app Any, &[Protocol::Tls, Protocol::Quic], &[] => "JA3 fingerprint of the client, text";
    /// JA3S fingerprint of the server, MD5.
    Ja3sHash "ja3s.hash" [] list "ja3s.hash" single, app Any, &[], &[Protocol::Tls, Protocol::Quic] => "JA3S fingerprint of the server, MD5";
    /// JA3S fingerprint of the server, text.
    Ja3sString "ja3s.string" [] list "ja3s.string" single, app Any, &[], &[Protocol::Tls, Protocol::Quic] => "JA3S fingerprint of the server, text";
    /// JA4 fingerprint of the client.
    Ja4Hash "ja4.hash" ["ja4_hash"] list "ja4.hash" single, app Any, &[Protocol::Tls, Protocol::Quic], &[] => "JA4 fingerprint of the client";
    /// One name asked for.
    DnsQuery "dns.query" ["dns_query"] list "dns_query" multi, app Dns, &[Protocol::Dns], &[] => "One name asked for";
    /// One name asked for, in either direction. Of 8.0.
    DnsQueryName "dns.query.name" [] list "dns.query.name" multi, app Dns, &[Protocol::Dns], &[Protocol::Dns] => "One name asked for, in either direction";
    /// One name asked for, in either direction. Of 8.0.
    DnsQueriesName "dns.queries.rrname" [] list "dns.queries.rrname" multi, app Dns, &[Protocol::Dns], &[Protocol::Dns] => "One name asked for, in either direction";
    /// Name of one answer. Of 8.0.
    DnsAnswerName "dns.answer.name" [] list "dns.answer.name" multi, app Dns, &[Protocol::Dns], &[Protocol::Dns] => "Name of one answer";
    /// Name of one answer. Of 8.0.
    DnsAnswersName "dns.answers.rrname" [] list "dns.answers.rrname" multi, app Dns, &[Protocol::Dns], &[Protocol::Dns] => "Name of one answer";
    /// Name of one authority. Of 8.0.
    DnsAuthoritiesName "dns.authorities.rrname" [] list "dns.authorities.rrname" multi, app Dns, &[Protocol::Dns], &[Protocol::Dns] => "Name of one authority";
    /// Name of one additional record. Of 8.0.
    DnsAdditionalsName "dns.additionals.rrname" [] list "dns.additionals.rrname" multi, app Dns, &[Protocol::Dns], &[Protocol::Dns] => "Name of one additional record";
    /// One name anywhere in an answer. Of 8.0.
    DnsResponseName "dns.response.rrname" [] list "dns.response.rrname" multi, app Dns, &[], &[Protocol::Dns] => "One name anywhere in an answer";
    /// Server name of the QUIC ClientHello.
    QuicSni "quic.sni" [] list "quic_sni" single, app Quic, &[Protocol::Quic], &[] => "Server name of the QUIC ClientHello";
    /// User agent of the QUIC client.
    QuicUa "quic.ua" [] list "quic_ua" single, app Quic, &[Protocol::Quic], &[] => "User agent of the QUIC client";
    /// QUIC version, text.
    QuicVersion "quic.version" [] list "quic_version" single, app Quic, &[Protocol::Quic], &[Protocol::Quic] => "QUIC version, text";
    /// CYU fingerprint of the QUIC client, MD5.
    QuicCyuHash "quic.cyu.hash" [] list "quic.cyu.hash" multi, app Quic, &[Protocol::Quic], &[] => "CYU fingerprint of the QUIC client, MD5";
    /// CYU fingerprint of the QUIC client, text.
    QuicCyuString "quic.cyu.string" [] list "quic.cyu.string" multi, app Quic, &[Protocol::Quic], &[] => "CYU fingerprint of the QUIC client, text";
    /// Protocol version of the SSH banner.
    SshProto "ssh.proto" ["ssh_proto"] list "ssh.proto" single, app Ssh, &[Protocol::Ssh], &[Protocol::Ssh] => "Protocol version of the SSH banner";
    /// Software version of the SSH banner.
    SshSoftware "ssh.software" ["ssh_software"] list "ssh_software" single, app Ssh, &[Protocol::Ssh], &[Protocol::Ssh] => "Software version of the SSH banner";
    /// HASSH of the client, MD5.
    SshHassh "ssh.hassh" ["ssh-hassh"] list "ssh.hassh" single, app Ssh, &[Protocol::Ssh], &[] => "HASSH of the client, MD5";
    /// HASSH of the client, text.
    SshHasshString "ssh.hassh.string" ["ssh-hassh-string"] list "ssh.hassh.string" single, app Ssh, &[Protocol::Ssh], &[] => "HASSH of the client, text";
    /// HASSH of the server, MD5.
    SshHasshServer "ssh.hassh.server" ["ssh-hassh-server"] list "ssh.hassh.server" single, app Ssh, &[], &[Protocol::Ssh] => "HASSH of the server, MD5";
    /// HASSH of the server, text.
    SshHasshServerString "ssh.hassh.server.string" ["ssh-hassh-server-string"] list "ssh.hassh.server.string" single, app Ssh, &[], &[Protocol::Ssh] => "HASSH of the server, text";
    /// Name of the pipe of an SMB tree connect.
    SmbNamedPipe "smb.named_pipe" ["smb_named_pipe"] list "smb_named_pipe" single, app Smb, &[Protocol::Smb], &[] => "Name of the pipe of an SMB tree connect";
    /// Name of the share of an SMB tree connect.
    SmbShare "smb.share" ["smb_share"] list "smb_share" single, app Smb, &[Protocol::Smb], &[] => "Name of the share of an SMB tree connect";
    /// NTLMSSP user.
    SmbNtlmsspUser "smb.ntlmssp_user" [] list "smb_ntlmssp_user" single, app Smb, &[Protocol::Smb], &[] => "NTLMSSP user";
    /// NTLMSSP domain.
    SmbNtlmsspDomain "smb.ntlmssp_domain" [] list "smb_ntlmssp_domain" single, app Smb, &[Protocol::Smb], &[] => "NTLMSSP domain";
    /// Stub data of a DCE/RPC call.
    DcerpcStubData "dcerpc.stub_data" ["dce_stub_data"] list "dce_stub_data" single, app Dcerpc, &[Protocol::Dcerpc, Protocol::Smb], &[Protocol::Dcerpc, Protocol::Smb] => "Stub data of a DCE/RPC call";
    /// Kerberos client name.
    Krb5Cname "krb5.cname" ["krb5_cname"] list "krb5_cname" multi, app Krb5, &[], &[Protocol::Krb5] => "Kerberos client name";
    /// Kerberos server name.
    Krb5Sname "krb5.sname" ["krb5_sname"] list "krb5_sname" multi, app Krb5, &[], &[Protocol::Krb5] => "Kerberos server name";
    /// SIP method.
    SipMethod "sip.method" [] list "sip.method" single, app Sip, &[Protocol::Sip], &[] => "SIP method";
    /// SIP URI.
    SipUri "sip.uri" [] list "sip.uri" single, app Sip, &[Protocol::Sip], &[] => "SIP URI";
    /// SIP protocol word.
    SipProtocol "sip.protocol" [] list "sip.protocol" single, app Sip, &[Protocol::Sip], &[Protocol::Sip] => "SIP protocol word";
    /// SIP status code.
    SipStatCode "sip.stat_code" [] list "sip.stat_code" single, app Sip, &[], &[Protocol::Sip] => "SIP status code";
    /// SIP status message.
    SipStatMsg "sip.stat_msg" [] list "sip.stat_msg" single, app Sip, &[], &[Protocol::Sip] => "SIP status message";
    /// SIP request line.
    SipRequestLine "sip.request_line" [] list "sip.request_line" single, app Sip, &[Protocol::Sip], &[] => "SIP request line";
    /// SIP status line.
    SipResponseLine "sip.response_line" [] list "sip.response_line" single, app Sip, &[], &[Protocol::Sip] => "SIP status line";
    /// Name of the RFB desktop.
    RfbName "rfb.name" [] list "rfb.name" single, app Rfb, &[], &[Protocol::Rfb] => "Name of the RFB desktop";
    /// SNMP community.
    SnmpCommunity "snmp.community" [] list "snmp.community" single, app Snmp, &[Protocol::Snmp], &[Protocol::Snmp] => "SNMP community";
    /// SNMP user.
    SnmpUsm "snmp.usm" [] list "snmp.usm" single, app Snmp, &[Protocol::Snmp], &[Protocol::Snmp] => "SNMP user";
    /// SPI of the initiator.
    IkeInitSpi "ike.init_spi" [] list "ike.init_spi" single, app Ike, &[Protocol::Ike], &[] => "SPI of the initiator";
    /// SPI of the responder.
    IkeRespSpi "ike.resp_spi" [] list "ike.resp_spi" single, app Ike, &[], &[Protocol::Ike] => "SPI of the responder";
    /// One vendor id.
    IkeVendor "ike.vendor" [] list "ike.vendor" multi, app Ike, &[Protocol::Ike], &[] => "One vendor id";
    /// Nonce payload.
    IkeNoncePayload "ike.nonce_payload" [] list "ike.nonce_payload" single, app Ike, &[Protocol::Ike], &[Protocol::Ike] => "Nonce payload";
    /// Key exchange payload.
    IkeKeyExchangePayload "ike.key_exchange_payload" [] list "ike.key_exchange_payload" single, app Ike, &[Protocol::Ike], &[Protocol::Ike] => "Key exchange payload";
    /// Client id of a CONNECT.
    MqttConnectClientid "mqtt.connect.clientid" [] list "mqtt.connect.clientid" single, app Mqtt, &[Protocol::Mqtt], &[] => "Client id of a CONNECT";
    /// User name of a CONNECT.
    MqttConnectUsername "mqtt.connect.username" [] list "mqtt.connect.username" single, app Mqtt, &[Protocol::Mqtt], &[] => "User name of a CONNECT";
    /// Password of a CONNECT.
    MqttConnectPassword "mqtt.connect.password" [] list "mqtt.connect.password" single, app Mqtt, &[Protocol::Mqtt], &[] => "Password of a CONNECT";
    /// Will topic of a CONNECT.
    MqttConnectWilltopic "mqtt.connect.willtopic" [] list "mqtt.connect.willtopic" single, app Mqtt, &[Protocol::Mqtt], &[] => "Will topic of a CONNECT";
    /// Will message of a CONNECT.
    MqttConnectWillmessage "mqtt.connect.willmessage" [] list "mqtt.connect.willmessage" single, app Mqtt, &[Protocol::Mqtt], &[] => "Will message of a CONNECT";
    /// Message of a PUBLISH.
    MqttPublishMessage "mqtt.publish.message" [] list "mqtt.publish.message" single, app Mqtt, &[Protocol::Mqtt], &[] => "Message of a PUBLISH";
    /// Topic of a PUBLISH.
    MqttPublishTopic "mqtt.publish.topic" [] list "mqtt.publish.topic" single, app Mqtt, &[Protocol::Mqtt], &[Protocol::Mqtt] => "Topic of a PUBLISH";
    /// One topic of a SUBSCRIBE.
    MqttSubscribeTopic "mqtt.subscribe.topic" [] list "mqtt.subscribe.topic" multi, app Mqtt, &[Protocol::Mqtt], &[Protocol::Mqtt] => "One topic of a SUBSCRIBE";
    /// One topic of an UNSUBSCRIBE.
    MqttUnsubscribeTopic "mqtt.unsubscribe.topic" [] list "mqtt.unsubscribe.topic" multi, app Mqtt, &[Protocol::Mqtt], &[] => "One topic of an UNSUBSCRIBE";
    /// IPv4 header.
    Ipv4Hdr "ipv4.hdr" [] list "ipv4.hdr" packet, app Any, &[], &[] => "IPv4 header";
    /// IPv6 header.
    Ipv6Hdr "ipv6.hdr" [] list "ipv6.hdr" packet, app Any, &[], &[] => "IPv6 header";
    /// TCP header.
    TcpHdr "tcp.hdr" [] list "tcp.hdr" packet, app Any, &[], &[] => "TCP header";
    /// UDP header.
    UdpHdr "udp.hdr" [] list "udp.hdr" packet, app Any, &[], &[] => "UDP header";
    /// ICMPv4 header.
    Icmpv4Hdr "icmpv4.hdr" [] list "icmpv4.hdr" packet, app Any, &[], &[] => "ICMPv4 header";
    /// ICMPv6 header.
    Icmpv6Hdr "icmpv6.hdr" [] list "icmpv6.hdr" packet, app Any, &[], &[] => "ICMPv6 header";
    /// Source address, 4 or 16 bytes.
    IpSrc "ip.src" [] list "ip.src" packet, app Any, &[], &[] => "Source address, 4 or 16 bytes";
    /// Destination address, 4 or 16 bytes.
    IpDst "ip.dst" [] list "ip.dst" packet, app Any, &[], &[] => "Destination address, 4 or 16 bytes";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_buffer_knows_its_names() {
        assert_eq!(Buffer::HttpUri.name(), "http.uri");
        assert_eq!(Buffer::HttpUri.modifier(), Some("http_uri"));
        assert_eq!(Buffer::TlsSni.modifier(), None);
        assert!(Buffer::DnsQuery.list().multi && Buffer::TcpHdr.list().packet);
    }
}
