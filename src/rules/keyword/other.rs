//! Keywords that are known and not taken apart yet, with what they ask of the rule.

use super::{Argument, Effect, Family, KeywordDef, ListDef, Parse};
use crate::rules::Protocol::{self, Dcerpc, Dhcp, Dns, Ftp, FtpData, Http2, Ike, Krb5, Mqtt, Nfs, Rfb, Smb, Snmp, Tls};
use crate::rules::Protocol::{Http1, Smtp};

const fn list(
    name: &'static str,
    app: Option<Protocol>,
    to_server: &'static [Protocol],
    to_client: &'static [Protocol],
) -> ListDef {
    ListDef { name, app, to_server, to_client, multi: false, packet: false }
}

const DNS_OPCODE: ListDef = list("dns.opcode", Some(Dns), &[Dns], &[Dns]);
const FTP_REQUEST: ListDef = list("ftp_request", Some(Ftp), &[Ftp], &[]);
const FTPDATA_COMMAND: ListDef = list("ftpdata_command", Some(FtpData), &[FtpData], &[FtpData]);
const DCE_GENERIC: ListDef = list("dce_generic", Some(Dcerpc), &[Dcerpc, Smb], &[Dcerpc, Smb]);
const KRB5_ERR_CODE: ListDef = list("krb5_err_code", Some(Krb5), &[Krb5], &[Krb5]);
const KRB5_MSG_TYPE: ListDef = list("krb5_msg_type", Some(Krb5), &[Krb5], &[Krb5]);
const KRB5_TICKET: ListDef = list("krb5_ticket_encryption", Some(Krb5), &[], &[Krb5]);
const NFS_REQUEST: ListDef = list("nfs_request", Some(Nfs), &[Nfs], &[]);
const RFB_SECRESULT: ListDef = list("rfb.secresult", Some(Rfb), &[], &[Rfb]);
const RFB_SECTYPE: ListDef = list("rfb.sectype", Some(Rfb), &[Rfb], &[]);
const SNMP_VERSION: ListDef = list("snmp.version", Some(Snmp), &[Snmp], &[Snmp]);
const SNMP_PDU_TYPE: ListDef = list("snmp.pdu_type", Some(Snmp), &[Snmp], &[Snmp]);
const MQTT_BOTH: ListDef = list("mqtt.type", Some(Mqtt), &[Mqtt], &[Mqtt]);
const MQTT_REASON: ListDef = list("mqtt.reason_code", Some(Mqtt), &[Mqtt], &[Mqtt]);
const MQTT_SERVER: ListDef = list("mqtt", Some(Mqtt), &[Mqtt], &[]);
const MQTT_CONNACK: ListDef = list("mqtt.connack.session_present", Some(Mqtt), &[], &[Mqtt]);
const DHCP: ListDef = list("dhcp", Some(Dhcp), &[Dhcp], &[Dhcp]);
const IKE: ListDef = list("ike", Some(Ike), &[Ike], &[Ike]);
const IKE_CHOSEN_SA: ListDef = list("ike.chosen_sa_attribute", Some(Ike), &[], &[Ike]);
const FILES: ListDef =
    list("files", None, &[Http1, Http2, Smtp, Ftp, FtpData, Smb, Nfs], &[Http1, Http2, Ftp, FtpData, Smb, Nfs]);

const fn known(
    family: Family,
    name: &'static str,
    argument: Argument,
    effect: Effect,
    doc: &'static str,
) -> KeywordDef {
    KeywordDef { name, aliases: &[], family, argument, parse: Parse::Recognised, effect, doc }
}

const fn app(
    name: &'static str,
    aliases: &'static [&'static str],
    list: &'static ListDef,
    doc: &'static str,
) -> KeywordDef {
    KeywordDef { aliases, ..known(Family::App, name, Argument::PLAIN, Effect::Own(list), doc) }
}

const fn disabled(
    name: &'static str,
    aliases: &'static [&'static str],
    argument: Argument,
    doc: &'static str,
) -> KeywordDef {
    KeywordDef { aliases, ..known(Family::App, name, argument, Effect::Disabled, doc) }
}

const fn payload(name: &'static str, argument: Argument, effect: Effect, doc: &'static str) -> KeywordDef {
    known(Family::Payload, name, argument, effect, doc)
}

