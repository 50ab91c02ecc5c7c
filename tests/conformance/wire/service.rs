//! Services that do as a case tells them, and remember what reached them.

use std::collections::HashMap;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use serde_json::Value;
use socket2::SockRef;

use super::hpack::{Decoder, Fields, encode};
use super::http1::{Reader, value};
use super::{frames, latin1, pairs};
use crate::corpus::text;

/// Every answer of a service names its instance in this header: one without it is the gateway's own.
pub(super) const MARK: &str = "x-backend";

/// A request as a service saw it.
#[derive(Clone, Debug, Default)]
pub(super) struct Seen {
    pub(super) instance: String,
    pub(super) http2: bool,
    pub(super) method: String,
    pub(super) path: String,
    pub(super) authority: String,
    pub(super) headers: Fields,
    pub(super) trailers: Fields,
    pub(super) body: usize,
}

/// What the services of a case are to do with the next requests, and what came: the last action repeats.
#[derive(Clone, Debug, Default)]
pub(super) struct Stage(Arc<Mutex<(Vec<Value>, Vec<Seen>)>>);

impl Stage {
    pub(super) fn set(&self, actions: Vec<Value>) {
        *self.lock() = (if actions.is_empty() { vec![Value::Null] } else { actions }, Vec::new());
    }

    /// What came since it was set, each with what was done with it.
    pub(super) fn seen(&self) -> Vec<(Seen, Value)> {
        let stage = self.lock();
        let action = |n: usize| action_of(&stage.0[n.min(stage.0.len() - 1)], &stage.1[n].instance);
        stage.1.iter().enumerate().map(|(n, seen)| (seen.clone(), action(n))).collect()
    }

    fn lock(&self) -> MutexGuard<'_, (Vec<Value>, Vec<Seen>)> {
        self.0.lock().expect("no service panics")
    }

    /// Notes a request as soon as its head is there; its place, and what is to be done.
    fn note(&self, seen: Seen) -> (usize, Value) {
        let mut stage = self.lock();
        let n = stage.1.len();
        let action = action_of(stage.0.get(n.min(stage.0.len().max(1) - 1)).unwrap_or(&Value::Null), &seen.instance);
        stage.1.push(seen);
        (n, action)
    }

    /// Notes the body of a request; nothing if the stage was set anew meanwhile.
    fn note_body(&self, n: usize, body: usize, trailers: Fields) {
        if let Some(seen) = self.lock().1.get_mut(n) {
            seen.body += body;
            seen.trailers.extend(trailers);
        }
    }
}

fn action_of(action: &Value, instance: &str) -> Value {
    match action.get("by") {
        Some(by) => by[instance].clone(),
        None => action.clone(),
    }
}

/// A service that runs until it is dropped.
#[derive(Debug)]
pub(super) struct Service {
    pub(super) address: SocketAddr,
    ended: Arc<AtomicBool>,
}

impl Service {
    pub(super) fn start(instance: &str, stage: &Stage) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("an address");
        let ended = Arc::new(AtomicBool::new(false));
        let (instance, stage, flag) = (instance.to_owned(), stage.clone(), ended.clone());
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                if flag.load(Ordering::SeqCst) {
                    return;
                }
                let (instance, stage) = (instance.clone(), stage.clone());
                // Who breaks off, breaks off.
                std::thread::spawn(move || drop(serve(stream, &instance, &stage)));
            }
        });
        Self { address, ended }
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        self.ended.store(true, Ordering::SeqCst);
        drop(TcpStream::connect(self.address));
    }
}

fn serve(mut stream: TcpStream, instance: &str, stage: &Stage) -> std::io::Result<()> {
    stream.set_nodelay(true)?;
    let mut first = vec![0; 4];
    stream.read_exact(&mut first)?;
    if first == b"PRI " {
        stream.read_exact(&mut vec![0; frames::PREFACE.len() - 4])?;
        return serve_http2(stream, instance, stage);
    }
    let mut reader = Reader::new(stream.try_clone()?, first);
    while serve_http1(&mut reader, &mut stream, instance, stage)? {}
    Ok(())
}

