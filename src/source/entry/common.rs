//! Rules that all kinds share: names, Meta, header edits, retry words (semantics 1, 3.1).

use super::check::Check;
use super::codes;
use crate::model::entry::Common;

/// Meta has limits; a name must be there. What else a kind asks of its name is its own rule.
pub(super) fn validate(common: &Common, check: &mut Check<'_>) {
    if common.name.is_empty() {
        check.error(codes::NAME, "", "Name is required");
    }
    if common.meta.len() > 64 {
        check.error(codes::META, "Meta", format!("Meta has {} pairs, at most 64 are allowed", common.meta.len()));
    }
    for (key, value) in &common.meta {
        if key.len() > 128 {
            check.error(codes::META, format!("Meta[{key}]"), format!("a key of Meta has {} bytes, at most 128 are allowed", key.len()));
        }
        if value.len() > 512 {
            check.error(codes::META, format!("Meta[{key}]"), format!("Meta {key:?} has {} bytes, at most 512 are allowed", value.len()));
        }
    }
}
