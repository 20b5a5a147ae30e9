//! Certificate messages.
//!
//! What a certificate says is read by the library that Suricata uses, in its version: whether a certificate can be read
//! decides when the handshake is over, and names are compared as that library writes them.

use super::super::fingerprint::sha1_with_colons;
use super::super::reader::Reader;
use super::super::transaction::raise;
use crate::packet::EventSet;
use x509_parser::error::X509Error;
use x509_parser::nom;
use x509_parser::prelude::{FromDer, X509Certificate};

/// A side's certificates.
#[derive(Debug, Default)]
pub(super) struct Certificates {
    /// A chain has come; later ones are passed over.
    seen: bool,
    subject: bool,
    issuer: bool,
    serial: bool,
    kept: Option<Box<Kept>>,
}

/// What is kept when rules look at it.
#[derive(Debug, Default)]
pub(super) struct Kept {
    pub(super) subject: Option<Box<str>>,
    pub(super) issuer: Option<Box<str>>,
    /// Bytes in upper case hexadecimal with colons between them.
    pub(super) serial: Option<Box<str>>,
    /// SHA-1 in lower case hexadecimal with colons between the bytes.
    pub(super) fingerprint: Option<Box<str>>,
    /// Seconds since 1970; 0 when not known.
    pub(super) not_before: i64,
    pub(super) not_after: i64,
    /// DER.
    pub(super) chain: Vec<Box<[u8]>>,
}

/// The rest of the chain is not read.
struct Refused;

impl Certificates {
    /// Subject or issuer of a certificate is known.
    pub(super) fn is_begun(&self) -> bool {
        self.subject || self.issuer
    }

    /// Subject and issuer of a certificate are known.
    pub(super) fn is_known(&self) -> bool {
        self.subject && self.issuer
    }

    pub(super) fn kept(&self) -> Option<&Kept> {
        self.kept.as_deref()
    }

    /// Reads a chain. `keep`: rules look at it.
    pub(super) fn read(&mut self, events: &mut EventSet, message: &[u8], keep: bool) {
        let mut reader = Reader(message);
        let Some(chain) = reader.u24().and_then(|len| reader.take(len as usize)) else { return };
        if self.seen {
            return;
        }
        self.seen = true;
        let mut chain = Reader(chain);
        while !chain.is_empty() {
            let Some(certificate) = chain.u24().and_then(|len| chain.take(len as usize)) else {
                raise(events, "tls.invalid_certificate");
                return;
            };
            if self.certificate(events, certificate, keep).is_err() {
                return;
            }
        }
    }

    /// The first certificate that can be read is that of the side; one that cannot, ahead of it, is not of the chain.
    fn certificate(&mut self, events: &mut EventSet, der: &[u8], keep: bool) -> Result<(), Refused> {
        if !self.subject && !self.issuer && !self.serial {
            match X509Certificate::from_der(der) {
                Ok((_, certificate)) => self.first(events, &certificate, der, keep)?,
                Err(error) => {
                    raise(events, event_of(&error));
                    return Ok(());
                }
            }
        }
        if keep {
            self.kept.get_or_insert_default().chain.push(der.into());
        }
        Ok(())
    }

    fn first(
        &mut self,
        events: &mut EventSet,
        certificate: &X509Certificate<'_>,
        der: &[u8],
        keep: bool,
    ) -> Result<(), Refused> {
        let subject = c_string(certificate.subject().to_string());
        let issuer = c_string(certificate.issuer().to_string());
        self.subject = subject.is_some();
        self.issuer = self.subject && issuer.is_some();
        self.serial = self.issuer;
        let refusal = match (self.subject, self.issuer) {
            (false, _) => Some("tls.certificate_invalid_subject"),
            (_, false) => Some("tls.certificate_invalid_issuer"),
            _ => None,
        };
        if keep {
            let kept = self.kept.get_or_insert_default();
            kept.subject = subject;
            if self.subject {
                kept.issuer = issuer;
            }
            if self.issuer {
                let serial: Vec<String> = certificate.raw_serial().iter().map(|byte| format!("{byte:02X}")).collect();
                kept.serial = Some(serial.join(":").into());
                kept.not_before = certificate.validity().not_before.timestamp();
                kept.not_after = certificate.validity().not_after.timestamp();
                kept.fingerprint = Some(sha1_with_colons(der));
            }
        }
        match refusal {
            Some(event) => {
                raise(events, event);
                Err(Refused)
            }
            None => Ok(()),
        }
    }
}

/// Text that can be kept with a NUL at its end.
fn c_string(text: String) -> Option<Box<str>> {
    (!text.contains('\0')).then(|| text.into())
}

fn event_of(error: &nom::Err<X509Error>) -> &'static str {
    match error {
        nom::Err::Incomplete(_) => "tls.certificate_invalid_length",
        nom::Err::Error(error) | nom::Err::Failure(error) => match error {
            X509Error::InvalidVersion => "tls.certificate_invalid_version",
            X509Error::InvalidSerial => "tls.certificate_invalid_serial",
            X509Error::InvalidAlgorithmIdentifier => "tls.certificate_invalid_algorithmidentifier",
            X509Error::InvalidX509Name => "tls.certificate_invalid_x509name",
            X509Error::InvalidDate => "tls.certificate_invalid_date",
            X509Error::InvalidExtensions => "tls.certificate_invalid_extensions",
            X509Error::Der(_) => "tls.certificate_invalid_der",
            _ => "tls.invalid_certificate",
        },
    }
}