/// False: the connection ends.
fn serve_http1(reader: &mut Reader, stream: &mut TcpStream, instance: &str, stage: &Stage) -> std::io::Result<bool> {
    let (line, fields) = reader.head()?;
    let mut words = line.splitn(3, ' ').map(str::to_owned);
    let (method, path) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    // Of two, which only bytes passed on unread can have, the last was recorded.
    let authority = fields.iter().rfind(|(n, _)| n == "host").map_or_else(String::new, |(_, v)| v.clone());
    let headers: Fields = fields.iter().filter(|(n, _)| n != "host").cloned().collect();
    let (instance, head_only) = (instance.to_owned(), method == "HEAD");
    let (n, action) = stage.note(Seen { instance: instance.clone(), method, path, authority, headers, ..Seen::default() });
    if value(&fields, "expect").is_some() {
        stream.write_all(b"HTTP/1.1 100 Continue\r\n\r\n")?;
    }
    if value(&fields, "transfer-encoding").is_some() {
        let (body, trailers) = reader.chunks()?;
        stage.note_body(n, body.len(), trailers);
    } else if let Some(length) = value(&fields, "content-length") {
        let body = reader.exactly(length.parse().unwrap_or(0))?;
        stage.note_body(n, body.len(), Vec::new());
    }
    delay(&action);
    if action.get("reset").is_some() {
        SockRef::from(&*stream).set_linger(Some(Duration::ZERO))?;
        return Ok(false);
    }
    if action.get("close_silent").is_some() {
        return Ok(false);
    }
    for interim in action["interim"].as_array().into_iter().flatten() {
        let (status, fields) = interim_of(interim);
        stream.write_all(&latin1(&format!("HTTP/1.1 {status} X\r\n{}\r\n", lines(&fields))))?;
    }
    let status = action["status"].as_u64().unwrap_or(200);
    let mut head = format!("HTTP/1.1 {status} X\r\n{}", lines(&headers_sent(&action, &instance, false, false)));
    head.push_str("\r\n");
    stream.write_all(&latin1(&head))?;
    if status == 101 {
        std::io::copy(&mut reader.stream, stream)?;
        return Ok(false);
    }
    if !head_only && !matches!(status, 204 | 304) {
        let body = body(&action, &instance);
        if is_chunked(&action) {
            stream.write_all(&latin1(&format!("{:x}\r\n{body}\r\n0\r\n{}\r\n", body.len(), lines(&pairs(&action["trailers"])))))?;
        } else {
            stream.write_all(body.as_bytes())?;
        }
    }
    Ok(!["close", "until_close", "partial"].iter().any(|k| action.get(*k).is_some()))
}

/// The headers of the answer that an action makes, the mark first.
pub(super) fn headers_sent(action: &Value, instance: &str, http2: bool, head_only: bool) -> Fields {
    let status = action["status"].as_u64().unwrap_or(200);
    let mut fields = vec![(MARK.to_owned(), instance.to_owned())];
    fields.extend(pairs(&action["headers"]).into_iter().map(|(n, v)| (if http2 { n.to_lowercase() } else { n }, v)));
    if status < 200 || matches!(status, 204 | 304) {
        return fields;
    }
    if is_chunked(action) {
        if !http2 {
            fields.push(("transfer-encoding".to_owned(), "chunked".to_owned()));
        }
    } else if action.get("until_close").is_none() && !(http2 && (head_only || action.get("no_body").is_some())) {
        let missing = if action.get("partial").is_some() { 50 } else { 0 };
        fields.push(("content-length".to_owned(), (body(action, instance).len() + missing).to_string()));
    }
    fields
}

fn body(action: &Value, instance: &str) -> String {
    action["body"].as_str().unwrap_or(instance).to_owned()
}

fn is_chunked(action: &Value) -> bool {
    action.get("chunked").is_some() || action.get("trailers").is_some()
}

fn delay(action: &Value) {
    // The service is slow because the case says so; nothing is waited for.
    std::thread::sleep(Duration::from_millis(action["delay_ms"].as_u64().unwrap_or(0)));
}

/// `103`, or `[103, [[name, value]]]`.
fn interim_of(interim: &Value) -> (String, Fields) {
    match interim.as_array() {
        Some(both) => (text(&both[0]), pairs(&both[1])),
        None => (text(interim), Vec::new()),
    }
}

