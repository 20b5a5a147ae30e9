//! Names of engine events, as Suricata 7.0.10 has them.

/// Events of `decode-event`.
#[rustfmt::skip]
pub const DECODE_EVENTS: &[&str] = &[
    "afpacket.trunc_pkt", "ipv4.pkt_too_small", "ipv4.hlen_too_small", "ipv4.iplen_smaller_than_hlen",
    "ipv4.trunc_pkt", "ipv4.opt_invalid", "ipv4.opt_invalid_len", "ipv4.opt_malformed", "ipv4.opt_pad_required",
    "ipv4.opt_eol_required", "ipv4.opt_duplicate", "ipv4.opt_unknown", "ipv4.wrong_ip_version", "ipv4.icmpv6",
    "icmpv4.pkt_too_small", "icmpv4.unknown_type", "icmpv4.unknown_code", "icmpv4.ipv4_trunc_pkt",
    "icmpv4.ipv4_unknown_ver", "icmpv6.unknown_type", "icmpv6.unknown_code", "icmpv6.pkt_too_small",
    "icmpv6.ipv6_unknown_version", "icmpv6.ipv6_trunc_pkt", "icmpv6.mld_message_with_invalid_hl",
    "icmpv6.unassigned_type", "icmpv6.experimentation_type", "ipv6.pkt_too_small", "ipv6.trunc_pkt",
    "ipv6.trunc_exthdr", "ipv6.exthdr_dupl_fh", "ipv6.exthdr_useless_fh", "ipv6.exthdr_dupl_rh",
    "ipv6.exthdr_dupl_hh", "ipv6.exthdr_dupl_dh", "ipv6.exthdr_dupl_ah", "ipv6.exthdr_dupl_eh",
    "ipv6.exthdr_invalid_optlen", "ipv6.wrong_ip_version", "ipv6.exthdr_ah_res_not_null",
    "ipv6.hopopts_unknown_opt", "ipv6.hopopts_only_padding", "ipv6.dstopts_unknown_opt",
    "ipv6.dstopts_only_padding", "ipv6.rh_type_0", "ipv6.zero_len_padn", "ipv6.fh_non_zero_reserved_field",
    "ipv6.data_after_none_header", "ipv6.unknown_next_header", "ipv6.icmpv4", "tcp.pkt_too_small",
    "tcp.hlen_too_small", "tcp.invalid_optlen", "tcp.opt_invalid_len", "tcp.opt_duplicate", "udp.pkt_too_small",
    "udp.hlen_too_small", "udp.hlen_invalid", "udp.len_invalid", "sll.pkt_too_small", "ethernet.pkt_too_small",
    "ppp.pkt_too_small", "ppp.vju_pkt_too_small", "ppp.ip4_pkt_too_small", "ppp.ip6_pkt_too_small",
    "ppp.wrong_type", "ppp.unsup_proto", "pppoe.pkt_too_small", "pppoe.wrong_code", "pppoe.malformed_tags",
    "gre.pkt_too_small", "gre.wrong_version", "gre.version0_recur", "gre.version0_flags",
    "gre.version0_hdr_too_big", "gre.version0_malformed_sre_hdr", "gre.version1_chksum", "gre.version1_route",
    "gre.version1_ssr", "gre.version1_recur", "gre.version1_flags", "gre.version1_no_key",
    "gre.version1_wrong_protocol", "gre.version1_malformed_sre_hdr", "gre.version1_hdr_too_big",
    "vlan.header_too_small", "vlan.unknown_type", "vlan.too_many_layers", "ieee8021ah.header_too_small",
    "vntag.header_too_small", "vntag.unknown_type", "ipraw.invalid_ip_version", "ltnull.pkt_too_small",
    "ltnull.unsupported_type", "sctp.pkt_too_small", "esp.pkt_too_small", "ipv4.frag_pkt_too_large",
    "ipv6.frag_pkt_too_large", "ipv4.frag_overlap", "ipv6.frag_overlap", "ipv6.frag_invalid_length",
    "ipv4.frag_ignored", "ipv6.frag_ignored", "ipv6.ipv4_in_ipv6_too_small", "ipv6.ipv4_in_ipv6_wrong_version",
    "ipv6.ipv6_in_ipv6_too_small", "ipv6.ipv6_in_ipv6_wrong_version", "mpls.header_too_small",
    "mpls.pkt_too_small", "mpls.bad_label_router_alert", "mpls.bad_label_implicit_null",
    "mpls.bad_label_reserved", "mpls.unknown_payload_type", "vxlan.unknown_payload_type",
    "geneve.unknown_payload_type", "erspan.header_too_small", "erspan.unsupported_version",
    "erspan.too_many_vlan_layers", "dce.pkt_too_small", "chdlc.pkt_too_small", "nsh.header_too_small",
    "nsh.unsupported_version", "nsh.bad_header_length", "nsh.reserved_type", "nsh.unsupported_type",
    "nsh.unknown_payload", "too_many_layers",
];