pub(super) const DEFS: &[KeywordDef] = &[
    KeywordDef {
        aliases: &["tls.store"],
        ..known(Family::App, "tls_store", Argument::NONE, Effect::App(Tls), "keeps the certificate on disk")
    },
    app("dns.opcode", &[], &DNS_OPCODE, "tests the DNS opcode"),
    KeywordDef {
        argument: Argument::NONE,
        ..app("ftpbounce", &[], &FTP_REQUEST, "an FTP PORT command names another host")
    },
    app("ftpdata_command", &[], &FTPDATA_COMMAND, "tests which FTP command opened the data connection"),
    app("dcerpc.iface", &["dce_iface"], &DCE_GENERIC, "tests the DCE/RPC interface"),
    app("dcerpc.opnum", &["dce_opnum"], &DCE_GENERIC, "tests the DCE/RPC operation number"),
    app("krb5_err_code", &[], &KRB5_ERR_CODE, "tests the Kerberos error code"),
    app("krb5_msg_type", &[], &KRB5_MSG_TYPE, "tests the Kerberos message type"),
    app("krb5.ticket_encryption", &[], &KRB5_TICKET, "tests the Kerberos ticket encryption"),
    app("nfs_procedure", &[], &NFS_REQUEST, "tests the NFS procedure"),
    app("nfs.version", &["nfs_version"], &NFS_REQUEST, "tests the NFS version"),
    app("rfb.secresult", &[], &RFB_SECRESULT, "tests the RFB security result"),
    app("rfb.sectype", &[], &RFB_SECTYPE, "tests the RFB security type"),
    app("snmp.version", &[], &SNMP_VERSION, "tests the SNMP version"),
    app("snmp.pdu_type", &[], &SNMP_PDU_TYPE, "tests the SNMP PDU type"),
    app("mqtt.type", &[], &MQTT_BOTH, "tests the MQTT message type"),
    app("mqtt.flags", &[], &MQTT_SERVER, "tests the MQTT header flags"),
    app("mqtt.qos", &[], &MQTT_SERVER, "tests the MQTT quality of service"),
    app("mqtt.protocol_version", &[], &MQTT_SERVER, "tests the MQTT version"),
    app("mqtt.reason_code", &["mqtt.connack.return_code"], &MQTT_REASON, "tests the MQTT reason code"),
    app("mqtt.connect.flags", &[], &MQTT_SERVER, "tests the flags of a CONNECT"),
    app("mqtt.connack.session_present", &[], &MQTT_CONNACK, "tests the session flag of a CONNACK"),
    app("dhcp.leasetime", &[], &DHCP, "tests the DHCP lease time"),
    app("dhcp.rebinding_time", &[], &DHCP, "tests the DHCP rebinding time"),
    app("dhcp.renewal_time", &[], &DHCP, "tests the DHCP renewal time"),
    app("ike.exchtype", &[], &IKE, "tests the IKE exchange type"),
    app("ike.key_exchange_payload_length", &[], &IKE, "tests the length of the key exchange payload"),
    app("ike.nonce_payload_length", &[], &IKE, "tests the length of the nonce payload"),
    app("ike.chosen_sa_attribute", &[], &IKE_CHOSEN_SA, "tests an attribute of the chosen IKE security association"),
    disabled("modbus", &[], Argument::PLAIN, "tests a Modbus request"),
    disabled("dnp3.data", &["dnp3_data"], Argument::NONE, "DNP3 application data, as a buffer"),
    disabled("dnp3_func", &["dnp3.func"], Argument::PLAIN, "tests the DNP3 function"),
    disabled("dnp3_ind", &["dnp3.ind"], Argument::PLAIN, "tests the DNP3 indicators"),
    disabled("dnp3_obj", &["dnp3.obj"], Argument::PLAIN, "tests the DNP3 objects"),
    disabled("cip_service", &[], Argument::PLAIN, "tests the CIP service"),
    disabled("enip_command", &[], Argument::PLAIN, "tests the EtherNet/IP command"),
    KeywordDef {
        argument: Argument::NOT_MAY_QUOTE,
        ..app("filename", &[], &FILES, "finds text in the name of a file")
    },
    KeywordDef {
        argument: Argument::NOT_MAY_QUOTE,
        ..app("fileext", &[], &FILES, "tests the extension of a file's name")
    },
    KeywordDef { argument: Argument::NOT_QUOTED, ..app("filemagic", &[], &FILES, "finds text in the kind of a file") },
    KeywordDef { argument: Argument::OPTIONAL, ..app("filestore", &[], &FILES, "keeps the file on disk") },
    app("filemd5", &[], &FILES, "looks the file's MD5 up in a list"),
    app("filesha1", &[], &FILES, "looks the file's SHA-1 up in a list"),
    app("filesha256", &[], &FILES, "looks the file's SHA-256 up in a list"),
    app("filesize", &[], &FILES, "tests the size of a file"),
    known(Family::App, "frame", Argument::PLAIN, Effect::Frame, "a frame of an application protocol, as a buffer"),
    payload("dataset", Argument::PLAIN, Effect::Here, "looks the buffer up in a set"),
    payload("datarep", Argument::PLAIN, Effect::Here, "looks the buffer's reputation up in a set"),
    payload("lua", Argument::PLAIN, Effect::Nothing, "runs a script"),
    payload("prefilter", Argument::NONE, Effect::Nothing, "evaluates the option before it ahead of the others"),
    known(Family::Header, "template2", Argument::PLAIN, Effect::PacketOnly, "an example of Suricata's developers"),
    known(Family::Header, "iprep", Argument::PLAIN, Effect::Packet, "tests the reputation of an address"),
    known(Family::Header, "nfq_set_mark", Argument::PLAIN, Effect::Nothing, "sets the mark of the packet"),
    known(Family::Flow, "flowvar", Argument::PLAIN, Effect::Packet, "tests a named text of the flow"),
    known(Family::Flow, "pktvar", Argument::PLAIN, Effect::Packet, "tests a named text of the packet"),
    known(Family::Flow, "bypass", Argument::NONE, Effect::Nothing, "looks no further into the flow"),
    known(Family::Flow, "config", Argument::PLAIN, Effect::Nothing, "changes what is logged"),
];
