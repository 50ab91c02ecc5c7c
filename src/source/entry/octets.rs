//! Bytes in entries: taken from a text or from numbers, printed in base64 as Go prints them.

use base64::Engine;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use serde_json::Value as Json;

use super::cx::{Cx, Step};
use super::decode::{Field, take};
use super::scalar::unsigned;
use super::tree::{Node, Value};

/// As Go decodes it: the padding must be there, what stands in the last bits is nobody's business.
const STANDARD: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::RequireCanonical).with_decode_allow_trailing_bits(true),
);

/// What a text in base64 stands for; ends of lines are none of it.
pub(super) fn from_base64(text: &str) -> Option<Vec<u8>> {
    STANDARD.decode(text.replace(['\r', '\n'], "")).ok()
}

/// A field of bytes.
#[derive(Default)]
pub(super) struct Octets(Vec<u8>);

impl Octets {
    /// Whether there are none.
    pub(super) fn is_none(&self) -> bool {
        self.0.is_empty()
    }
}

/// One of a list of bytes.
#[derive(Default)]
struct Octet(u8);

impl Field for Octet {
    fn decode(node: &Node, cx: &mut Cx) -> Self {
        Self(unsigned(node, cx, u64::from(u8::MAX)) as u8)
    }

    fn print(&self) -> Json {
        Json::from(self.0)
    }

    fn is_empty(&self) -> bool {
        self.0 == 0
    }
}

impl Field for Octets {
    fn decode(node: &Node, cx: &mut Cx) -> Self {
        let bytes = match &node.value {
            Value::Text(text) => text.clone().into_bytes(),
            Value::List(items) => items.iter().enumerate().map(|(i, item)| cx.at(Step::Index(i), |cx| take::<Octet>(item, cx).0)).collect(),
            Value::Map(members) if members.is_empty() => Vec::new(),
            _ => vec![cx.at(Step::Index(0), |cx| take::<Octet>(node, cx).0)],
        };
        // The command sends them in base64, and the server takes that text for the bytes.
        Self(if cx.twice { STANDARD.encode(bytes).into_bytes() } else { bytes })
    }

    fn print(&self) -> Json {
        Json::String(STANDARD.encode(&self.0))
    }

    fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}
