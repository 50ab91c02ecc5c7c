//! Whether a request matches a route, or a permission of an intention: one question, whose negative answer says why (semantics 5,
//! wire 1 and 3).

use std::borrow::Cow;
use std::fmt;

use http::{HeaderMap, HeaderName};

use super::facts::RequestHead;
use crate::model::entry::{HeaderMatch, HttpMatch, IntentionHeader, IntentionHttp, QueryMatch};
use crate::model::pattern::Pattern;

/// The conditions of a route or a permission, parsed. All must hold.
#[derive(Clone, Debug)]
pub struct Matcher {
    pub(super) path: PathMatcher,
    headers: Vec<HeaderMatcher>,
    query: Vec<QueryMatcher>,
    methods: Vec<String>,
}

/// The condition on the path; without case where `CaseInsensitive` is set (then the text is lower case).
#[derive(Clone, Debug)]
pub(super) enum PathMatcher {
    Any,
    Exact(String, Case),
    Prefix(String, Case),
    Regex(Pattern),
    /// The regex cannot be compiled: nothing matches, and the entry is among the rejected.
    Never,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Case {
    Sensitive,
    Insensitive,
}

/// A condition on a header.
#[derive(Clone, Debug)]
pub struct HeaderMatcher {
    name: String,
    field: Field,
    test: Test,
    /// Of an intention with `IgnoreCase`; the text of the test is in lower case then.
    case: Case,
    invert: bool,
}

/// Where the value of a header condition stands: pseudo headers can be matched by name.
#[derive(Clone, Debug)]
enum Field {
    Method,
    Authority,
    Path,
    Scheme,
    Header(HeaderName),
    /// No header can have that name.
    Nowhere,
}

#[derive(Clone, Debug)]
enum Test {
    Present,
    Exact(String),
    Prefix(String),
    Suffix(String),
    Contains(String),
    Regex(Pattern),
    Never,
}

/// A condition on a query parameter.
#[derive(Clone, Debug)]
pub struct QueryMatcher {
    name: String,
    test: Test,
}

/// Why a route does not match. Made without allocating, so that asking costs the data path nothing.
#[derive(Clone, Copy, Debug)]
pub enum Miss<'a> {
    /// The path is another.
    Path(&'a Matcher),
    /// The method is not listed.
    Method(&'a Matcher),
    /// A header condition does not hold.
    Header(&'a HeaderMatcher),
    /// A query condition does not hold.
    Query(&'a QueryMatcher),
}

impl Matcher {
    /// The headers that it asks for, as they are written.
    pub fn headers(&self) -> impl Iterator<Item = &str> {
        self.headers.iter().map(|header| header.name.as_str())
    }

    /// Parses the conditions of a route; a regex that is none makes the route match nothing, and is told.
    pub fn compile(http: Option<&HttpMatch>, problems: &mut Vec<String>) -> Self {
        let Some(http) = http else {
            return Self { path: PathMatcher::Any, headers: Vec::new(), query: Vec::new(), methods: Vec::new() };
        };
        Self {
            path: PathMatcher::compile([&http.path_exact, &http.path_prefix, &http.path_regex], http.case_insensitive, problems),
            headers: http.header.iter().map(|h| HeaderMatcher::compile(h, problems)).collect(),
            query: http.query_param.iter().map(|q| QueryMatcher::compile(q, problems)).collect(),
            methods: http.methods.clone(),
        }
    }

    /// The same of a permission of an intention.
    pub fn of_permission(http: &IntentionHttp, problems: &mut Vec<String>) -> Self {
        Self {
            path: PathMatcher::compile([&http.path_exact, &http.path_prefix, &http.path_regex], false, problems),
            headers: http.header.iter().map(|h| HeaderMatcher::of_intention(h, problems)).collect(),
            query: Vec::new(),
            methods: http.methods.clone(),
        }
    }

    /// What is left without the conditions that cannot be compiled: whoever denies must not deny less for a slip of the pen.
    pub fn without_broken(mut self) -> Self {
        if matches!(self.path, PathMatcher::Never) {
            self.path = PathMatcher::Any;
        }
        self.headers.retain(|header| !matches!(header.test, Test::Never));
        self
    }

    /// Whether there is no request that it does not match, as far as that is plain.
    pub fn matches_everything(&self) -> bool {
        let every_path = match &self.path {
            PathMatcher::Any => true,
            PathMatcher::Prefix(prefix, _) => prefix == "/",
            _ => false,
        };
        every_path && self.headers.is_empty() && self.query.is_empty() && self.methods.is_empty()
    }

    /// Whether everything holds.
    pub fn matches(&self, request: &RequestHead<'_>) -> bool {
        self.miss(request).is_none()
    }

    /// The first condition that does not hold.
    pub fn miss(&self, request: &RequestHead<'_>) -> Option<Miss<'_>> {
        if !self.path.matches(request.path()) {
            return Some(Miss::Path(self));
        }
        if !self.methods.is_empty() && !self.methods.iter().any(|m| m == request.method.as_str()) {
            return Some(Miss::Method(self));
        }
        if let Some(missed) = self.headers.iter().find(|h| !h.holds(request)) {
            return Some(Miss::Header(missed));
        }
        self.query.iter().find(|q| !q.holds(request)).map(Miss::Query)
    }

    /// Path and query to send when `PrefixRewrite` replaces the matched exact path or prefix. The rest is kept byte for byte.
    pub fn rewrite(&self, target: &str, to: &str) -> Option<String> {
        let path_len = target.find('?').unwrap_or(target.len());
        let cut = match &self.path {
            PathMatcher::Exact(..) => path_len,
            PathMatcher::Prefix(prefix, _) => prefix.len(),
            _ => return None,
        };
        target.get(cut..).map(|rest| format!("{to}{rest}"))
    }
}

impl PathMatcher {
    fn compile([exact, prefix, regex]: [&String; 3], case_insensitive: bool, problems: &mut Vec<String>) -> Self {
        let case = if case_insensitive { Case::Insensitive } else { Case::Sensitive };
        if !exact.is_empty() {
            Self::Exact(case.text(exact), case)
        } else if !prefix.is_empty() {
            Self::Prefix(case.text(prefix), case)
        } else if !regex.is_empty() {
            pattern(regex, "PathRegex", problems).map_or(Self::Never, Self::Regex)
        } else {
            Self::Any
        }
    }

    fn matches(&self, path: &str) -> bool {
        match self {
            Self::Any => true,
            Self::Exact(text, case) => case.fold(path) == text.as_str(),
            Self::Prefix(text, case) => case.fold(path).starts_with(text.as_str()),
            Self::Regex(pattern) => pattern.is_match(path.as_bytes()),
            Self::Never => false,
        }
    }
}

impl Case {
    /// The text of a condition, as values are compared with it.
    fn text(self, text: &str) -> String {
        self.fold(text).into_owned()
    }

    pub(super) fn fold(self, path: &str) -> Cow<'_, str> {
        match self {
            Self::Insensitive if path.bytes().any(|b| b.is_ascii_uppercase()) => Cow::Owned(path.to_ascii_lowercase()),
            _ => Cow::Borrowed(path),
        }
    }

    /// A header's value, of which only ASCII letters have a case.
    fn fold_bytes(self, value: Cow<'_, [u8]>) -> Cow<'_, [u8]> {
        match self {
            Self::Insensitive if value.iter().any(u8::is_ascii_uppercase) => Cow::Owned(value.to_ascii_lowercase()),
            _ => value,
        }
    }
}

impl HeaderMatcher {
    fn compile(header: &HeaderMatch, problems: &mut Vec<String>) -> Self {
        Self::new(header, "", Case::Sensitive, problems)
    }

    fn of_intention(header: &IntentionHeader, problems: &mut Vec<String>) -> Self {
        let case = if header.ignore_case { Case::Insensitive } else { Case::Sensitive };
        Self::new(&header.rule, &header.contains, case, problems)
    }

    fn new(header: &HeaderMatch, contains: &str, case: Case, problems: &mut Vec<String>) -> Self {
        let test = if header.present {
            Test::Present
        } else if !header.exact.is_empty() {
            Test::Exact(case.text(&header.exact))
        } else if !header.prefix.is_empty() {
            Test::Prefix(case.text(&header.prefix))
        } else if !header.suffix.is_empty() {
            Test::Suffix(case.text(&header.suffix))
        } else if !contains.is_empty() {
            Test::Contains(case.text(contains))
        } else {
            pattern(&header.regex, &format!("Regex of header {}", header.name), problems).map_or(Test::Never, Test::Regex)
        };
        Self { name: header.name.clone(), field: Field::of(&header.name), test, case, invert: header.invert }
    }

    /// What it looks at.
    fn value<'r>(&self, request: &RequestHead<'r>) -> Option<Cow<'r, [u8]>> {
        match &self.field {
            Field::Method => Some(Cow::Borrowed(request.method.as_str().as_bytes())),
            Field::Authority => Some(Cow::Borrowed(request.authority.as_bytes())),
            Field::Path => Some(Cow::Borrowed(request.target.as_bytes())),
            Field::Scheme => Some(Cow::Borrowed(request.scheme.as_bytes())),
            Field::Header(name) => joined(request.headers, name),
            Field::Nowhere => None,
        }
    }

    /// An absent header fails every test, inverted or not, but for `Present` with `Invert` (wire 1.1).
    fn holds(&self, request: &RequestHead<'_>) -> bool {
        match self.value(request) {
            // Of what cannot be judged neither yes nor no is known.
            Some(_) if matches!(self.test, Test::Never) => false,
            Some(value) => self.test.holds(&self.case.fold_bytes(value)) != self.invert,
            None => matches!(self.test, Test::Present) && self.invert,
        }
    }
}

impl Field {
    fn of(name: &str) -> Self {
        match name.to_ascii_lowercase().as_str() {
            ":method" => Self::Method,
            ":authority" | "host" => Self::Authority,
            ":path" => Self::Path,
            ":scheme" => Self::Scheme,
            other => HeaderName::from_bytes(other.as_bytes()).map_or(Self::Nowhere, Self::Header),
        }
    }
}

/// All values of a header joined with commas, as every condition sees them (wire 1.2).
fn joined<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<Cow<'a, [u8]>> {
    let mut values = headers.get_all(name).iter();
    let first = values.next()?.as_bytes();
    let Some(second) = values.next() else {
        return Some(Cow::Borrowed(first));
    };
    let mut all = first.to_vec();
    for value in std::iter::once(second).chain(values) {
        all.push(b',');
        all.extend_from_slice(value.as_bytes());
    }
    Some(Cow::Owned(all))
}

impl QueryMatcher {
    fn compile(query: &QueryMatch, problems: &mut Vec<String>) -> Self {
        let test = if query.present {
            Test::Present
        } else if !query.exact.is_empty() {
            Test::Exact(query.exact.clone())
        } else {
            pattern(&query.regex, &format!("Regex of query parameter {}", query.name), problems).map_or(Test::Never, Test::Regex)
        };
        Self { name: query.name.clone(), test }
    }

    /// The first parameter of the name counts; name and value are compared undecoded (wire 3).
    fn holds(&self, request: &RequestHead<'_>) -> bool {
        let parameters = request.query().into_iter().flat_map(|q| q.split('&'));
        let mut pairs = parameters.map(|p| p.split_once('=').unwrap_or((p, "")));
        pairs.find(|(name, _)| *name == self.name).is_some_and(|(_, value)| self.test.holds(value.as_bytes()))
    }
}

impl Test {
    fn holds(&self, value: &[u8]) -> bool {
        match self {
            Self::Present => true,
            Self::Exact(text) => value == text.as_bytes(),
            Self::Prefix(text) => value.starts_with(text.as_bytes()),
            Self::Suffix(text) => value.ends_with(text.as_bytes()),
            Self::Contains(text) => value.windows(text.len()).any(|part| part == text.as_bytes()),
            Self::Regex(pattern) => pattern.is_match(value),
            Self::Never => false,
        }
    }
}

fn pattern(regex: &str, what: &str, problems: &mut Vec<String>) -> Option<Pattern> {
    Pattern::full(regex).map_err(|e| problems.push(format!("{what} {regex:?}: {e}"))).ok()
}

/// The conditions in words: `path /a*, header x-a is 1, method GET`; `any request` without one.
impl fmt::Display for Matcher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut words: Vec<String> = Vec::new();
        match &self.path {
            PathMatcher::Any => {}
            PathMatcher::Exact(text, _) => words.push(format!("path {text}")),
            PathMatcher::Prefix(text, _) => words.push(format!("path {text}*")),
            PathMatcher::Regex(p) => words.push(format!("path ~ {}", p.as_str())),
            PathMatcher::Never => words.push("path ~ a regex that cannot be compiled".to_owned()),
        }
        for header in &self.headers {
            words.push(header.to_string());
        }
        words.extend(self.query.iter().map(ToString::to_string));
        if !self.methods.is_empty() {
            words.push(format!("method {}", self.methods.join(" or ")));
        }
        if words.is_empty() { f.write_str("any request") } else { f.write_str(&words.join(", ")) }
    }
}

