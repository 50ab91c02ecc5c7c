//! The corpus of `smuggling.txt`: requests that two readers could take for different ones. However they arrive, a service that reads
//! strictly gets the requests that the client sent, each once, and no other.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::sync::{Arc, Mutex};

use crate::harness::{Client, Service, World};

const PROBE: &[u8] = b"GET /probe HTTP/1.1\r\nHost: h.test\r\nConnection: close\r\n\r\n";

struct Case {
    name: &'static str,
    statuses: Vec<u16>,
    bytes: Vec<u8>,
}

/// The lines of the corpus, under the headings they stand under.
fn corpus() -> Vec<Case> {
    let mut cases = Vec::new();
    for line in include_str!("smuggling.txt").lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
        let mut parts = line.splitn(3, " | ");
        let (statuses, name, bytes) = (parts.next().unwrap(), parts.next().unwrap(), parts.next().unwrap());
        let statuses = statuses.split(' ').map(|status| status.parse().unwrap()).collect();
        cases.push(Case { name, statuses, bytes: unescaped(bytes) });
    }
    assert!(cases.len() > 300, "the corpus is there");
    cases
}

fn unescaped(text: &str) -> Vec<u8> {
    let mut out = Vec::new();
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        let escaped = if byte == b'\\' { bytes.next() } else { None };
        out.push(match escaped {
            None => byte,
            Some(b'r') => b'\r',
            Some(b'n') => b'\n',
            Some(b't') => b'\t',
            Some(b'0') => 0,
            Some(b'\\') => b'\\',
            Some(b'x') => {
                let digits = [bytes.next().unwrap(), bytes.next().unwrap()];
                u8::from_str_radix(std::str::from_utf8(&digits).unwrap(), 16).unwrap()
            }
            Some(other) => panic!("\\{} in {text}", char::from(other)),
        });
    }
    out
}

/// What reached the service since it was asked last: request lines with their Host, and what was wrong with what came.
#[derive(Clone, Default)]
struct Reached(Arc<Mutex<Vec<String>>>);

impl Reached {
    fn take(&self) -> Vec<String> {
        std::mem::take(&mut self.0.lock().unwrap())
    }
}

/// A service that forgives nothing: what is not a request to the letter is remembered as `not a request`.
fn strict() -> (Service, Reached) {
    let reached = Reached::default();
    let seen = reached.clone();
    let service = Service::start(move |stream| {
        let mut reader = BufReader::new(stream.try_clone().unwrap());
        let mut stream = stream;
        loop {
            match read_strictly(&mut reader) {
                Ok(Some(request)) => seen.0.lock().unwrap().push(request),
                // gw gave up in the middle, as it must when the rest is none.
                Ok(None) => return,
                Err(wrong) => return seen.0.lock().unwrap().push(format!("not a request: {wrong}")),
            }
            if stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok").is_err() {
                return;
            }
        }
    });
    (service, reached)
}

/// One request. `None`: the connection ends before it does.
fn read_strictly(reader: &mut BufReader<TcpStream>) -> Result<Option<String>, String> {
    let Some(first) = line(reader)? else { return Ok(None) };
    let words: Vec<&str> = first.split(' ').collect();
    let [method, target, "HTTP/1.1"] = words[..] else { return Err(format!("the line {first:?}")) };
    if !method.bytes().all(|b| b.is_ascii_uppercase() || b == b'-') || !target.starts_with('/') {
        return Err(format!("the line {first:?}"));
    }
    let Some(fields) = fields(reader)? else { return Ok(None) };
    let values = |name: &str| fields.iter().filter(|(n, _)| n == name).map(|(_, v)| v.as_str()).collect::<Vec<_>>();
    let [host] = values("host")[..] else { return Err(format!("the hosts {:?}", values("host"))) };
    match (&values("transfer-encoding")[..], &values("content-length")[..]) {
        ([], []) => {}
        ([], [length]) if !length.is_empty() && length.bytes().all(|b| b.is_ascii_digit()) => {
            let length = length.parse().map_err(|_| format!("the length {length}"))?;
            if skip(reader, length).is_none() {
                return Ok(None);
            }
        }
        (["chunked"], []) => {
            if chunks(reader)?.is_none() {
                return Ok(None);
            }
        }
        (codings, lengths) => return Err(format!("the codings {codings:?} and the lengths {lengths:?}")),
    }
    Ok(Some(format!("{method} {target} for {host}")))
}

/// A line that ends in CR LF and contains neither.
fn line(reader: &mut BufReader<TcpStream>) -> Result<Option<String>, String> {
    let mut line = Vec::new();
    if reader.read_until(b'\n', &mut line).is_err() || !line.ends_with(b"\n") {
        return Ok(None);
    }
    let text = line.strip_suffix(b"\r\n").filter(|text| !text.contains(&b'\r') && !text.contains(&0));
    let text = text.ok_or_else(|| format!("the end of {:?}", String::from_utf8_lossy(&line)))?;
    Ok(Some(text.iter().map(|b| char::from(*b)).collect()))
}

