//! Asking whoever has answered once more: a command that an answer advises is there to be pasted, so it needs the flags that led here.

use std::fmt::Write;
use std::path::PathBuf;

use crate::app::inspect::problems::word;
use crate::app::world::Place;

/// The flags that ask the same one again.
#[derive(Debug)]
pub(super) struct Again {
    flags: String,
    /// The files that have answered, if it was files.
    files: Option<PathBuf>,
}

impl Again {
    /// `agent` and `gateway`: the flags of a Consul and of a gateway, as they were typed.
    pub(super) fn of(place: &Place, agent: &[(&'static str, String)], gateway: &[(&'static str, String)]) -> Self {
        let files = match place {
            Place::Files(path) | Place::UnjudgedFiles(path) => Some(path.clone()),
            _ => None,
        };
        let path = |path: &PathBuf| path.display().to_string();
        let mut of_place = match place {
            Place::Running(admin) => vec![("--admin", admin.to_string())],
            Place::Files(files) | Place::UnjudgedFiles(files) => vec![("-c", path(files))],
            Place::Dump(file) => vec![("--dump", path(file))],
            // The variables hold for who types the next command, too; but files and gateways would come before them.
            Place::Consul(_) if agent.iter().any(|(flag, _)| *flag == "--http-addr") => agent.to_vec(),
            Place::Consul(reading) => [&[("--http-addr", reading.settings.agent.to_string())], agent].concat(),
        };
        of_place.extend_from_slice(gateway);
        let mut flags = String::new();
        for (flag, value) in of_place {
            // Writing to a String cannot fail.
            let _ = write!(flags, " {flag} {}", word(&value));
        }
        Self { flags, files }
    }

    /// What is advised, as it is typed here. What is no question, or is asked of nobody, stays as it is.
    pub(super) fn typed(&self, advised: &str) -> String {
        let asks = advised.strip_prefix("gw inspect ").is_some_and(|question| !question.starts_with("explain "));
        match (&self.files, advised) {
            (Some(files), "gw config validate") => format!("{advised} {}", word(&files.display().to_string())),
            _ if asks => format!("{advised}{}", self.flags),
            _ => advised.to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_that_is_advised_asks_the_one_that_has_answered() {
        let service = [("--service", "edge 2".to_owned())];
        for (place, chain, validate) in [
            (Place::Running("127.0.0.1:19001".parse().unwrap()), "--admin 127.0.0.1:19001 --service 'edge 2'", ""),
            (Place::Files("a b/gw.toml".into()), "-c 'a b/gw.toml' --service 'edge 2'", " 'a b/gw.toml'"),
            (Place::Dump("gw.dump".into()), "--dump gw.dump --service 'edge 2'", ""),
        ] {
            let again = Again::of(&place, &[], &service);
            assert_eq!(again.typed("gw inspect chain web"), format!("gw inspect chain web {chain}"));
            assert_eq!(again.typed("gw config validate"), format!("gw config validate{validate}"));
            for asks_nobody in ["gw inspect explain GW0404", "gw certs issue web", "write CAFile = \"system\""] {
                assert_eq!(again.typed(asks_nobody), asks_nobody);
            }
        }
    }
}
