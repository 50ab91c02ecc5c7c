//! Clients that send exactly what a case says.

use std::io::{ErrorKind, Result, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use serde_json::Value;

use super::hpack::{Decoder, Fields, encode};
use super::http1::{Reader, value};
use super::{frames, latin1, pairs};
use crate::corpus::text;

/// Longer than any answer takes.
const PATIENCE: Duration = Duration::from_secs(8);

/// What came back. Status 0: nothing.
#[derive(Debug, Default)]
pub(super) struct Received {
    pub(super) status: u16,
    pub(super) headers: Fields,
    pub(super) trailers: Fields,
    pub(super) interim: Vec<u16>,
    /// The body broke off.
    pub(super) cut: bool,
    /// What came through the tunnel after a 101.
    pub(super) tunnel: Option<String>,
    /// The connection may be used again.
    kept: bool,
}

/// A connection to a listener.
#[derive(Debug)]
pub(super) enum Client {
    Http1(Reader),
    Http2 { stream: TcpStream, decoder: Decoder, last: u32 },
}

impl Client {
    pub(super) fn connect(to: SocketAddr, http2: bool) -> Result<Self> {
        let mut stream = TcpStream::connect(to)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        if http2 {
            stream.write_all(&[frames::PREFACE, &frames::opening()].concat())?;
            return Ok(Self::Http2 { stream, decoder: Decoder::default(), last: 0 });
        }
        Ok(Self::Http1(Reader::new(stream, Vec::new())))
    }

    /// Sends a request and reads its answer; the connection, if it may be used again.
    pub(super) fn ask(mut self, request: &Value, tunnel: Option<&str>) -> Result<(Received, Option<Self>)> {
        let mut received = match &mut self {
            Self::Http1(reader) => ask_http1(reader, request)?,
            Self::Http2 { stream, decoder, last } => {
                *last += if *last == 0 { 1 } else { 2 };
                ask_http2(stream, decoder, *last, request)?
            }
        };
        if let (101, Some(text), Self::Http1(reader)) = (received.status, tunnel, &mut self) {
            reader.stream.write_all(text.as_bytes())?;
            received.tunnel = reader.exactly(text.len()).ok().map(|b| String::from_utf8_lossy(&b).into_owned());
        }
        let kept = received.kept.then_some(self);
        Ok((received, kept))
    }
}

fn ask_http1(reader: &mut Reader, request: &Value) -> Result<Received> {
    let bytes = written(request);
    if request.get("expect_wait").is_some() {
        let head = bytes.windows(4).position(|w| w == b"\r\n\r\n").map_or(bytes.len(), |at| at + 4);
        reader.stream.write_all(&bytes[..head])?;
        // The body follows when somebody has answered the head.
        reader.stream.peek(&mut [0])?;
        reader.stream.write_all(&bytes[head..])?;
    } else {
        // Who is refused early may be cut off while it still writes.
        drop(reader.stream.write_all(&bytes));
    }
    let raw = request["raw"].as_str().and_then(|raw| raw.split(' ').next());
    let method = raw.map_or_else(|| text(&request["method"]), str::to_owned);
    let mut received = Received::default();
    loop {
        let (line, headers) = match reader.head() {
            Ok(head) => head,
            Err(e) if is_timeout(&e) => panic!("no answer within {PATIENCE:?} to {request}"),
            Err(_) => return Ok(received),
        };
        let status = line.split(' ').nth(1).and_then(|s| s.parse().ok()).unwrap_or(0);
        if status >= 200 || status == 101 {
            (received.status, received.headers) = (status, headers);
            break;
        }
        received.interim.push(status);
    }
    let closes = value(&received.headers, "connection").is_some_and(|v| v.to_ascii_lowercase().contains("close"));
    let no_body = method == "HEAD" || matches!(received.status, 101 | 204 | 304);
    let body = if no_body {
        Ok(())
    } else if value(&received.headers, "transfer-encoding").is_some() {
        reader.chunks().map(|(_, trailers)| received.trailers = trailers)
    } else if let Some(length) = value(&received.headers, "content-length").and_then(|v| v.parse().ok()) {
        reader.exactly(length).map(drop)
    } else {
        reader.rest();
        Err(ErrorKind::ConnectionAborted.into())
    };
    received.cut = body.as_ref().is_err_and(|e| e.kind() != ErrorKind::ConnectionAborted);
    received.kept = body.is_ok() && !closes && received.status != 101;
    Ok(received)
}

fn is_timeout(error: &std::io::Error) -> bool {
    matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut)
}

