//! Why a connection could not be secured, in words for whoever owns the webhook. The library's own words quote the target, such as the
//! other names in its certificate, and a tenant must not learn from us what hosts there are beside the one that it named.

use rustls::{AlertDescription, CertificateError, Error};

/// What was wrong, as it is told in `error` of a delivery.
pub(super) fn reason(error: &Error) -> &'static str {
    match error {
        Error::InvalidCertificate(error) => of_certificate(error),
        Error::AlertReceived(alert) => of_alert(*alert),
        Error::NoCertificatesPresented => "the target shows no certificate",
        Error::PeerIncompatible(_) => "the target offers no version or cipher of TLS that is used here",
        Error::InvalidMessage(_) | Error::PeerSentOversizedRecord => "the target does not speak TLS",
        Error::InappropriateMessage { .. }
        | Error::InappropriateHandshakeMessage { .. }
        | Error::PeerMisbehaved(_)
        | Error::DecryptError => "the target does not keep to the rules of TLS",
        _ => "TLS failed",
    }
}

fn of_certificate(error: &CertificateError) -> &'static str {
    use CertificateError as E;
    match error {
        E::UnknownIssuer | E::BadSignature => "the target's certificate is not from an authority that this server trusts",
        E::NotValidForName | E::NotValidForNameContext { .. } => "the target's certificate is for another host",
        E::Expired | E::ExpiredContext { .. } => "the target's certificate has expired",
        E::NotValidYet | E::NotValidYetContext { .. } => "the target's certificate is not valid yet",
        E::Revoked => "the target's certificate was revoked",
        E::InvalidPurpose | E::InvalidPurposeContext { .. } => "the target's certificate is not one for servers",
        // What has no name of its own in the library. Most often: a certificate that signs itself, made as an authority's.
        E::Other(_) => "the target's certificate is not one that a server may show, such as an authority's own",
        _ => "the target's certificate cannot be verified",
    }
}

fn of_alert(alert: AlertDescription) -> &'static str {
    match alert {
        AlertDescription::CertificateRequired => "the target asks for a certificate of this server, which has none",
        AlertDescription::UnrecognisedName => "the target does not know its name",
        AlertDescription::ProtocolVersion | AlertDescription::HandshakeFailure | AlertDescription::InsufficientSecurity => {
            "the target accepts no version or cipher of TLS that is used here, or asks for a certificate of this server"
        }
        _ => "the target broke off",
    }
}