impl fmt::Display for HeaderMatcher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let any_case = if self.case == Case::Insensitive { " in any case" } else { "" };
        write!(f, "{}header {} {}{any_case}", if self.invert { "not " } else { "" }, self.name, self.test)
    }
}

impl fmt::Display for QueryMatcher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "query {} {}", self.name, self.test)
    }
}

impl fmt::Display for Test {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Present => f.write_str("is there"),
            Self::Exact(text) => write!(f, "is {text}"),
            Self::Prefix(text) => write!(f, "begins with {text}"),
            Self::Suffix(text) => write!(f, "ends with {text}"),
            Self::Contains(text) => write!(f, "contains {text}"),
            Self::Regex(p) => write!(f, "~ {}", p.as_str()),
            Self::Never => f.write_str("~ a regex that cannot be compiled"),
        }
    }
}

/// In words, for the one who asks why.
impl Miss<'_> {
    /// The same of a request: with what the header is instead. What may be a credential is not repeated.
    pub(super) fn told(&self, request: &RequestHead<'_>) -> String {
        const SECRET: [&str; 4] = ["authorization", "proxy-authorization", "cookie", "x-api-key"];
        let Self::Header(header) = self else { return self.to_string() };
        match header.value(request) {
            None => format!("{self} (it is not there)"),
            Some(_) if SECRET.iter().any(|secret| header.name.eq_ignore_ascii_case(secret)) => self.to_string(),
            Some(value) => format!("{self} (it is {})", String::from_utf8_lossy(&value)),
        }
    }
}

impl fmt::Display for Miss<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Path(m) => match &m.path {
                PathMatcher::Exact(text, _) => write!(f, "the path is not {text}"),
                PathMatcher::Prefix(text, _) => write!(f, "the path does not begin with {text}"),
                PathMatcher::Regex(p) => write!(f, "the path does not match {}", p.as_str()),
                PathMatcher::Never => f.write_str("its regex cannot be compiled"),
                PathMatcher::Any => f.write_str("the path does not match"),
            },
            Self::Method(m) => write!(f, "the method is not {}", m.methods.join(" or ")),
            Self::Header(header) => write!(f, "this does not hold: {header}"),
            Self::Query(query) => write!(f, "this does not hold: {query}"),
        }
    }
}
