//! Hellos as tests write them: parts that may be wrong, put together with lengths that fit.

/// Types of extensions.
pub(crate) const SERVER_NAME: u16 = 0;
pub(crate) const ALPN: u16 = 16;
const KEY_SHARE: u16 = 51;

/// A ClientHello. What is not said is as clients have it.
#[derive(Debug, Clone)]
pub(crate) struct Draft {
    pub(crate) version: u16,
    pub(crate) session: Vec<u8>,
    pub(crate) suites: Vec<u16>,
    pub(crate) compression: Vec<u8>,
    /// `None`: the message ends behind the compression methods.
    pub(crate) extensions: Option<Vec<(u16, Vec<u8>)>>,
}

impl Default for Draft {
    fn default() -> Self {
        let extensions = vec![
            (0x2a2a, vec![]),                                      // GREASE
            (10, prefixed(2, &[0x1a, 0x1a, 0x11, 0xec, 0, 0x1d])), // supported_groups, post-quantum first
            (13, prefixed(2, &[4, 3, 8, 4, 8, 5])),                // signature_algorithms
            (43, vec![6, 0xfa, 0xfa, 3, 4, 3, 3]),                 // supported_versions
            (45, vec![1, 1]),                                      // psk_key_exchange_modes
            (KEY_SHARE, prefixed(2, &share(0x001d, &[7; 32]))),
        ];
        Self {
            version: 0x0303,
            session: vec![9; 32],
            suites: vec![0x1a1a, 0x1301, 0xc02b],
            compression: vec![0],
            extensions: Some(extensions),
        }
    }
}

impl Draft {
    pub(crate) fn to(name: &str) -> Self {
        Self::default().with(SERVER_NAME, server_name(name.as_bytes()))
    }

    pub(crate) fn with(mut self, kind: u16, said: Vec<u8>) -> Self {
        self.extensions.get_or_insert_default().push((kind, said));
        self
    }

    /// With the key share of X25519MLKEM768 before the other.
    pub(crate) fn post_quantum(mut self) -> Self {
        let shares = [share(0x11ec, &[5; 1216]), share(0x001d, &[7; 32])].concat();
        self.extensions.iter_mut().flatten().filter(|(kind, _)| *kind == KEY_SHARE).for_each(|(_, said)| *said = prefixed(2, &shares));
        self
    }

    /// The handshake message.
    pub(crate) fn message(&self) -> Vec<u8> {
        let mut body = self.version.to_be_bytes().to_vec();
        body.extend([3; 32]);
        body.extend(prefixed(1, &self.session));
        body.extend(prefixed(2, &self.suites.iter().flat_map(|suite| suite.to_be_bytes()).collect::<Vec<u8>>()));
        body.extend(prefixed(1, &self.compression));
        if let Some(extensions) = &self.extensions {
            let extensions = extensions.iter().flat_map(|(kind, said)| [kind.to_be_bytes().to_vec(), prefixed(2, said)].concat());
            body.extend(prefixed(2, &extensions.collect::<Vec<u8>>()));
        }
        [vec![1], prefixed(3, &body)].concat()
    }

    /// The message in one record.
    pub(crate) fn bytes(&self) -> Vec<u8> {
        record(&self.message())
    }
}

fn share(group: u16, key: &[u8]) -> Vec<u8> {
    [group.to_be_bytes().to_vec(), prefixed(2, key)].concat()
}

/// The bytes behind their number, in so many bytes.
pub(crate) fn prefixed(width: usize, bytes: &[u8]) -> Vec<u8> {
    [&bytes.len().to_be_bytes()[8 - width..], bytes].concat()
}

/// What the extension server_name says for one name.
pub(crate) fn server_name(name: &[u8]) -> Vec<u8> {
    server_names(&[(0, name)])
}

/// .. and for several, with their types.
pub(crate) fn server_names(names: &[(u8, &[u8])]) -> Vec<u8> {
    prefixed(2, &names.iter().flat_map(|(kind, name)| [vec![*kind], prefixed(2, name)].concat()).collect::<Vec<u8>>())
}

/// What the extension ALPN says.
pub(crate) fn protocols(of: &[&[u8]]) -> Vec<u8> {
    prefixed(2, &of.iter().flat_map(|protocol| prefixed(1, protocol)).collect::<Vec<u8>>())
}

/// A record that holds this of a handshake.
pub(crate) fn record(held: &[u8]) -> Vec<u8> {
    [vec![22, 3, 1], prefixed(2, held)].concat()
}

/// The message in records that hold so many bytes each.
pub(crate) fn records(message: &[u8], of: usize) -> Vec<u8> {
    message.chunks(of).flat_map(record).collect()
}
