//! RE2 patterns.

/// temp
#[derive(Clone, Debug)]
pub struct Pattern(regex::bytes::Regex, String);
/// temp
#[derive(Clone, Debug, thiserror::Error)]
#[error("{0}")]
pub struct PatternError(String);
impl Pattern {
    /// temp
    pub fn full(text: &str) -> Result<Self, PatternError> {
        regex::bytes::Regex::new(&format!("^(?:{text})$")).map(|r| Self(r, text.to_owned())).map_err(|e| PatternError(e.to_string()))
    }
    /// temp
    pub fn is_match(&self, text: &[u8]) -> bool {
        self.0.is_match(text)
    }
    /// temp
    pub fn as_str(&self) -> &str {
        &self.1
    }
}