fn written(request: &Value) -> Vec<u8> {
    if let Some(raw) = request["raw"].as_str() {
        return latin1(raw);
    }
    let version = request["version"].as_str().unwrap_or("1.1");
    let mut out = format!("{} {} HTTP/{version}\r\n", text(&request["method"]), text(&request["path"]));
    if let Some(host) = request["authority"].as_str() {
        out.push_str(&format!("Host: {host}\r\n"));
    }
    for (name, value) in sent_headers(request) {
        out.push_str(&format!("{name}: {value}\r\n"));
    }
    out.push_str("\r\n");
    let body = "x".repeat(request["body_len"].as_u64().unwrap_or(0) as usize);
    if is_chunked(request) {
        if !body.is_empty() {
            out.push_str(&format!("{:x}\r\n{body}\r\n", body.len()));
        }
        out.push_str("0\r\n");
        for (name, value) in pairs(&request["trailers"]) {
            out.push_str(&format!("{name}: {value}\r\n"));
        }
        out.push_str("\r\n");
    } else {
        out.push_str(&body);
    }
    latin1(&out)
}

fn is_chunked(request: &Value) -> bool {
    request.get("chunked").is_some() || request.get("trailers").is_some()
}

/// The headers that a request has on the wire beside its Host.
pub(super) fn sent_headers(request: &Value) -> Fields {
    if let Some(raw) = request["raw"].as_str() {
        let head = raw.split("\r\n\r\n").next().unwrap_or_default();
        let fields = head.split("\r\n").skip(1).filter_map(|line| line.split_once(':'));
        return fields.map(|(n, v)| (n.to_owned(), v.trim().to_owned())).filter(|(n, _)| !n.eq_ignore_ascii_case("host")).collect();
    }
    let mut fields = pairs(&request["headers"]);
    let http2 = request["proto"] == "h2";
    if is_chunked(request) {
        if !http2 {
            fields.push(("transfer-encoding".to_owned(), "chunked".to_owned()));
        }
    } else if let Some(length) = request["body_len"].as_u64() {
        fields.push(("content-length".to_owned(), length.to_string()));
    }
    fields
}

fn ask_http2(stream: &mut TcpStream, decoder: &mut Decoder, id: u32, request: &Value) -> Result<Received> {
    let field = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    let mut fields = vec![field(":method", &text(&request["method"])), field(":scheme", request["scheme"].as_str().unwrap_or("http"))];
    fields.push(field(":path", &text(&request["path"])));
    fields.extend(request["authority"].as_str().map(|a| field(":authority", a)));
    fields.extend(sent_headers(request));
    let body = "x".repeat(request["body_len"].as_u64().unwrap_or(0) as usize);
    let trailers = pairs(&request["trailers"]);
    let mut out = frames::headers(id, &encode(&fields), body.is_empty() && trailers.is_empty() && !is_chunked(request));
    if !body.is_empty() || (is_chunked(request) && trailers.is_empty()) {
        out.extend(frames::data(id, body.as_bytes(), trailers.is_empty()));
    }
    if !trailers.is_empty() {
        out.extend(frames::headers(id, &encode(&trailers), true));
    }
    stream.write_all(&out)?;
    read_http2(stream, decoder, id, request)
}

fn read_http2(stream: &mut TcpStream, decoder: &mut Decoder, id: u32, request: &Value) -> Result<Received> {
    let (mut received, mut block, mut ended) = (Received::default(), Vec::new(), false);
    loop {
        let frame = match frames::Frame::read(stream) {
            Ok(frame) => frame,
            Err(e) if is_timeout(&e) => panic!("no answer within {PATIENCE:?} to {request}"),
            // The end of the connection is the answer to what is no request.
            Err(_) => return Ok(Received { cut: received.status > 0, ..received }),
        };
        frames::acknowledge(&frame, stream)?;
        match frame.kind {
            frames::HEADERS | frames::CONTINUATION => {
                if frame.kind == frames::HEADERS {
                    ended = frame.has(frames::END_STREAM);
                }
                block.extend_from_slice(&frame.payload);
                if !frame.has(frames::END_HEADERS) {
                    continue;
                }
                let fields = decoder.decode(&std::mem::take(&mut block)).expect("gw writes header blocks");
                if frame.stream != id {
                    continue;
                }
                match value(&fields, ":status").and_then(|s| s.parse().ok()) {
                    None => received.trailers = fields,
                    Some(status @ ..200) => received.interim.push(status),
                    Some(status) => {
                        received.status = status;
                        received.headers = fields.into_iter().filter(|(n, _)| n != ":status").collect();
                    }
                }
                received.kept = ended;
            }
            frames::DATA if frame.stream == id => received.kept = frame.has(frames::END_STREAM),
            frames::RESET if frame.stream == id => {
                // After a complete answer it is no failure, but no connection to go on with either.
                return Ok(Received { cut: received.status > 0, ..received });
            }
            frames::GOAWAY if frame.error() != 0 => return Ok(Received { cut: received.status > 0, ..received }),
            _ => {}
        }
        if received.kept {
            return Ok(received);
        }
    }
}
