//! What must hold for any bytes whatever: unit tests and fuzz targets run the same checks.
//!
//! Single inputs with a known result are not here, but in the tables beside the code.

/// Any bytes as the frames of a client, before the meter.
pub fn frames(data: &[u8]) {
    crate::meter::check::frames(data);
}

/// Any pieces as a request of HTTP/2 that becomes text.
pub fn request_texts(data: &[u8]) {
    crate::convert::check::request_texts(data);
}

/// Any text as an answer that becomes one of HTTP/2, and text again.
pub fn response_texts(data: &[u8]) {
    crate::convert::check::response_texts(data);
}

#[cfg(test)]
mod tests;