/// Those that came with Suricata 8.0.
pub const LATER_DECODE_EVENTS: &[&str] = &[
    "arp.pkt_too_small",
    "arp.unsupported_hardware",
    "arp.unsupported_protocol",
    "arp.invalid_pkt",
    "arp.invalid_hardware_size",
    "arp.invalid_protocol_size",
    "arp.unsupported_opcode",
    "ethernet.unknown_ethertype",
    "sll2.pkt_too_small",
];

/// Events of `stream-event`.
#[rustfmt::skip]
pub const STREAM_EVENTS: &[&str] = &[
    "3whs_ack_in_wrong_dir", "3whs_async_wrong_seq", "3whs_right_seq_wrong_ack_evasion",
    "3whs_synack_in_wrong_direction", "3whs_synack_resend_with_diff_ack", "3whs_synack_resend_with_diff_seq",
    "3whs_synack_toserver_on_syn_recv", "3whs_synack_with_wrong_ack", "3whs_synack_flood",
    "3whs_synack_tfo_data_ignored", "3whs_syn_resend_diff_seq_on_syn_recv", "3whs_syn_toclient_on_syn_recv",
    "3whs_syn_flood", "3whs_wrong_seq_wrong_ack", "3whs_ack_data_inject", "4whs_synack_with_wrong_ack",
    "4whs_synack_with_wrong_syn", "4whs_wrong_seq", "4whs_invalid_ack", "closewait_ack_out_of_window",
    "closewait_fin_out_of_window", "closewait_pkt_before_last_ack", "closewait_invalid_ack",
    "closing_ack_wrong_seq", "closing_invalid_ack", "est_packet_out_of_window", "est_pkt_before_last_ack",
    "est_synack_resend", "est_synack_resend_with_diff_ack", "est_synack_resend_with_diff_seq",
    "est_synack_toserver", "est_syn_resend", "est_syn_resend_diff_seq", "est_syn_toclient", "est_invalid_ack",
    "est_ack_zwp_data", "fin_invalid_ack", "fin1_ack_wrong_seq", "fin1_fin_wrong_seq", "fin1_invalid_ack",
    "fin2_ack_wrong_seq", "fin2_fin_wrong_seq", "fin2_invalid_ack", "fin_but_no_session", "fin_out_of_window",
    "fin_syn", "lastack_ack_wrong_seq", "lastack_invalid_ack", "rst_but_no_session", "timewait_ack_wrong_seq",
    "timewait_invalid_ack", "shutdown_syn_resend", "pkt_invalid_timestamp", "pkt_invalid_ack", "pkt_broken_ack",
    "rst_invalid_ack", "rst_with_data", "pkt_retransmission", "pkt_spurious_retransmission",
    "pkt_bad_window_update", "suspected_rst_inject", "wrong_thread", "reassembly_segment_before_base_seq",
    "reassembly_no_segment", "reassembly_seq_gap", "reassembly_overlap_different_data",
    "reassembly_depth_reached", "reassembly_insert_memcap", "reassembly_insert_limit",
    "reassembly_insert_invalid", "reassembly_urgent_oob_limit_reached",
];

