//! TLS: how the server's certificate is verified, and the next step if that fails.

use std::{fs, path::Path};

use sea_orm::sqlx::{mysql::MySqlSslMode, postgres::PgSslMode};

use super::{error::CliError, parameters::Parameters};

/// The names of the drivers' parameters for the file with the CA.
const POSTGRES_ROOT: [&str; 3] = ["sslrootcert", "ssl-root-cert", "ssl-ca"];
const MYSQL_ROOT: [&str; 2] = ["sslca", "ssl-ca"];

/// Returns the mode as libpq defines it: a URL that requires TLS and names a CA requires that CA's signature.
pub(super) fn postgres_mode(
    mode: PgSslMode,
    parameters: &Parameters,
) -> Result<PgSslMode, CliError> {
    let from_environment = std::env::var("PGSSLROOTCERT").ok();
    let root = parameters
        .last(&POSTGRES_ROOT)
        .or(from_environment.as_deref());
    Ok(match (mode, root) {
        (PgSslMode::Disable | PgSslMode::Allow | PgSslMode::Prefer, _) | (_, None) => mode,
        (PgSslMode::Require, Some(root)) => {
            require_certificate(root)?;
            PgSslMode::VerifyCa
        }
        (PgSslMode::VerifyCa | PgSslMode::VerifyFull, Some(root)) => {
            require_certificate(root)?;
            mode
        }
    })
}

/// Returns the same mode for MySQL.
pub(super) fn mysql_mode(
    mode: MySqlSslMode,
    parameters: &Parameters,
) -> Result<MySqlSslMode, CliError> {
    Ok(match (mode, parameters.last(&MYSQL_ROOT)) {
        (MySqlSslMode::Disabled | MySqlSslMode::Preferred, _) | (_, None) => mode,
        (MySqlSslMode::Required, Some(root)) => {
            require_certificate(root)?;
            MySqlSslMode::VerifyCa
        }
        (MySqlSslMode::VerifyCa | MySqlSslMode::VerifyIdentity, Some(root)) => {
            require_certificate(root)?;
            mode
        }
    })
}

/// Requires that the file contains a certificate. The driver would accept a file without certificates, and would report
/// a missing file as an unreachable server.
fn require_certificate(root: &str) -> Result<(), CliError> {
    const BEGIN: &[u8] = b"-----BEGIN CERTIFICATE-----";
    if root.trim_start().starts_with("-----BEGIN") {
        return Ok(());
    }
    let unusable = |reason: String| CliError::RootCertificate {
        file: root.into(),
        reason,
    };
    let text = fs::read(Path::new(root)).map_err(|error| unusable(error.to_string()))?;
    match text.windows(BEGIN.len()).any(|window| window == BEGIN) {
        true => Ok(()),
        false => Err(unusable(
            "the file contains no certificate in PEM format".to_owned(),
        )),
    }
}

/// The reason why there is no TLS connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Problem {
    NotOffered,
    UnknownIssuer,
    NameMismatch,
    Expired,
    NotYetValid,
    Version1,
    IsAuthority,
    ClientCertificate,
    Other,
}

/// A part of the message of rustls or sqlx for each reason.
const MESSAGES: [(&str, Problem); 12] = [
    ("server does not support TLS", Problem::NotOffered),
    ("UnknownIssuer", Problem::UnknownIssuer),
    ("BadSignature", Problem::UnknownIssuer),
    ("not valid for name", Problem::NameMismatch),
    ("NotValidForName", Problem::NameMismatch),
    ("certificate expired", Problem::Expired),
    ("certificate: Expired", Problem::Expired),
    ("not valid yet", Problem::NotYetValid),
    ("NotValidYet", Problem::NotYetValid),
    ("UnsupportedCertVersion", Problem::Version1),
    ("CaUsedAsEndEntity", Problem::IsAuthority),
    ("CertificateRequired", Problem::ClientCertificate),
];

impl Problem {
    pub(super) fn of(reason: &str) -> Self {
        let mut messages = MESSAGES.iter();
        let found = messages.find(|(message, _)| reason.contains(message));
        found.map_or(Self::Other, |(_, problem)| *problem)
    }

    pub(super) fn hint(self) -> &'static str {
        match self {
            Self::NotOffered => {
                "enable TLS on the server, or connect without TLS if the network is trusted: \
                 ?sslmode=disable, MySQL: ?ssl-mode=disabled"
            }
            Self::UnknownIssuer => {
                "name the file with the CA that signed the server's certificate: ?sslrootcert=FILE, \
                 MySQL: ?ssl-ca=FILE"
            }
            Self::NameMismatch => {
                "connect to a name that the certificate contains, or issue the certificate for this name; \
                 sslmode=verify-ca, MySQL: ssl-mode=verify_ca, compares no names"
            }
            Self::Expired => "renew the server's certificate",
            Self::NotYetValid => "check the clocks of this machine and of the server",
            Self::Version1 => {
                "give the server a certificate of X.509 version 3, or connect without TLS if the network is trusted: \
                 ?sslmode=disable, MySQL: ?ssl-mode=disabled"
            }
            Self::IsAuthority => {
                "the server presents the CA's own certificate: sign a certificate for the server with it, with \
                 basicConstraints CA:FALSE"
            }
            Self::ClientCertificate => {
                "name a certificate and its key for this user: ?sslcert=FILE&sslkey=FILE, \
                 MySQL: ?ssl-cert=FILE&ssl-key=FILE"
            }
            Self::Other => {
                "give the server a certificate of X.509 version 3 for its name, or connect without TLS if the network is \
                 trusted: ?sslmode=disable, MySQL: ?ssl-mode=disabled"
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_reason_has_its_problem() {
        for (reason, problem) in [
            (
                "invalid peer certificate: UnknownIssuer",
                Problem::UnknownIssuer,
            ),
            (
                "invalid peer certificate: certificate not valid for name \"h\"; certificate is only valid for g",
                Problem::NameMismatch,
            ),
            (
                "invalid peer certificate: certificate expired: at",
                Problem::Expired,
            ),
            (
                "invalid peer certificate: Other(OtherError(UnsupportedCertVersion))",
                Problem::Version1,
            ),
            ("received fatal alert: ProtocolVersion", Problem::Other),
        ] {
            assert_eq!(Problem::of(reason), problem, "{reason}");
        }
    }
}
