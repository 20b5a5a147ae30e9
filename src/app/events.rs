//! Events of transactions, by the names that `app-layer-event` has for them.

/// Those that the parsers here raise where Suricata's do, and behind them those that Suricata 7.0.10 with its default
/// settings never raises. A rule about any other is refused: it would never match.
#[rustfmt::skip]
pub const EVENTS: &[&str] = &[
    "dns.infinite_loop", "dns.invalid_opcode", "dns.malformed_data", "dns.name_too_long", "dns.not_request",
    "dns.not_response", "dns.too_many_labels", "dns.z_flag_set", "http.100_continue_already_seen",
    "http.abnormal_ce_header", "http.duplicate_content_length_field_in_request",
    "http.duplicate_content_length_field_in_response", "http.host_header_ambiguous",
    "http.invalid_content_length_field_in_request", "http.invalid_content_length_field_in_response",
    "http.invalid_request_chunk_len", "http.invalid_request_field_folding", "http.invalid_response_chunk_len",
    "http.invalid_response_field_folding", "http.invalid_transfer_encoding_value_in_request",
    "http.method_delim_non_compliant", "http.missing_host_header", "http.request_auth_unrecognized",
    "http.request_body_unexpected", "http.request_chunk_extension", "http.request_field_missing_colon",
    "http.request_field_too_long", "http.request_header_host_invalid", "http.request_header_invalid",
    "http.request_line_incomplete", "http.request_line_leading_whitespace", "http.request_too_many_headers",
    "http.request_uri_host_invalid", "http.response_abnormal_transfer_encoding", "http.response_chunked_old_proto",
    "http.response_field_missing_colon", "http.response_header_invalid",
    "http.response_invalid_protocol", "http.response_invalid_status", "http.response_multipart_byteranges",
    "http.response_too_many_headers", "http.too_many_encoding_layers", "http.unable_to_match_response_to_request",
    "http.uri_delim_non_compliant", "http2.authority_host_mismatch", "http2.invalid_client_magic",
    "http2.invalid_frame_data", "http2.invalid_frame_length", "http2.invalid_header", "http2.long_frame_data",
    "http2.stream_id_reuse", "http2.too_many_streams", "http2.userinfo_in_uri", "ssh.invalid_banner",
    "ssh.invalid_record", "ssh.long_banner", "tls.dataleak_heartbeat_mismatch",
    "tls.error_message_encountered", "tls.handshake_invalid_length",
    "tls.invalid_handshake_message", "tls.invalid_heartbeat_message", "tls.invalid_record_length",
    "tls.invalid_record_type", "tls.invalid_record_version", "tls.invalid_sni_length", "tls.invalid_sni_type",
    "tls.invalid_ssl_record", "tls.invalid_sslv2_header", "tls.multiple_sni_extensions",
    "tls.overflow_heartbeat_message", "tls.too_many_records_in_packet",
    "tls.certificate_invalid_algorithmidentifier", "tls.certificate_invalid_date", "tls.certificate_invalid_der", "tls.certificate_invalid_extensions", "tls.certificate_invalid_issuer", "tls.certificate_invalid_length", "tls.certificate_invalid_serial", "tls.certificate_invalid_subject", "tls.certificate_invalid_version", "tls.certificate_invalid_x509name", "tls.invalid_certificate",
    // of 8.0
    "dns.invalid_additionals", "dns.invalid_authorities", "http.deformed_eol", "http.protocol_contains_extra_data",
    "http.request_invalid_lws_after_name", "http.request_line_missing_protocol", "http.request_line_unknown_method",
    "http.request_line_unknown_method_invalid_protocol", "http.request_line_unknown_method_no_protocol",
    "http.response_body_unexpected", "http.response_chunk_extension", "http.response_header_name_not_token",
    "http.response_invalid_lws_after_name", "http.response_line_invalid_protocol",
    "http.response_line_invalid_response_status", "http.switching_proto_with_content_length",
    "http2.data_stream_zero", "http2.dns_request_too_long", "http2.dns_response_too_long",
    "tls.invalid_alert_message",
    // known, never raised
    "http.connection_already_open", "http.request_invalid_empty_name", "http.response_invalid_empty_name",
    "http.zero_length_data_chunks",
    "tls.invalid_tls_header",
    "http.double_encoded_uri", "http.invalid_authority_port", "http.invalid_server_port_in_request",
    "http.invalid_transfer_encoding_value_in_response", "http.request_header_repetition",
    "http.request_server_port_tcp_port_mismatch", "http.response_field_too_long", "http.response_header_repetition",
    "tls.heartbeat_message",
];