fn lines(fields: &Fields) -> String {
    fields.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect()
}

fn serve_http2(stream: TcpStream, instance: &str, stage: &Stage) -> std::io::Result<()> {
    let mut reader = stream.try_clone()?;
    let writer = Arc::new(Mutex::new(stream));
    writer.lock().expect("no service panics").write_all(&frames::opening())?;
    let (mut decoder, mut block) = (Decoder::default(), Vec::new());
    let mut open: HashMap<u32, (usize, Value, bool)> = HashMap::new();
    loop {
        let frame = frames::Frame::read(&mut reader)?;
        frames::acknowledge(&frame, &mut *writer.lock().expect("no service panics"))?;
        // The flag of the end stands at the first frame of a block.
        let mut ended = matches!(frame.kind, frames::HEADERS | frames::DATA) && frame.has(frames::END_STREAM);
        match frame.kind {
            frames::HEADERS | frames::CONTINUATION => {
                block.extend_from_slice(&frame.payload);
                if !frame.has(frames::END_HEADERS) {
                    continue;
                }
                let fields = decoder.decode(&std::mem::take(&mut block)).unwrap_or_default();
                if let Some((n, ..)) = open.get(&frame.stream) {
                    stage.note_body(*n, 0, fields);
                    ended = true;
                } else {
                    let seen = seen_http2(instance, &fields);
                    let head_only = seen.method == "HEAD";
                    let (n, action) = stage.note(seen);
                    open.insert(frame.stream, (n, action, head_only));
                }
            }
            frames::DATA => {
                let n = open.get(&frame.stream).map_or(usize::MAX, |(n, ..)| *n);
                stage.note_body(n, frame.payload.len(), Vec::new());
            }
            frames::GOAWAY => return Ok(()),
            _ => {}
        }
        if ended && let Some((_, action, head_only)) = open.remove(&frame.stream) {
            let (instance, writer) = (instance.to_owned(), writer.clone());
            std::thread::spawn(move || drop(answer_http2(&action, &instance, head_only, frame.stream, &writer)));
        }
    }
}

fn seen_http2(instance: &str, fields: &Fields) -> Seen {
    let pseudo = |name: &str| value(fields, name).unwrap_or_default().to_owned();
    Seen {
        instance: instance.to_owned(),
        http2: true,
        method: pseudo(":method"),
        path: pseudo(":path"),
        authority: pseudo(":authority"),
        headers: fields.iter().filter(|(n, _)| !n.starts_with(':')).cloned().collect(),
        ..Seen::default()
    }
}

fn answer_http2(action: &Value, instance: &str, head_only: bool, stream: u32, writer: &Mutex<TcpStream>) -> std::io::Result<()> {
    delay(action);
    let mut writer = writer.lock().expect("no service panics");
    if action.get("reset").is_some() {
        SockRef::from(&*writer).set_linger(Some(Duration::ZERO))?;
        // The reader has the same socket: what is shut down here ends there.
        return writer.shutdown(std::net::Shutdown::Both);
    }
    if let Some(code) = action["rst"].as_u64() {
        return writer.write_all(&frames::frame(frames::RESET, 0, stream, &(code as u32).to_be_bytes()));
    }
    let status_field = |status: &str| vec![(":status".to_owned(), status.to_owned())];
    let mut out = Vec::new();
    for interim in action["interim"].as_array().into_iter().flatten() {
        let (status, fields) = interim_of(interim);
        out.extend(frames::headers(stream, &encode(&[status_field(&status), fields].concat()), false));
    }
    let status = action["status"].as_u64().unwrap_or(200);
    let head = [status_field(&status.to_string()), headers_sent(action, instance, true, head_only)].concat();
    let trailers = pairs(&action["trailers"]);
    let no_body = head_only || matches!(status, 204 | 304) || action.get("no_body").is_some();
    out.extend(frames::headers(stream, &encode(&head), no_body && trailers.is_empty()));
    if !no_body {
        out.extend(frames::data(stream, body(action, instance).as_bytes(), trailers.is_empty()));
    }
    if !trailers.is_empty() {
        out.extend(frames::headers(stream, &encode(&trailers), true));
    }
    writer.write_all(&out)
}