/// Events of transactions, protocol by protocol, for those whose events are all listed. Suricata leaves a rule about
/// another event of such a protocol out.
#[rustfmt::skip]
pub const TRANSACTION_EVENTS: &[(&str, &[&str])] = &[
    ("dns", &[
        "malformed_data", "not_request", "not_response", "z_flag_set", "invalid_opcode", "name_too_long",
        "infinite_loop", "too_many_labels",
    ]),
    ("ssh", &["invalid_banner", "long_banner", "invalid_record", "long_kex_record"]),
    ("http2", &[
        "invalid_frame_header", "invalid_client_magic", "invalid_frame_data", "invalid_header",
        "invalid_frame_length", "extra_header_data", "long_frame_data", "stream_id_reuse", "invalid_http1_settings",
        "failed_decompression", "invalid_range", "header_integer_overflow", "too_many_streams",
        "authority_host_mismatch", "userinfo_in_uri", "reassembly_limit_reached",
    ]),
    ("tls", &[
        "invalid_sslv2_header", "invalid_tls_header", "invalid_record_version", "invalid_record_type",
        "invalid_record_length", "invalid_handshake_message", "heartbeat_message", "invalid_heartbeat_message",
        "overflow_heartbeat_message", "dataleak_heartbeat_mismatch", "handshake_invalid_length",
        "multiple_sni_extensions", "invalid_sni_type", "invalid_sni_length", "too_many_records_in_packet",
        "invalid_certificate", "certificate_invalid_length", "certificate_invalid_version",
        "certificate_invalid_serial", "certificate_invalid_algorithmidentifier", "certificate_invalid_x509name",
        "certificate_invalid_date", "certificate_invalid_extensions", "certificate_invalid_der",
        "certificate_invalid_subject", "certificate_invalid_issuer", "certificate_invalid_validity",
        "error_message_encountered", "invalid_ssl_record",
    ]),
    ("http", &[
        "unknown_error", "gzip_decompression_failed", "request_field_missing_colon", "response_field_missing_colon",
        "invalid_request_chunk_len", "invalid_response_chunk_len", "invalid_transfer_encoding_value_in_request",
        "invalid_transfer_encoding_value_in_response", "invalid_content_length_field_in_request",
        "invalid_content_length_field_in_response", "duplicate_content_length_field_in_request",
        "duplicate_content_length_field_in_response", "100_continue_already_seen",
        "unable_to_match_response_to_request", "invalid_server_port_in_request", "invalid_authority_port",
        "request_header_invalid", "response_header_invalid", "missing_host_header", "host_header_ambiguous",
        "invalid_request_field_folding", "invalid_response_field_folding", "request_field_too_long",
        "response_field_too_long", "file_name_too_long", "request_line_invalid", "request_body_unexpected",
        "request_server_port_tcp_port_mismatch", "request_uri_host_invalid", "request_header_host_invalid",
        "request_auth_unrecognized", "request_header_repetition", "response_header_repetition",
        "double_encoded_uri", "uri_delim_non_compliant", "method_delim_non_compliant",
        "request_line_leading_whitespace", "too_many_encoding_layers", "abnormal_ce_header",
        "response_multipart_byteranges", "response_abnormal_transfer_encoding", "response_chunked_old_proto",
        "response_invalid_protocol", "response_invalid_status", "request_line_incomplete", "lzma_memlimit_reached",
        "compression_bomb", "range_invalid", "request_chunk_extension", "request_too_many_headers",
        "response_too_many_headers", "multipart_generic_error", "multipart_no_filedata", "multipart_invalid_header",
        "too_many_warnings", "failed_protocol_change",
    ]),
];

/// Events of these protocols that came with Suricata 8.0.
#[rustfmt::skip]
pub const LATER_TRANSACTION_EVENTS: &[(&str, &[&str])] = &[
    ("dns", &["invalid_additionals", "invalid_authorities"]),
    ("http2", &[
        "dns_request_too_long", "dns_response_too_long", "data_stream_zero", "too_many_frames", "compression_bomb",
    ]),
    ("tls", &["invalid_alert_message"]),
    ("http", &[
        "compression_bomb_double_lzma", "compression_bomb_limit_reached", "connection_already_open",
        "content_length_extra_data_end", "content_length_extra_data_start", "deformed_eol",
        "invalid_content_encoding", "invalid_gap", "lzma_decompression_disabled",
        "missing_inbound_transaction_data", "missing_outbound_transaction_data", "parser_state_error",
        "protocol_contains_extra_data", "request_body_data_callback_error", "request_invalid_empty_name",
        "request_invalid_lws_after_name", "request_line_missing_protocol", "request_line_unknown_method",
        "request_line_unknown_method_invalid_protocol", "request_line_unknown_method_no_protocol",
        "request_too_many_lzma_layers", "response_body_internal_error", "response_body_unexpected",
        "response_chunk_extension", "response_header_name_not_token", "response_invalid_empty_name",
        "response_invalid_lws_after_name", "response_line_invalid_protocol",
        "response_line_invalid_response_status", "response_too_many_lzma_layers",
        "switching_proto_with_content_length", "zero_length_data_chunks",
    ]),
];

/// An event of decoder or transaction that came with Suricata 8.0, by its name without `decoder.`.
pub(crate) fn is_later_event(name: &str) -> bool {
    let of_transaction = name.split_once('.').is_some_and(|(protocol, event)| {
        LATER_TRANSACTION_EVENTS
            .iter()
            .filter(|(listed, _)| listed.eq_ignore_ascii_case(protocol))
            .any(|(_, events)| events.iter().any(|known| known.eq_ignore_ascii_case(event)))
    });
    of_transaction || LATER_DECODE_EVENTS.iter().any(|known| known.eq_ignore_ascii_case(name))
}

/// Events of `app-layer-event` that belong to no protocol.
#[rustfmt::skip]
pub const APP_LAYER_PACKET_EVENTS: &[&str] = &[
    "applayer_mismatch_protocol_both_directions", "applayer_wrong_direction_first_data",
    "applayer_detect_protocol_only_one_direction", "applayer_proto_detection_skipped",
    "applayer_no_tls_after_starttls", "applayer_unexpected_protocol",
];
