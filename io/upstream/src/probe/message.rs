//! The two messages of a gRPC health check: one field each, in the encoding of protobuf, behind the prefix of gRPC. It is
//! strict: whatever is not whole, compressed or of another type is an error, but unknown fields are passed over.

/// Of an answer, with its prefix.
pub(super) const MESSAGE_BYTES_MAX: usize = 64 * 1024;
/// Whether it is compressed, and its length in four bytes.
const PREFIX_BYTES: usize = 5;
/// The field of either message.
const FIELD: u64 = 1;
const FIELD_MAX: u64 = (1 << 29) - 1;

/// `HealthCheckRequest { service }` with its prefix.
pub(super) fn question(service: &str) -> Vec<u8> {
    let mut message = Vec::new();
    // A field with its default value is left out.
    if !service.is_empty() {
        message.push(0x0a);
        push_varint(service.len() as u64, &mut message);
        message.extend_from_slice(service.as_bytes());
    }
    let length = u32::try_from(message.len()).expect("the name of a service is shorter than 4 GiB");
    [&[0][..], &length.to_be_bytes(), &message].concat()
}

/// The state in a `HealthCheckResponse` with its prefix, the only message there is; or why it cannot be read.
pub(super) fn state(answer: &[u8]) -> Result<u64, &'static str> {
    let Some((&[flag, a, b, c, d], message)) = answer.split_first_chunk::<PREFIX_BYTES>() else {
        return Err(if answer.is_empty() { "there is none" } else { "its prefix is cut short" });
    };
    if flag != 0 {
        return Err("it is compressed");
    }
    if usize::try_from(u32::from_be_bytes([a, b, c, d])) != Ok(message.len()) {
        return Err("its length is not that of the prefix");
    }
    let mut rest = message;
    let mut state = 0;
    while !rest.is_empty() {
        let tag = varint(&mut rest)?;
        let (field, kind) = (tag >> 3, tag & 7);
        if !(1..=FIELD_MAX).contains(&field) {
            return Err("a field has an impossible number");
        }
        match (field, kind) {
            // The last one counts.
            (FIELD, 0) => state = varint(&mut rest)?,
            (FIELD, _) => return Err("the state is of another type"),
            (_, 0) => _ = varint(&mut rest)?,
            (_, 1) => skip(8, &mut rest)?,
            (_, 2) => {
                let length = varint(&mut rest)?;
                skip(length, &mut rest)?;
            }
            (_, 5) => skip(4, &mut rest)?,
            (..) => return Err("a field has an unknown type"),
        }
    }
    Ok(state)
}

fn push_varint(mut value: u64, out: &mut Vec<u8>) {
    while value > 0x7f {
        out.push((value & 0x7f) as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

/// A number of at most ten bytes.
fn varint(rest: &mut &[u8]) -> Result<u64, &'static str> {
    let mut value = 0;
    for shift in (0..64).step_by(7) {
        let (&byte, behind) = rest.split_first().ok_or(CUT_SHORT)?;
        *rest = behind;
        let bits = u64::from(byte & 0x7f);
        if bits << shift >> shift != bits {
            break;
        }
        value |= bits << shift;
        if byte & 0x80 == 0 {
            return Ok(value);
        }
    }
    Err("a number is too large")
}

fn skip(count: u64, rest: &mut &[u8]) -> Result<(), &'static str> {
    let behind = usize::try_from(count).ok().and_then(|count| rest.get(count..));
    *rest = behind.ok_or(CUT_SHORT)?;
    Ok(())
}

const CUT_SHORT: &str = "it is cut short";