fn fields(reader: &mut BufReader<TcpStream>) -> Result<Option<Vec<(String, String)>>, String> {
    let mut out = Vec::new();
    loop {
        let Some(line) = line(reader)? else { return Ok(None) };
        if line.is_empty() {
            return Ok(Some(out));
        }
        let (name, value) = line.split_once(':').ok_or_else(|| format!("the field {line:?}"))?;
        let token = |b: u8| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b);
        if name.is_empty() || !name.bytes().all(token) {
            return Err(format!("the field {line:?}"));
        }
        out.push((name.to_ascii_lowercase(), value.trim_matches([' ', '\t']).to_owned()));
    }
}

fn chunks(reader: &mut BufReader<TcpStream>) -> Result<Option<()>, String> {
    loop {
        let Some(size) = line(reader)? else { return Ok(None) };
        if size.is_empty() || !size.bytes().all(|b| b.is_ascii_hexdigit()) {
            return Err(format!("the chunk size {size:?}"));
        }
        let size = u64::from_str_radix(&size, 16).map_err(|_| format!("the chunk size {size:?}"))?;
        if size == 0 {
            let Some(trailers) = fields(reader)? else { return Ok(None) };
            let wrong = trailers.iter().find(|(name, _)| ["content-length", "transfer-encoding", "host"].contains(&name.as_str()));
            return wrong.map_or(Ok(Some(())), |wrong| Err(format!("the trailer {wrong:?}")));
        }
        if skip(reader, size).is_none() {
            return Ok(None);
        }
        match line(reader)? {
            None => return Ok(None),
            Some(end) if end.is_empty() => {}
            Some(end) => return Err(format!("the end of a chunk {end:?}")),
        }
    }
}

fn skip(reader: &mut BufReader<TcpStream>, length: u64) -> Option<()> {
    let n = std::io::copy(&mut reader.take(length), &mut std::io::sink()).ok()?;
    (n == length).then_some(())
}

/// How the bytes arrive.
#[derive(Clone, Copy, Debug)]
enum Cut {
    /// With the probe, at once.
    Whole,
    /// Each by itself.
    Bytes,
    /// The probe by itself, behind the first answer if there is one.
    BeforeTheProbe,
}

/// The statuses of all answers.
fn ask(client: &mut Client, case: &Case, cut: Cut) -> Vec<u16> {
    let mut statuses = Vec::new();
    // The gateway may close before all is sent, which is an answer too.
    match cut {
        Cut::Whole => drop(client.stream.write_all(&[&case.bytes, PROBE].concat())),
        Cut::Bytes => drop([&case.bytes, PROBE].concat().chunks(1).try_for_each(|byte| client.stream.write_all(byte))),
        Cut::BeforeTheProbe => {
            drop(client.stream.write_all(&case.bytes));
            if case.statuses.len() > 1 {
                statuses.extend(final_status(client));
            }
            drop(client.stream.write_all(PROBE));
        }
    }
    // A client that ends is not answered any more: it waits for what is due, then sees that nothing else comes.
    while statuses.len() < case.statuses.len() {
        let Some(status) = final_status(client) else { break };
        statuses.push(status);
    }
    drop(client.stream.shutdown(Shutdown::Write));
    statuses.extend(std::iter::from_fn(|| final_status(client)));
    statuses
}

/// The next answer that is not `100 Continue`.
fn final_status(client: &mut Client) -> Option<u16> {
    loop {
        match client.answer()?.status {
            100 => {}
            status => return Some(status),
        }
    }
}

/// What the service must have seen: the case's own request if it passed, and the probe if that did.
fn wanted(case: &Case) -> Vec<String> {
    let first = case.bytes.split(|b| *b == b'\n').map(|l| String::from_utf8_lossy(l).trim().to_owned()).find(|l| !l.is_empty());
    let first = first.unwrap();
    let words: Vec<&str> = first.split([' ', '\t']).filter(|w| !w.is_empty()).collect();
    let mut wanted = Vec::new();
    if case.statuses[0] == 200 {
        let (host, path) = match words[1].strip_prefix("http://").or(words[1].strip_prefix("https://")) {
            // The host of the target is the host, without the user.
            Some(rest) => ("o.test", &rest[rest.find('/').unwrap()..]),
            None => ("h.test", words[1]),
        };
        wanted.push(format!("{} {path} for {host}", words[0]));
    }
    if case.statuses.get(1) == Some(&200) {
        wanted.push("GET /probe for h.test".to_owned());
    }
    wanted
}

#[test]
fn no_request_comes_out_of_another() {
    let (service, reached) = strict();
    let gateway = World::of("http").instance("web", service.address).start();
    let mut wrong = Vec::new();
    for case in corpus() {
        for cut in [Cut::Whole, Cut::Bytes, Cut::BeforeTheProbe] {
            let statuses = ask(&mut Client::connect(gateway.address), &case, cut);
            let (seen, wanted) = (reached.take(), wanted(&case));
            // Closing while bytes still come may take a refusal with it, and nothing else.
            let refused = case.statuses[0] >= 400 && case.statuses.len() == 1 && statuses.is_empty();
            if (statuses != case.statuses && !refused) || seen != wanted {
                wrong.push(format!("{} ({cut:?}): {statuses:?}, not {:?}; {seen:?}, not {wanted:?}", case.name, case.statuses));
            }
        }
    }
    drop(gateway);
    let late = reached.take();
    assert!(wrong.is_empty() && late.is_empty(), "{} wrong:\n{}\nlate: {late:?}", wrong.len(), wrong.join("\n"));
}
